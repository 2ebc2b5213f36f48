package graphtest

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// FaultKind is a way for a request to go wrong.
type FaultKind int

// The kinds of faults.
const (
	// Gone is a 410 with a Location to begin again.
	Gone FaultKind = iota + 1
	// SyncStateNotFound is the 400 of an expired delta token.
	SyncStateNotFound
	// ExpiredPageToken is the 400 of an expired next link.
	ExpiredPageToken
	// Unavailable is a 503 with an empty body.
	Unavailable
	// BadGateway is a 502 with a web page.
	BadGateway
	// CutBody is the right answer, of which only half arrives.
	CutBody
	// EmptyValue is a 200 without entries and without links.
	EmptyValue
	// NoLinks is the right page without its links.
	NoLinks
	// BothLinks is the right page with a next link and a delta link.
	BothLinks
	// Unauthorized is a 401.
	Unauthorized
	// Forbidden is a 403.
	Forbidden
	// TooManyRequests is a 429; see Fault.RetryAfter.
	TooManyRequests
	// SelfLink is a page whose next link is itself.
	SelfLink
	// Circle is a chain of next links that goes round in a circle of three.
	Circle
	// Endless is a chain of ever new next links to empty pages.
	Endless
	// ForeignLink is a page whose next link leads to another host.
	ForeignLink
	// WebPage is a 200 with HTML, as of a sign-in page.
	WebPage
	// NotJSON is a 200 with plain text.
	NotJSON
	// NoValue is a 200 with JSON that has no list.
	NoValue
)

// Fault makes requests go wrong.
type Fault struct {
	// Route is the kind of request, such as "/users/delta" or
	// "/servicePrincipals/{id}/appRoleAssignedTo"; empty: every one.
	Route string
	// After is how many requests of the route pass unharmed first.
	After int
	// Times is how many requests meet the fault; 0: all further ones.
	Times int
	Kind  FaultKind
	// RetryAfter is the header of a 429 or 503, in seconds or as a date; empty: none.
	RetryAfter string
}

// requests counts requests and holds the faults to come.
type requests struct {
	mu     sync.Mutex
	counts map[string]int
	faults []*Fault
	fresh  int
}

// Inject adds a fault and returns the function that takes it back. The first fault that
// fits a request is used.
func (t *Tenant) Inject(f Fault) (heal func()) {
	t.requests.mu.Lock()
	defer t.requests.mu.Unlock()
	fault := &f
	t.requests.faults = append(t.requests.faults, fault)
	return func() {
		t.requests.mu.Lock()
		defer t.requests.mu.Unlock()
		t.requests.faults = slices.DeleteFunc(t.requests.faults, func(x *Fault) bool { return x == fault })
	}
}

// Counts returns how many requests were made, by method and route: "GET /users/delta".
func (t *Tenant) Counts() map[string]int {
	t.requests.mu.Lock()
	defer t.requests.mu.Unlock()
	return maps.Clone(t.requests.counts)
}

// ResetCounts sets all counts to 0.
func (t *Tenant) ResetCounts() {
	t.requests.mu.Lock()
	defer t.requests.mu.Unlock()
	clear(t.requests.counts)
}

// note counts a request and returns the fault it meets, or nil.
func (r *requests) note(request, route string) *spoiler {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[request]++
	for i, f := range r.faults {
		if f.Route != "" && f.Route != route {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		if f.Times == 1 {
			r.faults = slices.Delete(r.faults, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		r.fresh++
		return &spoiler{Kind: f.Kind, retryAfter: f.RetryAfter, fresh: r.fresh}
	}
	return nil
}

// spoiler is a fault that a request met.
type spoiler struct {
	Kind       FaultKind
	retryAfter string
	fresh      int // a number that no other request got
}

// apply spoils an answer.
func (s *spoiler) apply(q request, right response) response {
	empty := page{context: q.kind, value: []byte("[]")}
	switch s.Kind {
	case CutBody:
		return right
	case EmptyValue:
		return empty.response(q)
	case NoLinks, BothLinks:
		return s.relink(q, right)
	case SelfLink:
		empty.next = strings.TrimSuffix(q.base, "/v1.0") + q.http.URL.RequestURI()
	case Circle:
		empty.next = q.base + q.path + "?$skiptoken=circle" + strconv.Itoa(s.fresh%3)
	case Endless:
		empty.next = q.base + q.path + "?$skiptoken=endless" + strconv.Itoa(s.fresh)
	case ForeignLink:
		empty.next = "https://graph.example.net" + q.path + "?$skiptoken=x"
	default:
		return s.refuse(q)
	}
	return empty.response(q)
}

// relink takes the links out of a page, or adds a second one.
func (s *spoiler) relink(q request, right response) response {
	_, value, _ := bytes.Cut(right.body, []byte(`"value":`))
	p := page{context: q.kind, value: bytes.TrimSuffix(value, []byte("}"))}
	if s.Kind == BothLinks {
		p.next, p.delta = q.base+q.path+"?$skiptoken=x", q.base+q.path+"?$deltatoken=x"
	}
	return p.response(q)
}

// refuse answers without any page.
func (s *spoiler) refuse(q request) response {
	html := http.Header{"Content-Type": {"text/html"}}
	var r response
	switch s.Kind {
	case Gone:
		return gone(q)
	case SyncStateNotFound:
		return fail(http.StatusBadRequest, "syncStateNotFound", "The delta token is expired, and data must be synchronized again.")
	case ExpiredPageToken:
		return fail(http.StatusBadRequest, "Directory_ExpiredPageToken", "The specified page token value has expired.")
	case Unauthorized:
		return fail(http.StatusUnauthorized, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
	case Forbidden:
		return fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	case TooManyRequests:
		r = fail(http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
	case BadGateway:
		return response{http.StatusBadGateway, html, []byte("<html><body>Bad gateway</body></html>")}
	case WebPage:
		return response{http.StatusOK, html, []byte("<!doctype html><title>Sign in</title>")}
	case NotJSON:
		return response{http.StatusOK, http.Header{"Content-Type": {"text/plain"}}, []byte("OK")}
	case NoValue:
		return response{http.StatusOK, jsonHeader(), []byte(`{"@odata.context":"x"}`)}
	default:
		r = response{status: http.StatusServiceUnavailable, header: http.Header{}}
	}
	if s.retryAfter != "" {
		r.header.Set("Retry-After", s.retryAfter)
	}
	return r
}
