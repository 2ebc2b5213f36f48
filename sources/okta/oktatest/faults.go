package oktatest

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// FaultKind is a way in which an answer goes wrong.
type FaultKind int

// The kinds of faults.
const (
	// EmptyList is 200 with [] and no links: what a lost right looks like.
	EmptyList FaultKind = iota + 1
	// Unavailable is 503 with an empty body.
	Unavailable
	// BadGateway is 502 with HTML.
	BadGateway
	// LoginPage is 200 with HTML.
	LoginPage
	// CutBody is the right answer, broken off in its middle.
	CutBody
	// HalfList is a 200 whose JSON ends in its middle although the transfer is whole.
	HalfList
	// Unauthorized is 401 E0000011.
	Unauthorized
	// Forbidden is 403 E0000006.
	Forbidden
	// TooMany is 429 E0000047 with headers that say one minute.
	TooMany
	// NoAnswer closes the connection without a word.
	NoAnswer
	// CombinedLink is the right answer with its links joined into one header line.
	CombinedLink
	// NoLinks is the right answer without Link headers.
	NoLinks
	// Endless is the right answer whose next link leads to the same page again.
	Endless
	// BadCursor is 400 E0000031.
	BadCursor
	// NotFound is 404 E0000007.
	NotFound
)

// Fault says which requests meet a fault.
type Fault struct {
	Kind FaultKind
	// Endpoint is the path pattern, e.g. "/api/v1/groups/{id}/users"; empty: all.
	Endpoint string
	// Skip is how many requests to the endpoint pass first.
	Skip int
	// Times is how many requests then meet the fault; 0: all, until it is healed.
	Times int
}

type fault struct {
	Fault
	seen int
}

// Inject makes requests meet a fault, until heal is called.
func (o *Org) Inject(f Fault) (heal func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	mine := &fault{Fault: f}
	o.faults = append(o.faults, mine)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.faults = slices.DeleteFunc(o.faults, func(f *fault) bool { return f == mine })
	}
}

// due returns the fault that a request to the endpoint meets now, 0 if none.
func (o *Org) due(endpoint string) FaultKind {
	for _, f := range o.faults {
		if f.Endpoint != "" && f.Endpoint != endpoint {
			continue
		}
		f.seen++
		if f.seen > f.Skip && (f.Times == 0 || f.seen <= f.Skip+f.Times) {
			return f.Kind
		}
	}
	return 0
}

// fail answers a request with a fault.
func (o *Org) fail(kind FaultKind, w http.ResponseWriter, r *http.Request) {
	switch kind {
	case EmptyList:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("[]"))
	case Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case BadGateway:
		html(w, http.StatusBadGateway)
	case LoginPage:
		html(w, http.StatusOK)
	case Unauthorized:
		fail(w, http.StatusUnauthorized, "E0000011", "Invalid token provided")
	case Forbidden:
		fail(w, http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action")
	case TooMany:
		w.Header().Set("X-Rate-Limit-Remaining", "0")
		fail(w, http.StatusTooManyRequests, "E0000047", "API call exceeded rate limit due to too many requests.")
	case BadCursor:
		fail(w, http.StatusBadRequest, "E0000031", "Invalid search criteria.")
	case NotFound:
		notFound(w, "it", "Emulated")
	case NoAnswer:
		panic(http.ErrAbortHandler)
	case CutBody, HalfList, CombinedLink, NoLinks, Endless:
		o.spoil(kind, w, r)
	}
}

// spoil lets the right answer be made and damages it.
func (o *Org) spoil(kind FaultKind, w http.ResponseWriter, r *http.Request) {
	a := &held{header: w.Header(), status: http.StatusOK}
	if o.authorized(a, r, r.URL.Path) {
		o.mux.ServeHTTP(a, r)
	}
	body := a.body.Bytes()
	links := a.header["Link"]
	if kind == CutBody {
		a.header.Set("Content-Length", strconv.Itoa(len(body)+1))
	}
	if kind == HalfList {
		body = body[:len(body)/2]
	}
	if kind == CombinedLink {
		a.header.Set("Link", strings.Join(links, ", "))
	}
	if kind == NoLinks {
		a.header.Del("Link")
	}
	if kind == Endless && len(links) > 0 {
		a.header["Link"] = []string{links[0], strings.Replace(links[0], `rel="self"`, `rel="next"`, 1)}
	}
	w.WriteHeader(a.status)
	if kind == CutBody {
		_, _ = w.Write(body[:len(body)/2])
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

func html(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<html><body><h1>Something is in the way</h1></body></html>"))
}

// held is an answer that is kept before it is sent.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }
