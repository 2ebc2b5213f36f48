package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newClient returns a client whose connections are gone at the end of the test.
func newClient(t *testing.T, o Options) *http.Client {
	t.Helper()
	o.Peer, o.Name = Sink, "wiki"
	c := Client(o)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// serve starts a server that counts its requests.
func serve(t *testing.T, h http.HandlerFunc) (url string, seen *atomic.Int64) {
	t.Helper()
	seen = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, seen
}

// send makes one call and returns the answer's status, or the error.
func send(t *testing.T, c *http.Client, method, url string) (int, error) {
	t.Helper()
	var b io.Reader
	if method == http.MethodPost || method == http.MethodPatch {
		b = strings.NewReader(`{"active":true}`)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, b)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func TestReadOnlyRefusesWritesBeforeTheyLeave(t *testing.T) {
	url, seen := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := newClient(t, Options{ReadOnly: true})
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "post", "QUERY"} {
		_, err := send(t, c, method, url)
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: error %v, want ErrReadOnly", method, err)
		}
		marked, ok := errors.AsType[interface {
			error
			ReadOnly() bool
		}](err)
		if !ok || !marked.ReadOnly() || !asNotSent(err) {
			t.Errorf("%s: error %v does not say that it is read-only and not sent", method, err)
		}
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("%d writes reached the server", n)
	}
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		if status, err := send(t, c, method, url); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d, %v", method, status, err)
		}
	}
}

func TestRedirects(t *testing.T) {
	other, otherSeen := serve(t, func(http.ResponseWriter, *http.Request) {})
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other, http.StatusTemporaryRedirect)
		case "/here":
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	})
	c := newClient(t, Options{})
	if _, err := send(t, c, "GET", url+"/away"); !errors.Is(err, ErrRedirect) {
		t.Errorf("GET to another host: %v, want ErrRedirect", err)
	}
	if status, err := send(t, c, "GET", url+"/here"); err != nil || status != http.StatusOK {
		t.Errorf("GET within the host: %d, %v", status, err)
	}
	if _, err := send(t, c, "GET", url+"/loop"); err == nil {
		t.Error("an endless redirect was followed to the end")
	}
	for _, method := range []string{"POST", "PATCH", "PUT", "DELETE"} {
		for _, path := range []string{"/away", "/here"} {
			if status, err := send(t, c, method, url+path); err != nil || status != http.StatusTemporaryRedirect {
				t.Errorf("%s %s: %d, %v; want the 307 itself", method, path, status, err)
			}
		}
	}
	if n := otherSeen.Load(); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
}

func TestUserAgentAndHeadersReachTheServer(t *testing.T) {
	var got http.Header
	url, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() })
	c := newClient(t, Options{UserAgent: "idpbridge/1.2.3"})
	req, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	req.Header.Set("Accept", "application/scim+json")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got.Get("User-Agent") != "idpbridge/1.2.3" || got.Get("Accept") != "application/scim+json" {
		t.Errorf("server got %v", got)
	}
	if req.Header.Get("User-Agent") != "" {
		t.Error("the caller's request was changed")
	}
}

func TestTimeoutBoundsAnAttemptAndKeepsTheCallersContext(t *testing.T) {
	release := make(chan struct{})
	url, seen := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = w.Write([]byte("part"))
			w.(http.Flusher).Flush()
		}
		<-release
	})
	t.Cleanup(func() { close(release) })
	c := newClient(t, Options{Timeout: 50 * time.Millisecond})

	_, err := send(t, c, "POST", url+"/header")
	if !errors.Is(err, context.DeadlineExceeded) || asNotSent(err) {
		t.Errorf("time-out before the header: %v, want a deadline that may have had an effect", err)
	}
	if n := seen.Load(); n != 1 {
		t.Errorf("a write with unknown effect was sent %d times", n)
	}
	if _, err := send(t, c, "POST", url+"/body"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("time-out in the body: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	if _, err := newClient(t, Options{}).Do(req); !errors.Is(err, context.Canceled) { //nolint:bodyclose // there is none
		t.Errorf("canceled by the caller: %v", err)
	}
}

func TestForgottenBodiesDoNotBlock(t *testing.T) {
	url, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	c := newClient(t, Options{Concurrency: 1, Timeout: 100 * time.Millisecond})
	for range 3 {
		resp, err := c.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
}

// TestAPlaceIsGivenBackOnce: however an answer ends, and by how many ways at once, the
// limiter has its place again, and not two.
func TestAPlaceIsGivenBackOnce(t *testing.T) {
	readAll := func(resp *http.Response) { _, _ = io.Copy(io.Discard, resp.Body) }
	shut := func(resp *http.Response) { _ = resp.Body.Close() }
	for name, tt := range map[string]struct {
		method string
		status int
		end    func(*http.Response, context.CancelFunc)
	}{
		"read and closed":            {"POST", 201, func(r *http.Response, _ context.CancelFunc) { readAll(r); shut(r) }},
		"read":                       {"GET", 200, func(r *http.Response, _ context.CancelFunc) { readAll(r) }},
		"closed twice":               {"POST", 409, func(r *http.Response, _ context.CancelFunc) { shut(r); shut(r) }},
		"nothing to read":            {"HEAD", 200, func(r *http.Response, _ context.CancelFunc) { shut(r) }},
		"no answer":                  {"POST", 0, func(*http.Response, context.CancelFunc) {}},
		"forgotten until too late":   {"POST", 201, func(*http.Response, context.CancelFunc) { time.Sleep(DefaultTimeout) }},
		"forgotten by who gave up":   {"POST", 201, func(_ *http.Response, giveUp context.CancelFunc) { giveUp() }},
		"given up, then closed":      {"POST", 201, func(r *http.Response, giveUp context.CancelFunc) { giveUp(); readAll(r); shut(r) }},
		"closed, then given up":      {"POST", 201, func(r *http.Response, giveUp context.CancelFunc) { shut(r); giveUp() }},
		"closed in the last instant": {"POST", 201, func(r *http.Response, giveUp context.CancelFunc) { go giveUp(); go shut(r); readAll(r) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := NewLimiter(Limits{})
				ctx, giveUp := context.WithCancel(t.Context())
				defer giveUp()
				req, _ := http.NewRequestWithContext(ctx, tt.method, "https://wiki.example/Users", nil)
				resp, err := scripted(&script{answers: []answer{{status: tt.status}}}, Options{Limiter: l}).Do(req) //nolint:bodyclose // left open by some
				if (err != nil) != (tt.status == 0) {
					t.Fatal(err)
				}
				tt.end(resp, giveUp)
				synctest.Wait()
				if l.inFlight != 0 {
					t.Errorf("%d requests in flight, want 0", l.inFlight)
				}
			})
		})
	}
}

func TestCertificatesAreAlwaysVerified(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(s.Close)
	c := newClient(t, Options{TLS: &tls.Config{InsecureSkipVerify: true}}) //nolint:gosec // must be overruled
	_, err := send(t, c, "POST", s.URL)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok || !asNotSent(err) {
		t.Errorf("unknown authority: %v, want a certificate error, not sent", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c = newClient(t, Options{TLS: &tls.Config{RootCAs: roots}})
	if status, err := send(t, c, "GET", s.URL); err != nil || status != http.StatusOK {
		t.Errorf("private authority: %d, %v", status, err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
	_, err := newClient(t, Options{TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10}}).Do(req) //nolint:bodyclose // there is none
	if err == nil {
		t.Error("a connection with TLS 1.1 was made")
	}
}

func TestHTTP2IsUsed(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Proto)) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := newClient(t, Options{TLS: &tls.Config{RootCAs: roots}})
	resp, err := c.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got, _ := io.ReadAll(resp.Body); string(got) != "HTTP/2.0" {
		t.Errorf("protocol %s", got)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := newClient(t, Options{})
	for range 20 {
		if _, err := send(t, c, "POST", s.URL); err != nil {
			t.Fatal(err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections for 20 requests in a row", n)
	}
}

func TestMetricsAndCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		m, n := NewMetrics(reg), &Counter{}
		m.InitializeFor(Source, "corp")
		m.InitializeFor(Sink, "wiki")
		zero, err := testutil.GatherAndCount(reg, "idpbridge_requests_total", "idpbridge_request_duration_seconds", "idpbridge_limiter_wait_seconds_total")
		if err != nil || zero == 0 {
			t.Fatalf("%d series before the first request, %v", zero, err)
		}

		const url = "https://wiki.example/Users/alice"
		o := Options{Metrics: m, Counter: n, RateLimit: 1, Burst: 1}
		c := scripted(&script{answers: []answer{{status: 200}, {status: 503}, {status: 200}, {status: 201}, {status: 200}, {}}}, o)
		for _, method := range []string{"GET", "GET", "POST", "PROPFIND"} {
			if _, err := send(t, c, method, url); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := send(t, c, "DELETE", url); err == nil {
			t.Error("a dropped connection is no error")
		}
		if _, err := send(t, scripted(&unreachable{}, o), "POST", url); err == nil {
			t.Error("no connection is no error")
		}

		want := map[string]float64{"GET 200": 2, "GET 503": 1, "POST 201": 1, "other 200": 1, "DELETE error": 1, "POST error": maxFaults}
		got := map[string]float64{}
		for series := range want {
			method, code, _ := strings.Cut(series, " ")
			got[series] = testutil.ToFloat64(m.requests.WithLabelValues("sink", "wiki", method, code))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error("requests (-want +got):", diff)
		}
		if n.Requests() != 6 {
			t.Errorf("counter: %d, want 6: attempts without connection don't count", n.Requests())
		}
		if w := testutil.ToFloat64(m.wait.WithLabelValues("sink", "wiki")); w < 1 {
			t.Errorf("waited %.1f s for the limiter in all, want more at 1/s", w)
		}
		problems, err := testutil.GatherAndLint(reg)
		if err != nil || len(problems) > 0 {
			t.Errorf("lint: %v %v", problems, err)
		}
		var none *Counter
		if none.Requests() != 0 {
			t.Error("a nil counter counts")
		}
	})
}

func TestLogsNameNobody(t *testing.T) {
	url, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(429)
	})
	var out bytes.Buffer
	c := newClient(t, Options{Log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if _, err := send(t, c, "GET", url+`/alice/scim/v2/Users/alice?filter=userName+eq+%22alice%22`); err != nil {
		t.Fatal(err)
	}
	_, err := send(t, c, "GET", url+`/scim/v2/Users/alice`)
	for _, want := range []string{"path=/Users", "status=429", "method=GET", "throttled by peer", "pause=1h0m0s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("log lacks %q: %s", want, out.String())
		}
	}
	own, ok := errors.AsType[*ThrottledError](err)
	if !ok || strings.Contains(own.Error()+out.String(), "alice") || strings.Contains(out.String(), "filter") {
		t.Errorf("a name or query was told: %v\n%s", err, out.String())
	}
}

func TestResourceOf(t *testing.T) {
	for path, want := range map[string]string{
		"/scim/v2/Users/123":                    "/Users",
		"/v1.0/groups/delta()":                  "/Groups",
		"/scim/ServiceProviderConfig":           "/ServiceProviderConfig",
		"/alice@example.com":                    "/…",
		"":                                      "/…",
		"/api/v1/apps/0oa1/users":               "/apps",
		"/tenant/alice/Groups/alice/Users/bob/": "/Groups",
	} {
		if got := resourceOf(path); got != want {
			t.Errorf("resourceOf(%q) = %q, want %q", path, got, want)
		}
	}
}
