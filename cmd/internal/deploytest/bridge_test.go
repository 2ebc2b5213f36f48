package deploytest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/cmd/internal/api"
	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// root is the repository.
const root = "../../../"

const people = `id,userName,displayName,mail
id-of-ada,ada@example.com,Ada Lovelace,ada.mail@example.com
id-of-grace,grace@example.com,Grace Hopper,grace.mail@example.com
`

// sample is a configuration with one job; SINK stands for the application's address.
const sample = `state: sqlite:state.db
http: {listen: "127.0.0.1:0"}
sources: {hr: {type: file, users: people.csv}}
sinks: {wiki: {type: scim, base_url: SINK, auth: {type: bearer, token: t}}}
jobs: {hr-to-wiki: {source: hr, sink: wiki}}
`

// bridge is a server at work: schedule, API, metrics.
type bridge struct {
	t    *testing.T
	dir  string
	sink *scimtest.Server
	reg  *prometheus.Registry
	base string
}

// startBridge starts one on a sample configuration, changed by tune.
func startBridge(t *testing.T, tune func(*config.Job)) *bridge {
	t.Helper()
	b := &bridge{t: t, dir: t.TempDir(), sink: scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "t"}}), reg: prometheus.NewRegistry()}
	b.people(people)
	text := strings.ReplaceAll(sample, "SINK", b.sink.Start(t))
	cfg, err := config.Parse(filepath.Join(b.dir, "idpbridge.yaml"), []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	job := cfg.Jobs["hr-to-wiki"]
	tune(&job)
	cfg.Jobs["hr-to-wiki"] = job
	a, err := app.New(app.Options{Config: cfg, Version: "1.2.3", Registry: b.reg, Adapters: app.Adapters{
		Sources: map[string]app.NewSource{config.TypeFile: app.NewFile},
		Sinks:   map[string]app.SinkAdapter{config.TypeSCIM: app.SCIM()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.serve(a)
	return b
}

func (b *bridge) people(csv string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "people.csv"), []byte(csv), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bridge) serve(a *app.App) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	listening, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- a.Serve(ctx, app.ServeOptions{
			Registry: b.reg, Listening: func(addr net.Addr) { listening <- addr },
			Handler: func(s *schedule.Scheduler) http.Handler { return api.New(api.Options{App: a, Cycles: s}) },
		})
	}()
	b.t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, a.Close()); err != nil {
			b.t.Errorf("the end: %v", err)
		}
	})
	select {
	case addr := <-listening:
		b.base = "http://" + addr.String()
	case err := <-ended:
		ended <- err
		b.t.Fatalf("not started: %v", err)
	}
}

// call sends a request to the API and decodes the answer.
func (b *bridge) call(method, path, body string) map[string]any {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+"/api/v1/jobs/hr-to-wiki"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return fetch(b.t, req)
}

// fetch sends a request that has to succeed and decodes the answer.
func fetch(t *testing.T, req *http.Request) map[string]any {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", req.Method, req.URL.Path, resp.StatusCode, raw, err)
	}
	return out
}

// until waits for something to become true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// families returns the bridge's own metrics after its first cycle.
func (b *bridge) families() []*dto.MetricFamily {
	b.t.Helper()
	until(b.t, "first cycle", func() bool { return b.call("GET", "", "")["last_success_at"] != nil })
	all, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// untuned leaves the sample job as it is.
func untuned(*config.Job) {}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
