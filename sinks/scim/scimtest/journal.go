package scimtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Request is one request in the log.
type Request struct {
	// Time is when it arrived; Took is how long the answer took.
	Time time.Time
	Took time.Duration
	// Method, Path (below the base path, still escaped) and Query (raw) are as sent.
	Method, Path, Query string
	// Route is what it was counted as: "PATCH /Users/{id}", "GET /Users?filter".
	Route string
	// Status is the answer's status; 0: the connection was dropped.
	Status int
	// Size is the body's length in bytes.
	Size int
	// Header is the request's header.
	Header http.Header
	// Body and Answer are kept with Options.KeepBodies.
	Body, Answer string

	open bool // being answered
}

// Counts are numbers of requests by route: method, a space and the path below the base path
// with ids as {id}. A list with a filter is counted as "GET /Users?filter", the token
// endpoint as "POST /oauth/token". Refused and dropped requests count.
type Counts map[string]int

// Total is the number of all requests.
func (c Counts) Total() int {
	n := 0
	for _, k := range c {
		n += k
	}
	return n
}

// Writes is the number of POST, PUT, PATCH and DELETE requests below the base path; those
// to the token endpoint are not writes.
func (c Counts) Writes() int {
	n := 0
	for route, k := range c {
		if !strings.HasPrefix(route, http.MethodGet+" ") && !strings.HasSuffix(route, "/token") {
			n += k
		}
	}
	return n
}

// Of is the number of requests with that method, on any path.
func (c Counts) Of(method string) int {
	n := 0
	for route, k := range c {
		if strings.HasPrefix(route, method+" ") {
			n += k
		}
	}
	return n
}

// journal counts and logs; Server.mu guards it.
type journal struct {
	counts   Counts
	statuses map[int]int
	log      []*Request
	noLog    bool
	bodies   bool
}

func newJournal(o Options) journal {
	return journal{counts: Counts{}, statuses: map[int]int{}, noLog: o.NoLog, bodies: o.KeepBodies}
}

// record counts a request as it arrives.
func (s *Server) record(r *http.Request, body []byte, now time.Time) *Request {
	rec := &Request{
		Time: now, Method: r.Method, Path: strings.TrimPrefix(r.URL.EscapedPath(), s.opts.BasePath), Query: r.URL.RawQuery,
		Size: len(body), open: true,
	}
	rec.Route = route(r, rec.Path)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.counts[rec.Route]++
	if s.journal.noLog {
		return rec
	}
	rec.Header = r.Header
	if s.journal.bodies {
		rec.Body = string(body)
	}
	s.journal.log = append(s.journal.log, rec)
	return rec
}

func route(r *http.Request, path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) == 2 && (parts[0] == "Users" || parts[0] == "Groups") {
		return r.Method + " /" + parts[0] + "/{id}"
	}
	if len(parts) == 1 && r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, "filter=") {
		return r.Method + " /" + parts[0] + "?filter"
	}
	return r.Method + " /" + strings.Join(parts, "/")
}

// finish notes the answer.
func (s *Server) finish(rec *Request, status int, sent []byte) {
	s.mu.Lock()
	rec.Status, rec.Took, rec.open = status, time.Since(rec.Time), false
	s.journal.statuses[status]++
	if s.journal.bodies {
		rec.Answer = string(sent)
	}
	s.mu.Unlock()
	s.opts.Log.Debug("scim request", "route", rec.Route, "status", status, "took", rec.Took)
}

// Counts returns the numbers of requests since the start or the last ResetCounts.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.journal.counts)
}

// Statuses returns the numbers of answers by status; 0 stands for dropped connections.
func (s *Server) Statuses() map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.journal.statuses)
}

// Requests returns the log of answered requests in the order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, 0, len(s.journal.log))
	for _, rec := range s.journal.log {
		if !rec.open {
			out = append(out, *rec)
		}
	}
	return slices.Clip(out)
}

// ResetCounts forgets counts, statuses and the request log.
func (s *Server) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.journal.counts)
	clear(s.journal.statuses)
	s.journal.log = nil
}
