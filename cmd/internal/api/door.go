package api

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

const (
	// answerTime is how long a request may take, and its answer to be read.
	answerTime = 30 * time.Second
	// provisionTime is the same for provisioning on demand, which waits for source and sink.
	provisionTime = 5 * time.Minute
)

// visit is one request from the door to the audit record.
type visit struct {
	http.ResponseWriter

	id      string
	who     caller
	pattern string // of the route; "" when there is none
	refused bool
	status  int // of the answer; 0: none yet

	mu    sync.Mutex
	notes []slog.Attr
}

// WriteHeader notes the status.
func (v *visit) WriteHeader(status int) {
	if v.status == 0 && status >= 200 {
		v.status = status
	}
	v.ResponseWriter.WriteHeader(status)
}

// Write notes the status of answers that don't say one.
func (v *visit) Write(b []byte) (int, error) {
	if v.status == 0 {
		v.status = http.StatusOK
	}
	return v.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }

// visitKey is where a request's context holds its visit.
type visitKey struct{}

// note adds something to the audit record of the request. It may hold no reference to a
// person but the bridge's own ids.
func note(ctx context.Context, attrs ...slog.Attr) {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notes = append(v.notes, attrs...)
}

// serve is the door.
func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	_, pattern := s.mux.Handler(r)
	v := &visit{ResponseWriter: w, id: requestID(r), pattern: pattern}
	protect(v, r)
	limit := cmp.Or(s.rules[pattern].time, answerTime)
	// The answer itself gets a while more; a server without deadlines just has none.
	_ = http.NewResponseController(v).SetWriteDeadline(time.Now().Add(limit + answerTime))
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), visitKey{}, v), limit)
	defer cancel()
	r = r.WithContext(ctx)
	defer s.leave(v, r)
	s.admit(v, r)
}

// leave writes the audit record, also when the handler panicked.
func (s *server) leave(v *visit, r *http.Request) {
	broken := recover()
	if broken != nil {
		s.log.ErrorContext(r.Context(), "request handler panicked", "request_id", v.id, "route", v.pattern,
			"panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
		if v.status == 0 {
			writeProblem(v, r, problem(http.StatusInternalServerError, "this is a fault of the bridge; its log has more under the request id"))
		}
	}
	if v.refused || !safe(r.Method) {
		s.audit(v, r)
	}
}

// admit lets the request in or refuses it.
func (s *server) admit(v *visit, r *http.Request) {
	who, no := s.identify(r)
	v.who = who
	if no == nil {
		no = s.authorise(r, who, v.pattern)
	}
	switch {
	case no != nil:
		v.refused = true
		refuse(v, r, no)
	case v.pattern == "":
		s.unmatched(v, r)
	default:
		s.mux.ServeHTTP(v, r)
	}
}

// unmatched answers a request that has no route, in the words of the standard mux: 404,
// or 405 with the methods there are.
func (s *server) unmatched(v *visit, r *http.Request) {
	var out verdict
	s.mux.ServeHTTP(&out, r)
	if allow := out.header.Get("Allow"); allow != "" {
		v.Header().Set("Allow", allow)
		writeProblem(v, r, problem(http.StatusMethodNotAllowed, "this can't be done here; what can is "+allow))
		return
	}
	writeProblem(v, r, problem(http.StatusNotFound, "there is nothing at this address; "+Prefix+"/openapi.json describes what there is"))
}

// verdict is an answer of which only the header is wanted.
type verdict struct{ header http.Header }

// Header implements http.ResponseWriter.
func (d *verdict) Header() http.Header {
	if d.header == nil {
		d.header = http.Header{}
	}
	return d.header
}

// Write implements http.ResponseWriter.
func (d *verdict) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (d *verdict) WriteHeader(int) {}

// safe says whether a method only reads (RFC 9110 section 9.2.1).
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// audit writes the record of who did what. It goes to the log's handler directly: no log
// level may silence it.
func (s *server) audit(v *visit, r *http.Request) {
	rec := slog.NewRecord(s.now(), slog.LevelInfo, "audit", 0)
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	role := ""
	if v.who.role != 0 {
		role = v.who.role.String()
	}
	rec.AddAttrs(
		slog.String("request_id", v.id), slog.String("actor", v.who.name), slog.String("role", role), slog.String("remote", remote),
		slog.String("method", r.Method), slog.String("route", strings.TrimPrefix(v.pattern, r.Method+" ")), slog.String("job", s.jobIn(r.URL.Path)),
		slog.Int("status", v.status),
	)
	v.mu.Lock()
	rec.AddAttrs(v.notes...)
	v.mu.Unlock()
	// A log that can't be written has nobody to tell.
	_ = s.log.Handler().Handle(context.WithoutCancel(r.Context()), rec)
}

// jobIn returns the configured job that a path names, or "": what a stranger sends does
// not get into the log.
func (s *server) jobIn(path string) string {
	rest, _ := strings.CutPrefix(path, Prefix+"/jobs/")
	name, _, _ := strings.Cut(rest, "/")
	if _, ok := s.app.Config().Jobs[name]; !ok {
		return ""
	}
	return name
}

// requestID takes over the id of whoever is in front, if it looks like one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	odd := func(c rune) bool {
		return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", c)
	}
	if id == "" || len(id) > 64 || strings.ContainsFunc(id, odd) {
		return ulid.Make().String()
	}
	return id
}

// protect sets the headers that all answers have. The API answers to programs: a browser
// that is led here may do nothing with what it gets.
func protect(v *visit, r *http.Request) {
	h := v.Header()
	h.Set("X-Request-Id", v.id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
