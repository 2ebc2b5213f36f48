// Package engine keeps an app equal to a directory: it reads what changed at the source,
// stores it, plans what the app should hold, and has it carried out.
//
// The loop is one screen (cycle.run): read, users, groups, memberships, references, then
// what takes something away, judged by the deletion guard. Provisioning on demand and the
// dry run are the same path with a narrower request: one object, or a copy of the state
// and a sink that can't be written to.
//
// The engine keeps no state of its own. A cycle that dies leaves claimed objects behind,
// and the next one looks at the app before it sends anything for these.
package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/apply"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Source is where a job's users and groups come from.
type Source interface {
	// Read returns one page of a round.
	Read(ctx context.Context, q sources.Query, at sources.Cursor) (*sources.Page, error)
	// Check tests connection and rights for a query, and changes nothing.
	Check(ctx context.Context, q sources.Query) error
}

// Finder is a source that can look up one object, for provisioning on demand.
type Finder interface {
	User(ctx context.Context, q sources.Query, ref string) (sources.User, error)
	Group(ctx context.Context, q sources.Query, ref string) (sources.Group, error)
	// Assigned says whether an object is in the scope of the query's application.
	Assigned(ctx context.Context, q sources.Query, who sources.Assignment) (bool, error)
}

// Lister is the app as a whole.
type Lister interface {
	List(ctx context.Context, q sinks.Query, cursor string) (*sinks.Page, error)
	Limits() sinks.Limits
	// Probe tests connection, credentials and the filter query with one safe request.
	Probe(ctx context.Context) error
}

// Sink is an app.
type Sink interface {
	apply.Sink
	Lister
}

// Job is everything that a cycle of one job needs.
type Job struct {
	Name    string
	Source  Source
	Sink    Sink
	DrySink Sink // the same app through a client that refuses writes
	Mapping *mapping.Mapping
	Policy  plan.Policy

	Quarantine quarantine.Policy
	Interval   time.Duration // between cycles, start to start
	Reconcile  time.Duration // between reconciles; 0: never
	// Requests returns how many HTTP requests were sent so far.
	Requests func() state.Requests
}

// Query is what the job wants from its source.
func (j *Job) Query() sources.Query {
	m := j.Mapping
	return sources.Query{
		UserAttributes: m.UserAttributes(), GroupAttributes: m.GroupAttributes(),
		Groups: !m.NoGroups() || m.App() != "", BuiltInGroups: m.GroupsGiven(), App: m.App(),
	}
}

// Engine runs cycles on one state file.
type Engine struct {
	store   *state.Store
	log     *slog.Logger
	now     func() time.Time
	metrics *Metrics
}

// Options make an Engine.
type Options struct {
	Store   *state.Store
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
	Metrics *Metrics         // nil: nothing is measured
}

// New returns an engine.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{store: o.Store, log: o.Log, now: o.Now, metrics: o.Metrics}
}

// Request asks for a cycle.
type Request struct {
	Full           bool // read everything, not only what changed
	Reconcile      bool // read everything, and the app too
	DryRun         bool // say what would happen, and write nothing
	AllowDeletions bool // let this run's deletions pass the guard
	Trigger        string
	// Started is told the cycle as soon as it runs, before Run returns.
	Started func(state.Cycle)
	// Progress is told how many objects were worked on; it must not block.
	Progress func(Progress)
}

// Progress is how far a cycle has come.
type Progress struct {
	Phase string // read, users, groups, memberships, deletions
	Done  int
	Total int // 0: not known
}
