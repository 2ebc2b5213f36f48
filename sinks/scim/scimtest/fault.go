package scimtest

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// Fault is something that happens to chosen requests. Zero fields do nothing.
type Fault struct {
	// Method and Path choose requests: the verb, and the path below the base path as in a
	// route ("/Users", "/Users?filter", "/Groups/{id}") or as sent ("/Users/42"); empty: any.
	Method, Path string
	// Match chooses further; nil: all. It sees the request before its answer.
	Match func(Request) bool
	// Skip lets this many matching requests pass before the first one is hit.
	Skip int
	// Times is how many are hit; 0: all from then on.
	Times int

	// DelayBefore and DelayAfter wait before and after the effect.
	DelayBefore, DelayAfter time.Duration
	// DropBefore and DropAfter close the connection without an answer, before or after the
	// effect.
	DropBefore, DropAfter bool
	// Status answers with this status instead, before any effect, or after it with Effect.
	Status int
	Effect bool
	// Header is added to the answer.
	Header map[string]string
	// ContentType and Body are the answer's with Status; the default is a SCIM error.
	ContentType, Body string
	// NoBody answers with Status and nothing else.
	NoBody bool
	// NoEffect answers as if it had worked and changes nothing.
	NoEffect bool
	// NoID leaves id, meta and Location out of the answer.
	NoID bool
	// CutBody drops the connection after this many bytes of the answer's body.
	CutBody int
}

// WebPage404 is the answer of a gateway that does not know the route.
func WebPage404() Fault {
	return Fault{Status: http.StatusNotFound, ContentType: "text/html; charset=utf-8", Body: webPage}
}

// RetryAfter is an answer such as 503 or 429 with a Retry-After header: seconds or an HTTP
// date (RFC 9110 section 10.2.3).
func RetryAfter(status int, value string) Fault {
	return Fault{Status: status, Header: map[string]string{"Retry-After": value}}
}

type activeFault struct {
	Fault
	seen, hits int
}

// Inject adds a fault; earlier ones are asked first, and one request suffers one fault at
// most. The function returned tells how many requests were hit so far.
func (s *Server) Inject(f Fault) (hits func() int) {
	a := &activeFault{Fault: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, a)
	return func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return a.hits
	}
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault picks the fault that hits a request, or nil.
func (s *Server) fault(rec *Request) *activeFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if !f.chooses(rec) {
			continue
		}
		f.seen++
		if f.seen > f.Skip && (f.Times == 0 || f.hits < f.Times) {
			f.hits++
			return f
		}
	}
	return nil
}

func (f *Fault) chooses(rec *Request) bool {
	_, routePath, _ := strings.Cut(rec.Route, " ")
	if f.Method != "" && f.Method != rec.Method || f.Path != "" && f.Path != routePath && f.Path != rec.Path {
		return false
	}
	return f.Match == nil || f.Match(*rec)
}

// answer is the fault's own answer.
func (f *Fault) answer() *outgoing {
	out := &outgoing{status: f.Status, header: http.Header{}, cut: f.CutBody}
	for k, v := range f.Header {
		out.header.Set(k, v)
	}
	if f.NoBody {
		return out
	}
	out.sent = []byte(f.Body)
	if f.Body == "" {
		out.sent = []byte(`{"schemas":["` + errorURN + `"],"status":"` + statusText(f.Status) + `","detail":"injected fault"}`)
	}
	out.header.Set("Content-Type", cmp.Or(f.ContentType, scimJSON))
	return out
}

// alter changes the answer of a request that took effect.
func (f *Fault) alter(out *outgoing) *outgoing {
	if f.DropAfter {
		return &outgoing{drop: true}
	}
	if f.Status != 0 {
		return f.answer()
	}
	if out.header == nil {
		out.header = http.Header{}
	}
	for k, v := range f.Header {
		out.header.Set(k, v)
	}
	out.cut = f.CutBody
	return out
}
