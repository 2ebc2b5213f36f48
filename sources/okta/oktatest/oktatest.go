// Package oktatest emulates the parts of an Okta org that a provisioning bridge reads:
// users, groups, members, app assignments, the System Log, tokens and rate limits. It is
// written from Okta's API reference, not from our client, and serves unit tests, the demo
// and scripts alike.
//
// An Org is an http.Handler over a directory in memory that its methods change as an
// administrator would; every change moves the times and writes the events that Okta's
// would. Time comes from a clock that the test may set. Faults make chosen requests go
// wrong in the ways that services and proxies do, and Requests says what was asked.
//
// It holds a million users if need be: users made by Seed cost a few bytes each until
// somebody changes them, and are rendered when they are asked for.
//
// What it leaves out: writing over HTTP, `expand`, `q`, `sortBy`, DPoP, the order by
// published time of bounded log requests, and attributes in filters beyond the
// documented ones.
package oktatest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options are the settings of an Org.
type Options struct {
	// Clock is the org's time; nil: this machine's.
	Clock func() time.Time
	// Token is an API token that is accepted, as "SSWS …". Empty: none.
	Token string
	// PageSize makes all pages smaller than Okta's maxima; 0: as Okta.
	PageSize int
}

// Org is an emulated org. It is safe for concurrent use.
type Org struct {
	mu    sync.Mutex
	opt   Options
	mux   *http.ServeMux
	birth time.Time // when seeded users were made

	users  []*user // by index; nil: as its seed made it
	seeds  []seed
	logins map[string]int // of users that were added or changed
	groups []*group
	apps   []*app
	events []event

	faults   []*fault
	buckets  map[string]*bucket
	limits   map[string]int
	clients  map[string]ServiceApp
	bearers  map[string]bearer
	requests []string
	trailing bool
}

// New returns an org that holds the group Everyone and no users.
func New(opt Options) *Org {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	o := &Org{
		opt: opt, logins: map[string]int{}, buckets: map[string]*bucket{}, limits: map[string]int{},
		clients: map[string]ServiceApp{}, bearers: map[string]bearer{},
	}
	o.birth = o.now().AddDate(0, -1, 0)
	o.groups = []*group{{
		id: groupID(0), kind: BuiltIn, created: o.birth, updated: o.birth, membership: o.birth, everyone: true,
		profile: map[string]any{"name": "Everyone", "description": "All users in your organization"},
	}}
	o.mux = http.NewServeMux()
	o.mux.HandleFunc("GET /api/v1/users", o.listUsers)
	o.mux.HandleFunc("GET /api/v1/users/{id}", o.getUser)
	o.mux.HandleFunc("GET /api/v1/groups", o.listGroups)
	o.mux.HandleFunc("GET /api/v1/groups/{id}", o.getGroup)
	o.mux.HandleFunc("GET /api/v1/groups/{id}/users", o.listMembers)
	o.mux.HandleFunc("GET /api/v1/apps/{id}/users", o.listAppUsers)
	o.mux.HandleFunc("GET /api/v1/apps/{id}/users/{member}", o.getAppUser)
	o.mux.HandleFunc("GET /api/v1/apps/{id}/groups", o.listAppGroups)
	o.mux.HandleFunc("GET /api/v1/apps/{id}/groups/{member}", o.getAppGroup)
	o.mux.HandleFunc("GET /api/v1/logs", o.listLogs)
	o.mux.HandleFunc("POST /oauth2/v1/token", o.token)
	return o
}

// now is the org's time. Okta's times have milliseconds.
func (o *Org) now() time.Time { return o.opt.Clock().UTC().Truncate(time.Millisecond) }

// ServeHTTP answers one request: counted, with the org's Date and rate-limit headers,
// with a fault if one is due, and only with a valid credential.
func (o *Org) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests = append(o.requests, r.Method+" "+r.URL.RequestURI())
	_, pattern := o.mux.Handler(r)
	endpoint := pattern[strings.IndexByte(pattern, ' ')+1:]
	w.Header().Set("Date", o.now().Format(http.TimeFormat))
	if !o.spend(w, endpoint) {
		fail(w, http.StatusTooManyRequests, "E0000047", "API call exceeded rate limit due to too many requests.")
		return
	}
	if f := o.due(endpoint); f != 0 {
		o.fail(f, w, r)
		return
	}
	if pattern == "" {
		fail(w, http.StatusMethodNotAllowed, "E0000022", "The endpoint does not support the provided HTTP method")
		return
	}
	if !o.authorized(w, r, endpoint) {
		return
	}
	o.mux.ServeHTTP(w, r)
}

// Requests returns the requests so far, as "GET /api/v1/users?limit=200", in order.
func (o *Org) Requests() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.requests)
}

// ForgetRequests empties what Requests returns, to count anew.
func (o *Org) ForgetRequests() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests = nil
}

// TrailingPages makes every full page have a next link, so that a list whose length is a
// multiple of the page size ends with an empty page.
func (o *Org) TrailingPages(on bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.trailing = on
}
