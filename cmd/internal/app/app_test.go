package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// light is the table of adapters without the SDKs.
func light() app.Adapters {
	return app.Adapters{
		Sources: map[string]app.NewSource{config.TypeFile: app.NewFile},
		Sinks:   map[string]app.SinkAdapter{config.TypeSCIM: app.SCIM()},
	}
}

// parse reads a configuration with one source of files, one sink as given, and two jobs.
func parse(t *testing.T, dir, sink string) *config.Config {
	t.Helper()
	text := "state: sqlite:state.db\nsources: {hr: {type: file, users: people.csv}}\nsinks: {wiki: {type: scim, " + sink +
		"}}\njobs: {one: {source: hr, sink: wiki}, two: {source: hr, sink: wiki}}\n"
	cfg, err := config.Parse(filepath.Join(dir, "idpbridge.yaml"), []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func start(t *testing.T, cfg *config.Config) *app.App {
	t.Helper()
	a, err := app.New(app.Options{Config: cfg, Adapters: light(), Version: "1.2.3", Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

const oauth = `auth: {type: oauth2, token_url: "%s", client_id: bridge, client_secret: s3cret}`

// A dry run can read from an application that wants tokens fetched, and still can't write:
// the HTTP layer refuses, whatever the code above asks for.
func TestDrySinkReadsAndNeverWrites(t *testing.T) {
	for _, test := range []struct {
		name string
		auth scimtest.Auth
		conf func(server *scimtest.Server, base string) string
	}{
		{"bearer", scimtest.Auth{Bearer: "t"}, func(*scimtest.Server, string) string { return `auth: {type: bearer, token: t}` }},
		{
			"oauth2",
			scimtest.Auth{OAuth: scimtest.OAuth{ClientID: "bridge", ClientSecret: "s3cret"}},
			func(s *scimtest.Server, base string) string { return fmt.Sprintf(oauth, s.TokenURL(base)) },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := scimtest.New(scimtest.Options{Auth: test.auth})
			base := server.Start(t)
			a := start(t, parse(t, t.TempDir(), "base_url: "+base+", "+test.conf(server, base)))
			job, err := a.Job("one")
			if err != nil {
				t.Fatal(err)
			}
			if err := job.DrySink.Probe(t.Context()); err != nil {
				t.Errorf("the dry sink can't read: %v", err)
			}
			op := sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: "ada"}}}
			if _, err := job.DrySink.Do(t.Context(), op); sinks.ClassOf(err) != sinks.ReadOnly {
				t.Errorf("a write through the dry sink gave %v", err)
			}
			if n := server.Counts().Writes(); n != 0 {
				t.Errorf("%d writes reached the application", n)
			}
			if _, err := job.Sink.Do(t.Context(), op); err != nil {
				t.Errorf("the sink itself can't write: %v", err)
			}
		})
	}
}

// All jobs of a sink share its ceiling of requests in flight, and each counts its own.
func TestJobsShareLimiterAndCountApart(t *testing.T) {
	server := scimtest.New(scimtest.Options{})
	var inFlight, most atomic.Int64
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := inFlight.Add(1)
		defer inFlight.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			continue
		}
		if agent := r.UserAgent(); !strings.HasPrefix(agent, "idpbridge") {
			t.Errorf("User-Agent %q", agent)
		}
		time.Sleep(5 * time.Millisecond)
		server.ServeHTTP(w, r)
	})
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	a := start(t, parse(t, t.TempDir(), "base_url: "+srv.URL+"/scim/v2, concurrency: 1, auth: {type: bearer, token: t}"))
	var wg sync.WaitGroup
	for i, name := range []string{"one", "two"} {
		job, err := a.Job(name)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 + i {
			wg.Go(func() {
				if err := job.Sink.Probe(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d requests were in flight at once, with a concurrency of 1", most.Load())
	}
	for name, want := range map[string]int64{"one": 3, "two": 4} {
		job, err := a.Job(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := job.Requests(); got.Sink != want || got.Source != 0 {
			t.Errorf("job %s counted %+v, not %d to the sink", name, got, want)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	cfg := parse(t, t.TempDir(), "base_url: http://127.0.0.1:1/, auth: {type: bearer, token: t}")
	a := start(t, cfg)
	_, err := a.Job("three")
	if unknown, ok := errors.AsType[*app.UnknownJobError](err); !ok || fmt.Sprint(unknown.Known) != "[one two]" {
		t.Errorf("an unknown job gave %v", err)
	}
	_, err = app.New(app.Options{Config: cfg, Adapters: app.Adapters{Sinks: light().Sinks}})
	if err == nil || !strings.Contains(err.Error(), `source hr: this program has no adapter of type "file"`) {
		t.Errorf("a missing adapter gave %v", err)
	}
}

// A reload takes effect for jobs that are asked for afterwards; one that can't be done
// changes nothing.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	const auth = ", auth: {type: bearer, token: t}"
	a := start(t, parse(t, dir, "base_url: http://127.0.0.1:1/"+auth))
	before, err := a.Job("one")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := a.Job("one"); err != nil || again != before {
		t.Errorf("a job was made twice: %v", err)
	}
	if _, err := a.Store(t.Context()); err != nil {
		t.Fatal(err)
	}
	elsewhere := parse(t, t.TempDir(), "base_url: http://127.0.0.1:1/"+auth)
	if err := a.Reload(elsewhere); err == nil || !strings.Contains(err.Error(), "can't become") {
		t.Errorf("the state moved while open: %v", err)
	}
	if same, err := a.Job("one"); err != nil || same != before {
		t.Errorf("a refused reload changed a job: %v", err)
	}
	next := parse(t, dir, "base_url: http://127.0.0.1:2/"+auth)
	delete(next.Jobs, "two")
	if err := a.Reload(next); err != nil {
		t.Fatal(err)
	}
	if after, err := a.Job("one"); err != nil || after == before {
		t.Errorf("a reload left the job as it was: %v", err)
	}
	if _, err := a.Job("two"); err == nil {
		t.Error("a job that left the configuration is still there")
	}
}

// What a reload replaces is let go, so that a server may be reloaded every day for years.
func TestReloadKeepsNothing(t *testing.T) {
	var clients []weak.Pointer[http.Client]
	adapters := light()
	adapters.Sources[config.TypeFile] = func(d app.SourceDeps) (engine.Source, error) {
		clients = append(clients, weak.Make(d.Client))
		return app.NewFile(d)
	}
	cfg := parse(t, t.TempDir(), "base_url: http://127.0.0.1:1/, auth: {type: bearer, token: t}")
	a, err := app.New(app.Options{Config: cfg, Adapters: adapters})
	if err != nil {
		t.Fatal(err)
	}
	const reloads = 5
	for range reloads {
		if _, err := a.Job("one"); err != nil {
			t.Fatal(err)
		}
		if err := a.Reload(cfg); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	for i, c := range clients {
		if c.Value() != nil {
			t.Errorf("the client of configuration %d of %d is still there", i+1, reloads)
		}
	}
	if err := a.Close(); err != nil || len(clients) != reloads {
		t.Errorf("%d clients, %v", len(clients), err)
	}
}

// One state and one engine serve all callers, and a closed App can be opened anew.
func TestStoreIsSharedAndClosed(t *testing.T) {
	a := start(t, parse(t, t.TempDir(), "base_url: http://127.0.0.1:1/, auth: {type: bearer, token: t}"))
	first, err := a.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Engine(t.Context()); err != nil {
		t.Fatal(err)
	}
	if second, err := a.Store(t.Context()); err != nil || second != first {
		t.Errorf("a second state was opened: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Job(t.Context(), "one"); err == nil {
		t.Error("the state is still open after Close")
	}
}

// All jobs of a sink share the rates that its application publishes.
func TestJobsShareBudgets(t *testing.T) {
	server := scimtest.New(scimtest.Options{})
	a := start(t, parse(t, t.TempDir(), "base_url: "+server.Start(t)+", auth: {type: bearer, token: t}, override: {budgets: [{methods: [GET], rate: 2/1h}]}"))
	for i, name := range []string{"one", "two", "two"} {
		job, err := a.Job(name)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := job.Sink.Probe(ctx); (err == nil) != (i < 2) {
			t.Errorf("request %d of 2 an hour: %v", i+1, err)
		}
	}
}
