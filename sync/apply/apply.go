// Package apply carries plans out, one object at a time: it looks for accounts that exist
// already, sends what has to change, and turns each answer into a state.Result. It stores
// nothing itself; the engine claims objects before and records results after.
//
// # Rules
//
//   - A request whose effect is unknown is never sent again before the app was looked at.
//   - A hit of a search counts only if its value really equals what was asked, and two hits
//     are an error, never a guess. An account that is linked to somebody else is never adopted.
//   - What takes something away is sent only when the deletion guard or a person said so
//     (Staged.Decision), or in a provision on demand, which is a person's word in itself.
//   - One object's failure concerns that object. What concerns all of them (no connection,
//     no rights) stops the worker, and objects that were not tried stay as they were.
package apply

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Sink is the app that changes are sent to.
type Sink interface {
	// Find returns the objects whose attribute at path has the value, checked.
	Find(ctx context.Context, q sinks.Query, path, value string) ([]sinks.Object, error)
	// Get returns one object, or an error of class Missing.
	Get(ctx context.Context, q sinks.Query, id sinks.ID) (*sinks.Object, error)
	// Do sends one write.
	Do(ctx context.Context, op sinks.Op) (sinks.Receipt, error)
}

// Directory is what applying asks of the state.
type Directory interface {
	// Linked returns which object of the job holds a sink id, or nil.
	Linked(ctx context.Context, q state.ClaimQuery, id sinks.ID) (*state.Object, error)
	// MemberChanges returns a group's memberships that have to be compared.
	MemberChanges(ctx context.Context, q state.MemberQuery) ([]state.MemberChange, error)
	// Record stores the results of memberships sent so far.
	Record(ctx context.Context, results []state.Result) error
}

// Index finds accounts in the list of the app that a cycle has read.
type Index interface {
	Find(ctx context.Context, path, value string) ([]sinks.Object, error)
}

// Job is what a Worker needs to know of its job.
type Job struct {
	Name    string
	ID      state.JobID
	Policy  plan.Policy
	Mapping *mapping.Mapping
	Tables  [3]int64           // numbers of the mapping's tables in the state, by resource
	Paths   map[int64][]string // paths of all tables of the state
	Limits  sinks.Limits
	Scoped  bool
}

// Run is the run that changes belong to.
type Run struct {
	CycleID string
	Trigger string
	Holder  string
	// ChangeID is shared by all records; empty: each has its own.
	ChangeID string
	// Immediate sends what takes something away without the guard: a provision on demand.
	Immediate bool
	// DryRun is set when the sink writes nothing, and what would be written is collected.
	DryRun bool
	// Taking allows what was decided to be taken away: only once the source was read to
	// its end.
	Taking bool
}

// Worker applies the plans of one run. Its methods may be called concurrently.
type Worker struct {
	Sink  Sink
	State Directory
	Index [3]Index // by resource; nil: ask the app
	Job   Job
	Run   Run
	Log   *slog.Logger
	Now   func() time.Time
	Trace Tracer // nil: nobody listens
	stop  stopper
	taken reservations
}

// Tracer is told the steps of a provision on demand as they happen.
type Tracer interface {
	Step(name, status, detail string, data map[string]any)
}

// Outcome is what came of one object.
type Outcome struct {
	Result  state.Result
	Action  provlog.Action
	Counted Counted
	Err     error // the failure, with its class
	// Blocked is set when a change was refused because another account still holds a
	// value: it may go through once that one has changed.
	Blocked bool
	Change  *state.Change // for a dry run's plan
	Held    *state.Change // what the guard has to judge
	Adopted string        // the attribute by which an existing account was linked
	Added   int           // memberships
	Removed int
}

// Counted is the column of the cycle's table that an outcome belongs to.
type Counted int

// The columns.
const (
	NotCounted Counted = iota
	Created
	Updated
	Disabled
	Deleted
	Unchanged
	Skipped
	Failed
)

// task is one object on its way through the worker.
type task struct {
	w     *Worker
	o     *state.Object
	table *mapping.Table
	facts plan.Facts
	step  plan.Step
	out   Outcome
	began time.Time
	// matching is set while an existing account is looked for: a failure is the match's.
	matching bool
	attempts []provlog.Attempt
	// ignored are paths of the last write that the app did not take.
	ignored []string
}

// Object plans one claimed object and carries the plan out.
func (w *Worker) Object(ctx context.Context, o *state.Object) Outcome {
	t := &task{w: w, o: o, table: w.table(o.Resource), began: w.Now()}
	t.out.Result = o.Unchanged()
	if err := w.Stopped(); err != nil {
		t.out.Result.Keep = true
		return t.out
	}
	if err := t.learn(); err != nil {
		return t.fail(provlog.ActionNone, err)
	}
	if err := t.recover(ctx); err != nil {
		return t.fail(provlog.ActionNone, err)
	}
	t.plan()
	t.carryOut(ctx)
	return t.out
}

// recover looks at a group whose last member change may or may not have arrived. It comes
// before the plan, since a group that is equal otherwise ends its claim, and with it the
// mark that somebody has to look.
func (t *task) recover(ctx context.Context) error {
	if t.o.Resource != sinks.Group || !t.o.Unclear || !t.o.Linked() {
		return nil
	}
	err := t.lookAtMembers(ctx)
	if sinks.ClassOf(err) == sinks.Missing {
		return nil // the plan's own request will find that out
	}
	return err
}

func (w *Worker) table(r sinks.Resource) *mapping.Table {
	if r == sinks.Group {
		return w.Job.Mapping.Groups()
	}
	return w.Job.Mapping.Users()
}

func (t *task) plan() { t.step = plan.Object(t.w.Job.Policy, t.facts) }

func (t *task) carryOut(ctx context.Context) {
	if t.facts.Linked && len(t.attempts) == 0 {
		t.traceMatch("success", "linked to "+string(t.id()))
	}
	if !t.step.Kind.Takes() && t.o.Staged != nil {
		t.out.Result.Unstage = true
	}
	switch t.step.Kind {
	case plan.Nothing:
		t.nothing()
	case plan.Skip:
		t.skip()
	case plan.Create, plan.Look:
		t.match(ctx)
	case plan.Update:
		t.update(ctx)
	case plan.StepDisable, plan.StepDelete, plan.StepEmpty:
		t.takeAway(ctx)
	}
}

func (t *task) nothing() {
	t.out.Counted = Unchanged
	t.out.Action = provlog.ActionNone
	t.ackDesired()
	t.trace(provlog.StepAct, "skipped", "already equal", nil)
}

func (t *task) skip() {
	t.out.Counted = Skipped
	t.out.Action = provlog.ActionNone
	t.trace(provlog.StepAct, "skipped", skipWords(t.step), nil)
}

// takeAway sends a disable or delete that was decided, and stages the others. What else
// changed for a person who is to be disabled is an ordinary update, which no guard holds.
func (t *task) takeAway(ctx context.Context) {
	s, action := t.o.Staged, t.taking()
	same := s != nil && s.Action == action && s.Reason == t.step.Reason
	if t.w.Run.Immediate || t.w.Run.Taking && same && s.Decision == state.Approved {
		t.take(ctx)
		return
	}
	held := t.step
	if len(t.step.Attributes) > 1 {
		t.step.Attributes, t.step.Properties = t.step.Attributes[1:], t.step.Properties[1:]
		t.update(ctx)
		if t.out.Err != nil || t.out.Result.Keep || t.out.Result.SinkID == "" {
			return
		}
	}
	t.step = held
	if !same {
		t.out.Result.Stage = &state.Staged{Action: action, Reason: held.Reason}
	}
	t.step.Properties = held.Properties[:min(1, len(held.Properties))]
	t.out.Held = t.change(action)
	t.out.Held.Held = true
}

// taking is the word for what is taken away. Where an account that was disabled can't be
// enabled again, people are told that it is a deletion.
func (t *task) taking() string {
	if t.step.Kind == plan.StepDisable && t.w.Job.Limits.DisableIsFinal {
		return plan.StepDelete.String()
	}
	return t.step.Kind.String()
}

func (t *task) take(ctx context.Context) {
	t.out.Result.Unstage = true
	switch t.step.Kind {
	case plan.StepDelete:
		t.delete(ctx)
	case plan.StepEmpty:
		t.empty(ctx)
	default:
		t.disable(ctx)
	}
}

// query asks for everything that the mapping owns of a resource.
func (w *Worker) query(r sinks.Resource) sinks.Query { return w.Job.Query(r) }

// Query returns the query for everything that the job's mapping owns of a resource.
func (j *Job) Query(r sinks.Resource) sinks.Query {
	if r == sinks.Group {
		return sinks.Query{Resource: r, Paths: j.Mapping.Groups().Paths}
	}
	paths := append([]string{sinks.PathActive}, j.Mapping.Users().Paths...)
	if j.Mapping.Users().Reference {
		paths = append(paths, sinks.PathManager)
	}
	return sinks.Query{Resource: r, Paths: paths}
}

// learn gathers the facts of the plan from the stored object.
func (t *task) learn() error {
	o := t.o
	f := plan.Facts{
		Resource: o.Resource, Presence: o.Presence, InScope: o.InScope, Linked: o.Linked(),
		Account: o.Account, Probed: o.Probed, Paths: t.table.Paths, CreateOnly: t.table.CreateOnly,
		Acked: map[string]any{},
	}
	if t.table.Active >= 0 {
		f.ActivePath = t.table.Paths[t.table.Active]
	}
	after := t.w.Job.Policy.DeleteAfter
	f.DeleteDue = after > 0 && o.Account == plan.Blocked && !o.DisabledAt.IsZero() && !o.DisabledAt.Add(after).After(t.w.Now())
	var err error
	if f.Desired, err = t.desired(); err != nil {
		return err
	}
	if err := t.acked(f.Acked); err != nil {
		return err
	}
	f.Manager = plan.Manager{Same: true}
	if t.table.Reference {
		f.Manager = managerOf(o)
	}
	t.facts = f
	return nil
}

// desired decodes the desired values. An object that left may have been mapped by an
// older table: then its values are found by path.
func (t *task) desired() ([]any, error) {
	out := make([]any, len(t.table.Paths))
	if t.o.Table == 0 {
		return out, nil
	}
	values, err := mapping.Decode(t.o.Desired)
	if err != nil {
		return nil, fmt.Errorf("stored desired values: %w", err)
	}
	if t.o.Table == t.w.Job.Tables[t.o.Resource] {
		return values, nil
	}
	byPath := map[string]any{}
	for i, p := range t.w.Job.Paths[t.o.Table] {
		byPath[p] = values[i]
	}
	for i, p := range t.table.Paths {
		out[i] = byPath[p]
	}
	return out, nil
}

func (t *task) acked(into map[string]any) error {
	if t.o.AckedTable == 0 || !t.o.Linked() {
		return nil
	}
	values, err := mapping.Decode(t.o.Acked)
	if err != nil {
		return fmt.Errorf("stored acknowledged values: %w", err)
	}
	for i, p := range t.w.Job.Paths[t.o.AckedTable] {
		if i < len(values) && values[i] != nil {
			into[p] = values[i]
		}
	}
	return nil
}

// managerOf compares the wanted with the acknowledged manager. One without an account is
// waited for, unless the person is gone; meanwhile there is none, since the former one is
// certainly wrong. Who has an account stays the manager until the source says otherwise.
func managerOf(o *state.Object) plan.Manager {
	m := o.Manager
	if m.ID == 0 || m.SinkID == "" && m.Presence == plan.Gone {
		return plan.Manager{Same: m.Acked == 0}
	}
	if m.SinkID == "" && (m.Acked == 0 || m.Expected) {
		return plan.Manager{Waiting: true}
	}
	return plan.Manager{Want: m.SinkID, Same: m.Acked == m.ID}
}

// ackDesired notes that the app holds all desired values.
func (t *task) ackDesired() {
	if t.o.Table == 0 || !t.facts.Linked && t.out.Result.SinkID == "" {
		return
	}
	table, values := t.w.Job.Tables[t.o.Resource], t.o.Desired
	if t.o.Table != table {
		values = mapping.Encode(t.facts.Desired)
	}
	t.out.Result.Acked = &state.Acked{Table: table, Values: values}
	if t.table.Reference && !t.facts.Manager.Waiting {
		t.out.Result.AckedManager = 0
		if t.facts.Manager.Want != "" {
			t.out.Result.AckedManager = t.o.Manager.ID
		}
	}
}
