package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/schedule"
)

// server is a running `serve` over files and an emulated application.
type server struct {
	t      *testing.T
	dir    string
	app    *app.App
	sink   *scimtest.Server
	url    string // of the sink
	base   string // of the server
	client *http.Client
	log    *lines
	reg    *prometheus.Registry
	reload chan struct{}
	stop   func() error

	mu   sync.Mutex
	text string // of the configuration
}

// lines collects what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const people = "id,userName,displayName\n1,ada@example.com,Ada\n2,bob@example.com,Bob\n"

// base is a configuration with one job; SINK stands for the application's address.
const base = `state: sqlite:state.db
http: {listen: "127.0.0.1:0"}
sources: {hr: {type: file, users: people.csv}}
sinks: {wiki: {type: scim, base_url: SINK, auth: {type: bearer, token: t}}}
jobs: {one: {source: hr, sink: wiki}}
`

func newServer(t *testing.T, text string) *server {
	t.Helper()
	s := &server{
		t: t, dir: t.TempDir(), sink: scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "t"}}), client: &http.Client{Timeout: 10 * time.Second},
		log: &lines{}, reg: prometheus.NewRegistry(), reload: make(chan struct{}), text: text,
	}
	s.url = s.sink.Start(t)
	if err := os.WriteFile(filepath.Join(s.dir, "people.csv"), []byte(people), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) put(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

func (s *server) load() (*config.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.ReplaceAll(s.text, "SINK", s.url)
	return config.Parse(filepath.Join(s.dir, "idpbridge.yaml"), []byte(text), func(string) (string, bool) { return "", false })
}

// start runs the server until the end of the test, or until stop.
func (s *server) start(handler func(*schedule.Scheduler) http.Handler) {
	s.t.Helper()
	cfg, err := s.load()
	if err != nil {
		s.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	s.app, err = app.New(app.Options{Config: cfg, Adapters: light(), Version: "1.2.3", Log: log, Registry: s.reg})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	listening, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- s.app.Serve(ctx, app.ServeOptions{
			Registry: s.reg, Handler: handler, Reload: s.reload, Load: s.load, Listening: func(a net.Addr) { listening <- a },
		})
	}()
	s.stop = sync.OnceValue(func() error {
		cancel()
		s.client.CloseIdleConnections()
		return errors.Join(<-ended, s.app.Close())
	})
	s.t.Cleanup(func() {
		if err := s.stop(); err != nil {
			s.t.Errorf("the end: %v", err)
		}
	})
	select {
	case a := <-listening:
		s.base = "http://" + a.String()
		if cfg.HTTP.TLS.Enabled() {
			s.base = "https://" + a.String()
		}
	case err := <-ended:
		ended <- err
		s.t.Fatalf("not started: %v", err)
	}
}

// get returns the status and the text of an answer.
func (s *server) get(path string) (int, string) {
	s.t.Helper()
	resp, err := s.client.Get(s.base + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// until waits for something to become true.
func (s *server) until(what string, is func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within 30 seconds\n%s", what, s.log)
		}
	}
}

func (s *server) shows(series string) func() bool {
	return func() bool {
		_, text := s.get("/metrics")
		return strings.Contains(text, series)
	}
}

// Jobs run at once when they never ran, every metric of the contract is there, and the end
// is quick and in good order.
func TestServe(t *testing.T) {
	s := newServer(t, base)
	s.start(nil)
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, text := s.get(path); status != http.StatusOK || text != "ok\n" {
			t.Errorf("%s: %d %q", path, status, text)
		}
	}
	s.until("first cycle", s.shows(`idpbridge_cycles_total{job="one",kind="initial",status="succeeded"} 1`))
	for _, series := range []string{
		`idpbridge_job_quarantined{job="one"} 0`, `idpbridge_job_quarantine_since_timestamp_seconds{job="one"} 0`,
		`idpbridge_job_quarantine_entries_total{job="one",reason="credentials"} 0`, `idpbridge_job_state{job="one",state="active"} 1`,
		`idpbridge_cycle_duration_seconds_count{job="one",kind="initial"} 1`, `idpbridge_cycle_last_success_timestamp_seconds{job="one"}`,
		`idpbridge_changes_total{action="create",job="one",resource="user",status="success"} 2`,
		`idpbridge_escrowed_objects{job="one",resource="user"} 0`, `idpbridge_staged_deletions{job="one",resource="group"} 0`,
		`idpbridge_links{job="one",resource="user"} 2`, `idpbridge_requests_total{code="201",method="POST",name="wiki",peer="sink"}`,
		`idpbridge_request_duration_seconds_count{method="GET",name="wiki",peer="sink"}`, `idpbridge_limiter_wait_seconds_total{name="hr",peer="source"}`,
		`idpbridge_build_info{goversion="go1.`,
	} {
		s.until(series, s.shows(series)) // they are not written at one moment
	}
	_, metrics := s.get("/metrics")
	if strings.Contains(metrics, "example.com") {
		t.Error("a metric names a person")
	}
	if problems, err := testutil.GatherAndLint(s.reg); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	if status, _ := s.get("/elsewhere"); status != http.StatusNotFound {
		t.Errorf("an unknown path: %d", status)
	}
	began := time.Now()
	if err := s.stop(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("the end took %s: %v", time.Since(began), err)
	}
}

// A stop in the middle of a cycle lets what is in flight end; the next process goes on
// with the rest, and nobody is made twice.
func TestServeStopsInFlight(t *testing.T) {
	s := newServer(t, base)
	s.sink.Inject(scimtest.Fault{Method: "POST", Path: "/Users", DelayBefore: time.Second})
	s.start(nil)
	s.until("a request in flight", func() bool { return s.sink.Counts().Writes() > 0 })
	began := time.Now()
	if err := s.stop(); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("the end took %s: %v", time.Since(began), err)
	}
	s.sink.ClearFaults()
	s.reg = prometheus.NewRegistry()
	s.start(nil)
	store, err := s.app.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SetNextCycle(t.Context(), 1, time.Now()); err != nil {
		t.Fatal(err)
	}
	s.until("the rest", s.shows(`idpbridge_links{job="one",resource="user"} 2`))
	if n := len(s.sink.Users()); n != 2 {
		t.Errorf("%d users were made", n)
	}
}

// A wrong configuration changes nothing and is told with all its problems; a right one
// comes into force, with the jobs that it adds.
func TestServeReload(t *testing.T) {
	s := newServer(t, base)
	s.start(nil)
	s.until("first cycle", s.shows(`idpbridge_links{job="one",resource="user"} 2`))
	before := s.app.Config()
	for problem, text := range map[string]string{
		"there is no source":        strings.ReplaceAll(base, "source: hr", "source: nobody"),
		"unknown key":               strings.ReplaceAll(base, "source: hr", "source: hr, colour: red"),
		"without a restart":         strings.ReplaceAll(base, "state.db", "other.db"),
		"not base64":                base + "notify: {webhooks: [{url: 'https://hooks.example.com', secret: whsec_%}]}\n",
		"ca.pem: no such file or d": strings.ReplaceAll(base, "auth:", "tls: {ca_file: ca.pem}, auth:"),
	} {
		s.put(text)
		s.reload <- struct{}{}
		s.until(problem, func() bool {
			return strings.Contains(s.log.String(), "the old one stays in force") && strings.Contains(s.log.String(), problem)
		})
		// Once more through the same door, so that the first reload has ended.
		s.put("jobs: 1\n")
		s.reload <- struct{}{}
		if s.app.Config() != before {
			t.Errorf("%s: another configuration is in force", problem)
		}
	}
	s.put(strings.ReplaceAll(base, "jobs: {one:", "jobs: {two: {source: hr, sink: wiki, interval: 1h}, one:"))
	s.reload <- struct{}{}
	s.until("the new job", s.shows(`idpbridge_cycles_total{job="two",kind="initial",status="succeeded"} 1`))
	if _, text := s.get("/metrics"); !strings.Contains(text, `idpbridge_cycles_total{job="one",kind="initial",status="succeeded"} 1`) {
		t.Error("the job that stayed ran again")
	}
}

// People hear of a quarantine by webhook, and of its end.
func TestServeNotifies(t *testing.T) {
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct{ Event, Reason string }
		if err := json.NewDecoder(r.Body).Decode(&m); err == nil {
			got <- m.Event + " " + m.Reason
		}
	}))
	t.Cleanup(hook.Close)
	s := newServer(t, base+"notify: {webhooks: [{url: '"+hook.URL+"', secret: s3cret}]}\n")
	s.sink.Inject(scimtest.Fault{Status: http.StatusUnauthorized})
	s.start(nil)
	s.until("quarantine", s.shows(`idpbridge_job_quarantined{job="one"} 1`))
	select {
	case m := <-got:
		if m != "quarantine_entered credentials" {
			t.Errorf("told: %s", m)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("nobody was told:\n%s", s.log)
	}
}

// Without tokens, nothing but loopback is listened on, even if the configuration was made
// by other means than a file.
func TestServeLoopbackAlone(t *testing.T) {
	s := newServer(t, base)
	cfg, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTP.Listen = "0.0.0.0:0"
	a := start(t, cfg)
	err = a.Serve(t.Context(), app.ServeOptions{Registry: prometheus.NewRegistry()})
	if err == nil || !strings.Contains(err.Error(), "http.tokens") {
		t.Errorf("listening on all addresses without tokens: %v", err)
	}
}

// With a certificate the server speaks TLS alone, and takes a renewed one at a reload.
func TestServeTLS(t *testing.T) {
	s := newServer(t, strings.Replace(base, `"127.0.0.1:0"`, `"127.0.0.1:0", tls: {cert_file: tls.crt, key_file: tls.key}`, 1))
	lender := httptest.NewUnstartedServer(nil)
	lender.StartTLS()
	t.Cleanup(lender.Close)
	s.certificate(lender.TLS.Certificates[0])
	s.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: lender.Client().Transport.(*http.Transport).TLSClientConfig}}
	s.start(nil)
	if status, _ := s.get("/healthz"); status != http.StatusOK {
		t.Errorf("over TLS: %d", status)
	}
	resp, err := http.Get(strings.Replace(s.base, "https:", "http:", 1) + "/healthz")
	if err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("plain HTTP was answered")
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := os.WriteFile(filepath.Join(s.dir, "tls.crt"), []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.reload <- struct{}{}
	s.until("the refusal", func() bool { return strings.Contains(s.log.String(), "the old one stays in force") })
	if status, _ := s.get("/healthz"); status != http.StatusOK {
		t.Errorf("after a broken certificate: %d", status)
	}
}

func (s *server) certificate(c tls.Certificate) {
	s.t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, "tls.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Handlers get no more than a megabyte, and one that is refused a listener starts nothing.
func TestServeBounds(t *testing.T) {
	s := newServer(t, base)
	s.start(func(*schedule.Scheduler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}
		})
	})
	for size, want := range map[int]int{1 << 20: http.StatusOK, 1<<20 + 1: http.StatusRequestEntityTooLarge} {
		resp, err := s.client.Post(s.base+"/x", "text/plain", strings.NewReader(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes: %d", size, resp.StatusCode)
		}
	}
	cfg, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTP.Listen = strings.TrimPrefix(s.base, "http://")
	if err := start(t, cfg).Serve(t.Context(), app.ServeOptions{Registry: prometheus.NewRegistry()}); err == nil {
		t.Error("two servers on one port")
	}
}
