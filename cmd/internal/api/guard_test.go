package api_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/cmd/internal/api"
	"github.com/idpbridge/idpbridge/cmd/internal/app"
)

// Without tokens, only requests that come from here and mean it get in.
func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	port := r.base[strings.LastIndex(r.base, ":"):]
	for _, test := range []struct {
		name   string
		host   string
		header map[string]string
		get    int
		post   int
	}{
		{"as is", "", nil, 200, 200},
		{"localhost", "localhost" + port, nil, 200, 200},
		{"IPv6", "[::1]" + port, nil, 200, 200},
		{"no port", "127.0.0.1", nil, 200, 200},
		{"own page", "127.0.0.1" + port, map[string]string{"Origin": "http://127.0.0.1" + port, "Sec-Fetch-Site": "same-origin"}, 200, 200},
		{"rebound name", "evil.example" + port, nil, 403, 403},
		{"rebound name with a loopback head", "127.0.0.1.evil.example", nil, 403, 403},
		{"name under localhost", "x.localhost", nil, 403, 403},
		{"foreign page", "", map[string]string{"Origin": "https://evil.example"}, 403, 403},
		{"sandboxed page", "", map[string]string{"Origin": "null"}, 403, 403},
		{"another page of this machine", "", map[string]string{"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}, 200, 403},
		{"foreign page without Origin", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200, 403},
		{"proxy", "", map[string]string{"X-Forwarded-For": "192.0.2.1"}, 403, 403},
		{"proxy by RFC 7239", "", map[string]string{"Forwarded": "for=192.0.2.1"}, 403, 403},
	} {
		for method, want := range map[string]int{"GET": test.get, "POST": test.post} {
			path := jobPath
			if method == "POST" {
				path += "/resume"
			}
			got := r.do(ask{method: method, path: path, host: test.host, header: test.header})
			if got.status != want {
				t.Errorf("%s, %s: %d, not %d: %s", test.name, method, got.status, want, got.body)
			}
		}
	}
	refused := 0
	for _, rec := range r.log.audits(t) {
		if rec["status"] == 403.0 && rec["role"] != "admin" {
			refused++
		}
	}
	if refused < 14 {
		t.Errorf("%d refused strangers are on record", refused)
	}
}

// A request from another machine is refused even if it calls itself local.
func TestOtherMachinesAreRefused(t *testing.T) {
	t.Parallel()
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for remote, want := range map[string]int{"127.0.0.1:9": 204, "[::1]:9": 204, "192.0.2.7:9": 403, "[2001:db8::1]:9": 403, "": 403, "@": 403} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/metrics", nil)
		req.RemoteAddr = remote
		w := httptest.NewRecorder()
		api.LoopbackOnly(next).ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("from %q: %d, not %d", remote, w.Code, want)
		}
		req.URL.Path = jobPath
		w = httptest.NewRecorder()
		api.LoopbackOnly(next).ServeHTTP(w, req)
		if w.Code != http.StatusNoContent {
			t.Errorf("from %q: the API could not refuse by itself and keep a record: %d", remote, w.Code)
		}
	}
}

// With tokens nothing but the token counts, in any spelling of the scheme.
func TestTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{tokens: true})
	for header, want := range map[string]int{
		"Bearer viewer-s3cret": 200, "bearer viewer-s3cret": 200, "BEARER  viewer-s3cret ": 200,
		"": 401, "Bearer": 401, "Bearer ": 401, "viewer-s3cret": 401, "Basic viewer-s3cret": 401,
		"Bearer viewer-s3cre": 401, "Bearer viewer-s3crett": 401, "Bearer VIEWER-S3CRET": 401,
		"Bearer late-s3cret": 401,
	} {
		got := r.do(ask{method: "GET", path: jobPath, header: map[string]string{"Authorization": header}, host: "bridge.example"})
		if got.status != want {
			t.Errorf("%q: %d, not %d", header, got.status, want)
		}
	}
	late := r.do(ask{as: "late", method: "GET", path: jobPath})
	if c := late.header.Get("WWW-Authenticate"); c != `Bearer realm="idpbridge", error="invalid_token", error_description="the token has expired"` {
		t.Errorf("an expired token is answered with %q", c)
	}
	if got := r.do(ask{as: "admin", method: "POST", path: jobPath + "/resume", header: map[string]string{"Origin": "https://evil.example"}}); got.status != 403 {
		t.Errorf("a foreign page with a token got %d", got.status)
	}
}

// A reload changes who may come in, at once.
func TestTokensAreReloaded(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{tokens: true})
	r.must(200, ask{as: "viewer", method: "GET", path: jobPath})
	cfg := *r.app.Config()
	cfg.HTTP.Tokens = cfg.HTTP.Tokens[1:]
	if err := r.app.Reload(&cfg); err != nil {
		t.Fatal(err)
	}
	r.must(401, ask{as: "viewer", method: "GET", path: jobPath})
	r.must(200, ask{as: "operator", method: "GET", path: jobPath})
}

// brief is an audit record without what differs from run to run.
func brief(rec map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range rec {
		switch k {
		case "time", "level", "msg", "request_id", "cycle_id", "change_id", "remote":
		default:
			out[k] = v
		}
	}
	return out
}

// Whatever may change something, and whatever is refused, is on record with who did it,
// though the log is told to be quiet. People are not named.
func TestAudit(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{tokens: true, logLevel: slog.LevelError})
	r.must(200, ask{as: "viewer", method: "GET", path: jobPath}) // looking is not on record
	r.must(200, ask{as: "operator", method: "POST", path: jobPath + "/pause", header: map[string]string{"X-Request-Id": "trace-1"}})
	r.must(200, ask{as: "operator", method: "POST", path: jobPath + "/provision", body: `{"user":"ada@example.com"}`})
	r.must(403, ask{as: "operator", method: "POST", path: jobPath + "/restart"})
	r.must(200, ask{as: "admin", method: "POST", path: jobPath + "/restart", body: `{"escrows":true}`})
	r.must(401, ask{as: "late", method: "DELETE", path: jobPath + "/quarantine"})
	r.must(401, ask{method: "GET", path: jobPath})
	r.must(404, ask{as: "admin", method: "POST", path: api.Prefix + "/jobs/evil%0Ajob/pause"})
	r.must(405, ask{as: "admin", method: "PUT", path: jobPath})
	r.must(422, ask{as: "admin", method: "POST", path: jobPath + "/cycles", body: `{"user":"ada@example.com"}`})
	const base = api.Prefix + "/jobs/{job}"
	want := []map[string]any{
		{"actor": "operator", "role": "operator", "method": "POST", "route": base + "/pause", "job": "hr-to-wiki", "status": 200.0},
		{
			"actor": "operator", "role": "operator", "method": "POST", "route": base + "/provision", "job": "hr-to-wiki", "status": 200.0,
			"dry_run": false, "result": "success", "source_id": "u1",
		},
		{"actor": "operator", "role": "operator", "method": "POST", "route": base + "/restart", "job": "hr-to-wiki", "status": 403.0},
		{
			"actor": "admin", "role": "admin", "method": "POST", "route": base + "/restart", "job": "hr-to-wiki", "status": 200.0,
			"watermark": false, "escrows": true, "quarantine": false,
		},
		{"actor": "late", "role": "", "method": "DELETE", "route": base + "/quarantine", "job": "hr-to-wiki", "status": 401.0},
		{"actor": "", "role": "", "method": "GET", "route": base, "job": "hr-to-wiki", "status": 401.0},
		{"actor": "admin", "role": "admin", "method": "POST", "route": base + "/pause", "job": "", "status": 404.0},
		{"actor": "admin", "role": "admin", "method": "PUT", "route": "", "job": "hr-to-wiki", "status": 405.0},
		{"actor": "admin", "role": "admin", "method": "POST", "route": base + "/cycles", "job": "hr-to-wiki", "status": 422.0},
	}
	// The record is written when the answer is out already.
	var got []map[string]any
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until) && len(got) < len(want); time.Sleep(time.Millisecond) {
		got = r.log.audits(t)
	}
	var briefs []map[string]any
	for _, rec := range got {
		briefs = append(briefs, brief(rec))
	}
	if diff := cmp.Diff(want, briefs); diff != "" {
		t.Errorf("audit records (-want +got):\n%s", diff)
	}
	if got[0]["request_id"] != "trace-1" || got[0]["remote"] != "127.0.0.1" || got[1]["change_id"] == nil {
		t.Errorf("records: %v", got)
	}
	for _, secret := range []string{"ada", "s3cret"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// A fault of a handler is a problem document and an audit record, and nothing of it gets out.
func TestFaultOfAHandler(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	log := &logBuffer{}
	broken := httptest.NewServer(api.New(api.Options{App: r.app, Log: slog.New(slog.NewJSONHandler(log, nil))})) // nobody runs cycles
	t.Cleanup(broken.Close)
	r.base = broken.URL
	got := r.do(ask{method: "POST", path: jobPath + "/cycles", header: map[string]string{"X-Request-Id": "bad id\t!"}})
	if got.status != 500 || got.header.Get("Content-Type") != "application/problem+json" || strings.Contains(string(got.body), "nil") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if id := got.header.Get("X-Request-Id"); len(id) != 26 {
		t.Errorf("request id %q", id)
	}
	broken.Close()
	if records := log.audits(t); len(records) != 1 || records[0]["status"] != 500.0 {
		t.Errorf("audit: %v", records)
	}
	if !strings.Contains(log.String(), "request handler panicked") {
		t.Error("the log says nothing of the fault")
	}
}

// A state that can't be read is a 500 that says nothing of where it is.
func TestStateIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	cfg := *r.app.Config()
	cfg.State.Path = filepath.Join(r.dir, "people.csv", "state.db")
	a, err := app.New(app.Options{Config: &cfg, Adapters: light()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Options{App: a}))
	t.Cleanup(server.Close)
	r.base = server.URL
	got := r.do(ask{method: "GET", path: jobPath})
	if problem := got.object(t); problem["status"] != 500.0 || strings.Contains(string(got.body), "people.csv") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A caller who does not finish is not waited for.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := "POST " + jobPath + "/provision HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("a body that never ends is not answered: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
}
