// Package api is the HTTP API below /api/v1: JSON in snake_case, times in UTC, errors as
// problem documents (RFC 9457), described by an OpenAPI 3.1 document that is generated
// from the Go types, served at /api/v1/openapi.json and checked in as docs/openapi.json.
//
// # The way of a request
//
// Everything goes through one door (door.go), which nothing behind it can forget:
//
//	request id, headers, time-outs → who is it → may they → handler → audit record
//
// The standard mux finds the route first. Each route says which role it needs when it is
// registered; there is no way to register one without. What has no route needs a token
// all the same, so that nobody can look around without one.
//
// # Who may come in
//
// A caller shows a token (RFC 6750), of which the configuration holds the SHA-256. The
// hashes of all tokens are compared, each in constant time. Without tokens in the
// configuration, whoever can reach the server is the administrator: then a request must
// come from this machine, name it in Host, come from no foreign page (Origin) and through
// no proxy. That keeps pages in a browser here from reaching the API by a name of their
// own that resolves to loopback. Cross-origin writes are refused in any case.
//
//	viewer    reads everything: jobs, cycles, log, escrow, held deletions
//	operator  runs cycles, provisions on demand, pauses, resumes, releases from quarantine
//	admin     restarts, approves and rejects deletions
//
// # The audit record
//
// Each request that could change something, and each one that was refused, leaves one log
// record "audit": who, from where, which route on which job, the status, and what the
// handler noted. It is written whatever the log level is. References to people are not
// in it; the change id leads to the provisioning log, where they are.
//
// The package holds no rules about jobs. What people do to them is in cmd/internal/control,
// how they look in cmd/internal/view, both shared with the pages.
package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Prefix is in front of every path of the API.
const Prefix = "/api/v1"

// Cycles runs cycles beside everything else. It is a *schedule.Scheduler.
type Cycles interface {
	// RunNow starts a cycle and returns it as soon as it runs. The error is a
	// *state.LeasedError when one runs already.
	RunNow(ctx context.Context, job string, req engine.Request) (state.Cycle, error)
	// DryRun returns one of the latest dry runs, which are not in the state.
	DryRun(job, cycle string) (state.Cycle, bool)
}

// Options make the handler.
type Options struct {
	// App is the configuration at work; its tokens are looked up at each request, so that
	// a reload takes effect at once.
	App *app.App
	// Cycles runs what POST …/cycles asks for.
	Cycles Cycles
	// Log also receives the audit records; nil: nothing is logged.
	Log *slog.Logger
	// Now is the clock for expiring tokens; nil: time.Now.
	Now func() time.Time
}

// server is the API at work.
type server struct {
	app    *app.App
	cycles Cycles
	log    *slog.Logger
	now    func() time.Time

	mux   *http.ServeMux
	api   huma.API
	rules map[string]rule // by the mux's pattern
	cross *http.CrossOriginProtection
}

// New returns the handler of everything below /api/.
func New(o Options) http.Handler {
	s := newServer(o)
	return http.HandlerFunc(s.serve)
}

func newServer(o Options) *server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &server{
		app: o.App, cycles: o.Cycles, log: o.Log, now: o.Now,
		mux: http.NewServeMux(), rules: map[string]rule{}, cross: http.NewCrossOriginProtection(),
	}
	s.api = humago.New(s.mux, describe())
	s.routes()
	tidy(s.api.OpenAPI())
	return s
}

// rule is what the door knows of a route.
type rule struct {
	role config.Role
	time time.Duration // that a request may take
}

// caller is who sent a request.
type caller struct {
	name string // of the token; "local" without tokens, "" for nobody
	role config.Role
}

// may says whether the caller has a role's rights. Roles with more rights come first.
func (c caller) may(need config.Role) bool { return c.role != 0 && c.role <= need }

// match finds the token of the configuration that has the hash of the one shown. It
// looks at all of them, so that the time taken tells nothing.
func match(tokens []config.Token, shown string) (config.Token, bool) {
	hash := sha256.Sum256([]byte(shown))
	found := -1
	for i := range tokens {
		if subtle.ConstantTimeCompare(hash[:], tokens[i].SHA256[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return config.Token{}, false
	}
	return tokens[found], true
}
