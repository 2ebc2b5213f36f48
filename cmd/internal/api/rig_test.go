package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/cmd/internal/api"
	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// people are the directory of the tests.
const people = `id,userName,displayName,mail,active
u1,ada@example.com,Ada Lovelace,ada@example.com,true
u2,grace@example.com,Grace Hopper,grace@example.com,true
u3,joan@example.com,Joan Clarke,joan@example.com,true
`

// tokens are one caller of each kind. Each token's text is its name with a tail.
const tokens = `  tokens:
    - {name: viewer, role: viewer, sha256: "%x"}
    - {name: operator, role: operator, sha256: "%x"}
    - {name: admin, role: admin, sha256: "%x", expires: 2999-01-01}
    - {name: late, role: admin, sha256: "%x", expires: 2026-01-01}
`

func secretOf(name string) string { return name + "-s3cret" }

// setup is what a rig is made of.
type setup struct {
	tokens   bool
	job      string // more lines of the job
	logLevel slog.Level
}

// rig is the API over real HTTP, with a scheduler, a directory in files and an application.
type rig struct {
	t    *testing.T
	dir  string
	app  *app.App
	sink *scimtest.Server
	base string
	log  *logBuffer
}

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// audits returns the audit records so far.
func (b *logBuffer) audits(t *testing.T) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(b.String()) {
		var rec map[string]any
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if rec["msg"] == "audit" {
			out = append(out, rec)
		}
	}
	return out
}

// light is the table of adapters without the SDKs.
func light() app.Adapters {
	return app.Adapters{
		Sources: map[string]app.NewSource{config.TypeFile: app.NewFile},
		Sinks:   map[string]app.SinkAdapter{config.TypeSCIM: app.SCIM()},
	}
}

// newRig starts everything. The one job is "hr-to-wiki", whose next automatic cycle is
// half an hour away.
func newRig(t *testing.T, s setup) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), sink: scimtest.New(scimtest.Options{}), log: &logBuffer{}}
	r.people(people)
	log := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: s.logLevel}))
	cfg := r.config(s, r.sink.Start(t))
	a, err := app.New(app.Options{
		Config: cfg, Log: log, Registry: prometheus.NewRegistry(),
		Adapters: light(),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.app = a
	server := httptest.NewServer(api.New(api.Options{App: a, Cycles: r.schedule(log), Log: log}))
	t.Cleanup(server.Close)
	r.base = server.URL
	return r
}

func (r *rig) people(csv string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "people.csv"), []byte(csv), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) config(s setup, sink string) *config.Config {
	r.t.Helper()
	text := "state: sqlite:state.db\nhttp:\n  listen: 127.0.0.1:0\n"
	if s.tokens {
		hash := func(name string) [32]byte { return sha256.Sum256([]byte(secretOf(name))) }
		text += fmt.Sprintf(tokens, hash("viewer"), hash("operator"), hash("admin"), hash("late"))
	}
	text += "sources:\n  hr: {type: file, users: people.csv}\nsinks:\n  wiki: {type: scim, base_url: " + sink +
		", auth: {type: bearer, token: t}}\njobs:\n  hr-to-wiki:\n    source: hr\n    sink: wiki\n" + s.job
	cfg, err := config.Parse(filepath.Join(r.dir, "idpbridge.yaml"), []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		r.t.Fatal(err)
	}
	return cfg
}

// schedule starts the scheduler, and stops it and the app at the end of the test.
func (r *rig) schedule(log *slog.Logger) *schedule.Scheduler {
	r.t.Helper()
	ctx := r.t.Context()
	store, err := r.app.Store(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	row, err := store.Job(ctx, "hr-to-wiki")
	if err != nil {
		r.t.Fatal(err)
	}
	if err := store.SetNextCycle(ctx, row.ID, time.Now().Add(30*time.Minute)); err != nil {
		r.t.Fatal(err)
	}
	engine, err := r.app.Engine(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	job, err := r.app.Job("hr-to-wiki")
	if err != nil {
		r.t.Fatal(err)
	}
	s, err := schedule.New(schedule.Options{Store: store, Engine: engine, Log: log, Watch: time.Minute})
	if err != nil {
		r.t.Fatal(err)
	}
	plan := schedule.Plan{}
	plan.Jobs = append(plan.Jobs, job)
	if err := s.Start(ctx, plan); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			r.t.Error(err)
		}
		if err := r.app.Close(); err != nil {
			r.t.Error(err)
		}
	})
	return s
}

// ask is a request.
type ask struct {
	as, method, path, body string
	header                 map[string]string
	host                   string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (r *rig) do(a ask) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), a.method, r.base+a.path, strings.NewReader(a.body))
	if err != nil {
		r.t.Fatal(err)
	}
	if a.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.as != "" {
		req.Header.Set("Authorization", "Bearer "+secretOf(a.as))
	}
	for k, v := range a.header {
		req.Header.Set(k, v)
	}
	if a.host != "" {
		req.Host = a.host
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

// must is do for a request that has to end with a status; it decodes the answer.
func (r *rig) must(status int, a ask) map[string]any {
	r.t.Helper()
	got := r.do(a)
	if got.status != status {
		r.t.Fatalf("%s %s: %d, not %d: %s", a.method, a.path, got.status, status, got.body)
	}
	return got.object(r.t)
}

func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(a.body, &out); err != nil {
		t.Fatalf("answer %q: %v", a.body, err)
	}
	return out
}

const jobPath = api.Prefix + "/jobs/hr-to-wiki"

// cycle runs a cycle to its end and returns it.
func (r *rig) cycle(as, body string) map[string]any {
	r.t.Helper()
	return r.ended(as, r.started(as, body))
}

// started starts a cycle and returns where it is. A cycle's end is told a moment before its
// lease is given back, until when another one is refused.
func (r *rig) started(as, body string) string {
	r.t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := r.do(ask{as: as, method: "POST", path: jobPath + "/cycles", body: body})
		switch {
		case got.status == http.StatusAccepted:
			return got.header.Get("Location")
		case got.status != http.StatusConflict || time.Now().After(until):
			r.t.Fatalf("cycle not started: %d %s", got.status, got.body)
		}
	}
}

// ended waits for the end of a cycle.
func (r *rig) ended(as, location string) map[string]any {
	r.t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		c := r.must(http.StatusOK, ask{as: as, method: "GET", path: location})
		if c["status"] != "running" && c["ended_at"] != nil {
			return c
		}
	}
	r.t.Fatal("the cycle does not end")
	return nil
}
