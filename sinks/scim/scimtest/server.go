package scimtest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Server is a SCIM application in memory. It is an http.Handler; all methods may be used
// at any time from any goroutine.
type Server struct {
	opts   Options
	quirks *Quirks
	store  *store

	mu      sync.Mutex // guards what follows
	latency time.Duration
	limits  *limiter
	faults  []*activeFault
	tokens  map[string]time.Time // issued token → end of its life
	idle    map[string]time.Time // connection → end of its last request
	auth    Auth
	journal journal
}

// New makes a server. It panics when a quirk is set to a behaviour it does not know, since
// that is a mistake in the calling test.
func New(opts Options) *Server {
	if err := opts.Quirks.Validate(); err != nil {
		panic("scimtest: " + err.Error())
	}
	opts = opts.withDefaults()
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		opts: opts, quirks: &opts.Quirks, store: newStore(&opts.Quirks), latency: opts.Latency,
		tokens: map[string]time.Time{}, idle: map[string]time.Time{}, auth: opts.Auth,
	}
	s.limits = newLimiter(opts.Limits)
	s.journal = newJournal(opts)
	return s
}

// T is what Start needs of a *testing.T. The demonstration uses this package outside of
// tests, so it does not import package testing.
type T interface {
	Helper()
	Cleanup(f func())
	Fatalf(format string, args ...any)
}

// Start serves on a free loopback port until the test ends, and returns the base URL, with
// the base path and without a trailing slash.
func (s *Server) Start(t T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("scimtest: %v", err)
	}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(l) }) // always ends with ErrServerClosed
	t.Cleanup(func() {
		_ = srv.Close() // the connections' ends are no concern
		serving.Wait()
	})
	return "http://" + l.Addr().String() + s.opts.BasePath
}

// TokenURL is the address of the token endpoint for a base URL that Start returned.
func (s *Server) TokenURL(base string) string {
	return strings.TrimSuffix(base, s.opts.BasePath) + s.opts.Auth.OAuth.Path
}

// call is one request as the operations see it: from the wire or out of a /Bulk request.
type call struct {
	method string
	path   []string // decoded segments below the base path
	query  url.Values
	header http.Header
	body   []byte
	base   string // scheme, host and base path
	dry    bool   // answer as if it had worked, change nothing
	bulk   bool   // part of a /Bulk request
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   any // nil: none; []byte: as it is; else JSON
}

func answer(status int, body any) *reply {
	return &reply{status: status, header: http.Header{}, body: body}
}

// ServeHTTP answers one request: transport habits, faults and limits first, then SCIM.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, s.opts.MaxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client went away
	}
	rec := s.record(r, body, start)
	if s.wasIdle(r, start) {
		s.finish(rec, 0, nil)
		panic(http.ErrAbortHandler)
	}
	defer s.busyUntilNow(r)
	s.wait(r.Context())
	out := s.respond(r, rec, body)
	s.finish(rec, out.status, out.sent)
	if out.drop {
		panic(http.ErrAbortHandler)
	}
	s.write(w, out)
}

// wait is the server's latency.
func (s *Server) wait(ctx context.Context) {
	s.mu.Lock()
	d := s.latency
	s.mu.Unlock()
	sleep(ctx, d)
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// SetLatency changes Options.Latency from now on.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// respond finds the answer to a request from the wire.
func (s *Server) respond(r *http.Request, rec *Request, body []byte) *outgoing {
	f := s.fault(rec)
	if f != nil {
		sleep(r.Context(), f.DelayBefore)
		if f.DropBefore {
			return &outgoing{drop: true}
		}
		if f.Status != 0 && !f.Effect {
			return f.answer()
		}
	}
	rep, err := s.guarded(r, rec, body, f != nil && f.NoEffect)
	out := s.encode(rep, err, f)
	if f != nil {
		sleep(r.Context(), f.DelayAfter)
		out = f.alter(out)
	}
	return out
}

// guarded checks limits, credentials and transport rules before the operation.
func (s *Server) guarded(r *http.Request, rec *Request, body []byte, dry bool) (*reply, error) {
	if rep := s.limits.check(rec, time.Now()); rep != nil {
		return rep, nil
	}
	if s.isTokenRequest(r) {
		return s.issueToken(r, body), nil
	}
	if rep := s.unauthorized(r); rep != nil {
		return rep, nil
	}
	if rep := s.transport(r, body); rep != nil {
		return rep, nil
	}
	path, ok := s.segments(r.URL)
	if !ok {
		return nil, &problem{status: http.StatusNotFound, html: true}
	}
	return s.handle(r.Context(), &call{
		method: r.Method, path: path, query: r.URL.Query(), header: r.Header,
		body: body, base: s.base(r), dry: dry,
	})
}

// transport applies rules that concern the request as such.
func (s *Server) transport(r *http.Request, body []byte) *reply {
	switch q := s.quirks; {
	case q.Inactive:
		return answer(http.StatusOK, map[string]any{})
	case q.RequireQuery != "" && !hasQuery(r.URL.RawQuery, q.RequireQuery):
		return answer(http.StatusNotFound, statusProblem(http.StatusNotFound, "unknown endpoint").document(q))
	case q.RequireUserAgent && r.Header.Get("User-Agent") == "":
		return answer(http.StatusForbidden, []byte("Request forbidden by administrative rules."))
	case int64(len(body)) > s.opts.MaxBody:
		return answer(http.StatusRequestEntityTooLarge, statusProblem(http.StatusRequestEntityTooLarge, "body too large").document(q))
	default:
		return nil
	}
}

func hasQuery(raw, want string) bool {
	for part := range strings.SplitSeq(raw, "&") {
		if part == want || part == want+"=" {
			return true
		}
	}
	return false
}

// segments splits the path below the base path; ids may hold escaped slashes.
func (s *Server) segments(u *url.URL) ([]string, bool) {
	rest, ok := strings.CutPrefix(u.EscapedPath(), s.opts.BasePath)
	if !ok || rest != "" && rest[0] != '/' {
		return nil, false
	}
	var out []string
	for part := range strings.SplitSeq(strings.Trim(rest, "/"), "/") {
		p, err := url.PathUnescape(part)
		if err != nil {
			return nil, false
		}
		out = append(out, p)
	}
	return out, true
}

func (s *Server) base(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + s.opts.BasePath
}

// handle dispatches one operation.
func (s *Server) handle(ctx context.Context, c *call) (*reply, error) {
	switch c.path[0] {
	case "Users":
		return s.resources(ctx, c, s.store.users)
	case "Groups":
		return s.resources(ctx, c, s.store.groups)
	case "Bulk":
		return s.bulk(ctx, c)
	case "ServiceProviderConfig", "ServiceProviderConfigs", "Schemas", "ResourceTypes":
		return s.discovery(c)
	default:
		return nil, statusProblem(http.StatusNotFound, "unknown endpoint")
	}
}

// asProblem makes sure that an error is a problem.
func asProblem(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	return statusProblem(http.StatusInternalServerError, err.Error())
}

// wasIdle applies Quirks.IdleDrop.
func (s *Server) wasIdle(r *http.Request, now time.Time) bool {
	if s.quirks.IdleDrop == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last, seen := s.idle[r.RemoteAddr]
	if seen && now.Sub(last) > s.quirks.IdleDrop {
		delete(s.idle, r.RemoteAddr)
		return true
	}
	return false
}

func (s *Server) busyUntilNow(r *http.Request) {
	if s.quirks.IdleDrop == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle[r.RemoteAddr] = time.Now()
}
