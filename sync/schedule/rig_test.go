package schedule_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/config/secret"
	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/sourcetest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/schedule"
	"github.com/idpbridge/idpbridge/sync/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a directory, an app and a state file in virtual time: everything runs in one
// bubble of synctest. The app is the SCIM emulator behind the real client, called without
// a socket, because a bubble's clock stands still while something waits for the network.
type world struct {
	t     *testing.T
	dir   *sourcetest.Directory
	app   *scimtest.Server
	sink  engine.Sink
	m     *mapping.Mapping
	file  string
	watch time.Duration
	log   *lines
}

// process is one process that uses the state: what `serve` is made of.
type process struct {
	*schedule.Scheduler
	store *state.Store
	eng   *engine.Engine
	stop  func()
}

// inVirtualTime runs a test in a bubble, at a time of day that is no round number.
func inVirtualTime(t *testing.T, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(7*time.Hour + 13*time.Minute + 5*time.Second)
		f(t, newWorld(t))
	})
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: &sourcetest.Directory{}, watch: 10 * time.Second, file: filepath.Join(t.TempDir(), "state.db"), log: &lines{}}
	w.app = scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "token"}, NoLog: true})
	var err error
	w.sink, err = scim.New(scim.Config{BaseURL: "http://127.0.0.1/scim/v2", Auth: scim.Auth{Type: "bearer", Token: secret.String("token")}},
		&http.Client{Transport: direct{w.app}}, slog.New(slog.DiscardHandler))
	must(t, err)
	w.m, err = mapping.Compile(mapping.Spec{}, mapping.Scope{}, mapping.Defaults{
		Users:  []sources.DefaultRow{{To: "userName", From: "user.userName", Match: 1}, {To: "displayName", From: "user.displayName"}},
		Groups: []sources.DefaultRow{{To: "displayName", From: "group.displayName", Match: 1}},
	})
	must(t, err)
	for i := range 3 {
		w.user(i)
	}
	return w
}

// direct calls a handler in place of the network.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	d.ServeHTTP(answer, r)
	return answer.Result(), nil
}

func (w *world) user(i int) {
	name := fmt.Sprintf("user%d@example.com", i)
	w.dir.PutUser(sources.User{
		ID: sources.ID(fmt.Sprintf("u%d", i)), UserName: name, Active: true,
		Attributes: map[string]any{"userName": name, "displayName": fmt.Sprintf("User %d", i)},
	})
}

// job makes a job over the world's directory and app.
func (w *world) job(name string, interval time.Duration) *engine.Job {
	return &engine.Job{
		Name: name, Source: w.dir, Sink: w.sink, DrySink: w.sink, Mapping: w.m, Policy: plan.Default(), Quarantine: quarantine.Default(),
		Interval: interval, Requests: func() state.Requests { return state.Requests{} },
	}
}

// open opens the state as another process would.
func (w *world) open() (*state.Store, *engine.Engine) {
	w.t.Helper()
	store, err := state.Open(w.t.Context(), state.Options{Path: w.file})
	must(w.t, err)
	return store, engine.New(engine.Options{Store: store})
}

// serve starts a process. Its stop function ends it, once; the end of the test does too.
func (w *world) serve(jobs ...*engine.Job) *process {
	w.t.Helper()
	return w.serveWith(nil, jobs...)
}

// serveWith does it with an engine of the test's own; nil: a real one.
func (w *world) serveWith(e schedule.Engine, jobs ...*engine.Job) *process {
	w.t.Helper()
	store, eng := w.open()
	if e == nil {
		e = eng
	}
	s, err := schedule.New(schedule.Options{Store: store, Engine: e, Watch: w.watch, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	must(w.t, err)
	must(w.t, s.Start(w.t.Context(), schedule.Plan{Jobs: jobs}))
	p := &process{Scheduler: s, store: store, eng: eng}
	p.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		must(w.t, s.Stop(ctx))
		must(w.t, store.Close())
	})
	w.t.Cleanup(p.stop)
	return p
}

// row is what the state holds of a job.
func (p *process) row(t *testing.T, name string) *state.Job {
	t.Helper()
	row, err := p.store.Job(t.Context(), name)
	must(t, err)
	return row
}

// starts are the times at which a job's cycles began, oldest first.
func (p *process) starts(t *testing.T, name string) []time.Time {
	t.Helper()
	cycles, err := p.store.Cycles(t.Context(), p.row(t, name).ID, 2000)
	must(t, err)
	out := make([]time.Time, len(cycles))
	for i := range cycles {
		out[len(cycles)-1-i] = cycles[i].StartedAt
	}
	return out
}

// lines collects what was logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.text.Bytes(), []byte(text))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
