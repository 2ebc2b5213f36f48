package engine

import (
	"context"
	"errors"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Explanation is why a user or group has, or hasn't, an account: everything the bridge
// knows that decides about it. Its JSON is that of `explain -o json`.
type Explanation struct {
	Job string `json:"job"`
	// JobState is active, paused, quarantined or disabled.
	JobState string `json:"job_state"`
	// Verdict is the answer in a sentence.
	Verdict        string           `json:"verdict"`
	SourceIdentity provlog.Identity `json:"source_identity"`
	// Live says whether the source was asked just now. If not, Presence and Scope are what
	// it said last, and SourceError why it could not be asked.
	Live        bool           `json:"live"`
	SourceError *provlog.Error `json:"source_error"`
	// Presence is active, disabled, deleted (and restorable), gone or unknown.
	Presence string `json:"presence"`
	// Scope is null for who is deleted in the source.
	Scope *Scope `json:"scope"`
	// Link is the account; null without one.
	Link *Link `json:"link"`
	// LastChange is the newest record of the provisioning log about the object.
	LastChange     *provlog.Record   `json:"last_change"`
	Escrow         *Waiting          `json:"escrow"`
	StagedDeletion *HeldDeletion     `json:"staged_deletion"`
	Memberships    state.Memberships `json:"memberships"`
	known          bool
}

// Link is an object's account.
type Link struct {
	TargetID string `json:"target_id"`
	// Account is enabled or disabled, as far as the bridge made it.
	Account    string     `json:"account"`
	DisabledAt *time.Time `json:"disabled_at"`
}

// Waiting is an object in escrow.
type Waiting struct {
	Attempts      int       `json:"attempts"`
	FirstFailedAt time.Time `json:"first_failed_at"`
	// NextAttemptAt is null when the next cycle tries it, and when GivenUp.
	NextAttemptAt *time.Time     `json:"next_attempt_at"`
	GivenUp       bool           `json:"given_up"`
	Error         *provlog.Error `json:"error"`
}

// HeldDeletion is what the deletion guard holds of an object.
type HeldDeletion struct {
	Action   string    `json:"action"` // disable, delete or empty
	Reason   string    `json:"reason"` // out_of_scope, disabled, deleted or delete_after
	StagedAt time.Time `json:"staged_at"`
	// Decision is waiting, approved or rejected.
	Decision  string     `json:"decision"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// Explain says why a user has, or hasn't, an account. The reference is the source's id, a
// user name or a mail address. Nothing is sent to the application and nothing is stored.
// The error is about a reference that nobody knows (code unknown_reference), or one that
// only the source could resolve while it doesn't answer.
func (e *Engine) Explain(ctx context.Context, job *Job, ref string) (*Explanation, error) {
	return e.explain(ctx, job, ProvisionRequest{User: ref})
}

// ExplainGroup is Explain for a group, by id or name.
func (e *Engine) ExplainGroup(ctx context.Context, job *Job, ref string) (*Explanation, error) {
	return e.explain(ctx, job, ProvisionRequest{Group: ref})
}

// inquiry is one Explain under way.
type inquiry struct {
	p        *provision // finds the object, and is never carried out
	out      *Explanation
	resource sinks.Resource
	object   *state.Object // nil: no cycle has seen it
}

func (e *Engine) explain(ctx context.Context, job *Job, req ProvisionRequest) (*Explanation, error) {
	row, err := e.store.Job(ctx, job.Name)
	if err != nil {
		return nil, err
	}
	q := &inquiry{
		p:        &provision{e: e, store: e.store, job: job, req: req, row: row, out: &Provision{}},
		out:      &Explanation{Job: job.Name, JobState: row.Quarantine.State.String()},
		resource: sinks.User,
	}
	if req.Group != "" {
		q.resource = sinks.Group
	}
	for _, step := range []func(context.Context) error{q.ask, q.remember, q.waits, q.history} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	q.out.Verdict = q.verdict()
	return q.out, nil
}

// maxAsk is how long the source may take before what it said last is shown.
const maxAsk = 15 * time.Second

// asking bounds the question to the source so that at least half of the caller's time is
// left for what the state knows.
func asking(ctx context.Context) (context.Context, context.CancelFunc) {
	wait := maxAsk
	if until, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(until)/2)
	}
	return context.WithTimeoutCause(ctx, wait, provlog.Coded(provlog.CodeSourceUnreachable, "the source did not answer within %s", wait.Round(time.Second)))
}

// ask asks the source. When it doesn't answer, the state has to do.
func (q *inquiry) ask(ctx context.Context) error {
	asked, cancel := asking(ctx)
	defer cancel()
	s, err := q.p.find(asked)
	if err != nil && asked.Err() != nil {
		err = context.Cause(asked)
	}
	if err != nil {
		return q.recall(ctx, err)
	}
	q.out.Live, q.out.SourceIdentity, q.out.Presence = true, q.p.out.SourceIdentity, presenceWord(s.entry.Presence)
	if s.entry.Presence < plan.DeletedSoft {
		if q.out.Scope, err = q.p.job.scopeOf(asked, s); err != nil {
			q.out.SourceError, err = provlog.FromError(err), nil
		}
	}
	return errors.Join(err, q.load(ctx, string(s.entry.SourceID)))
}

func (q *inquiry) recall(ctx context.Context, cause error) error {
	if code := provlog.CodeOf(cause); code == provlog.CodeUnknownReference || code == provlog.CodeAmbiguousReference {
		return cause
	}
	ref := q.p.req.User + q.p.req.Group
	known, err := q.p.known(ctx, q.resource, ref, cause)
	if err != nil {
		if provlog.CodeOf(err) == provlog.CodeUnknownReference {
			return cause
		}
		return err
	}
	q.out.SourceError, q.out.Presence = provlog.FromError(cause), presenceWord(known.Presence)
	q.out.SourceIdentity = provlog.Identity{ID: string(known.SourceID), DisplayName: known.DisplayName, Type: q.resource.String()}
	return q.load(ctx, string(known.SourceID))
}

// load finds what the state has of the object.
func (q *inquiry) load(ctx context.Context, id string) error {
	found, err := q.p.store.FindObjects(ctx, q.claim(), id)
	for i := range found {
		if string(found[i].SourceID) == id {
			q.object = &found[i]
		}
	}
	return err
}

func (q *inquiry) claim() state.ClaimQuery {
	return state.ClaimQuery{Job: q.p.row.ID, Resource: q.resource, Scoped: q.p.job.Mapping.App() != ""}
}

// remember tells the link, and of the scope what the last cycle found if the source could
// not be asked.
func (q *inquiry) remember(ctx context.Context) error {
	o := q.object
	if o == nil {
		return nil
	}
	q.out.known = o.Presence != plan.Referred
	if q.out.Scope == nil && o.Presence < plan.DeletedSoft && q.out.SourceError != nil {
		kind := sources.KindUser
		if q.resource == sinks.Group {
			kind = sources.KindGroup
		}
		q.out.Scope = &Scope{InScope: o.InScope, ActiveInSource: o.Presence == plan.Active, Filter: q.p.job.filter(kind, nil)}
		q.out.Scope.Filter.Result, q.out.Scope.Filter.Error, q.out.Scope.Filter.Clauses = o.Filtered, "", []provlog.Clause{}
		if q.p.job.Mapping.App() != "" {
			assigned := o.InScope || !o.Filtered && o.Assigned
			q.out.Scope.Assigned = &assigned
		}
	}
	if o.Linked() {
		q.out.Link = &Link{TargetID: string(o.SinkID), Account: "enabled", DisabledAt: timeOf(o.DisabledAt)}
		if o.Account == plan.Blocked {
			q.out.Link.Account = "disabled"
		}
	}
	var err error
	q.out.Memberships, err = q.p.store.Memberships(ctx, state.ClaimQuery{Job: q.p.row.ID, Resource: q.resource}, o.ID)
	return err
}

// waits tells what is in the way: escrow, or the deletion guard.
func (q *inquiry) waits(ctx context.Context) error {
	if q.object == nil {
		return nil
	}
	if st := q.object.Staged; st != nil {
		q.out.StagedDeletion = &HeldDeletion{
			Action: st.Action, Reason: st.Reason, StagedAt: st.At.UTC(), Decision: st.Decision.String(), ExpiresAt: timeOf(st.Expires),
		}
	}
	if q.object.Attempts == 0 {
		return nil
	}
	escrows, err := q.p.store.Escrows(ctx, q.p.row.ID)
	for i := range escrows {
		if x := &escrows[i]; x.Object == q.object.ID {
			q.out.Escrow = &Waiting{
				Attempts: x.Attempts, FirstFailedAt: x.FirstFailed.UTC(), NextAttemptAt: timeOf(x.NextAttempt), GivenUp: x.GivenUp,
				Error: &provlog.Error{Code: provlog.Code(x.Code), Message: x.Message, Advice: x.Advice},
			}
		}
	}
	return err
}

func (q *inquiry) history(ctx context.Context) error {
	last, err := q.p.store.Logs(ctx, q.p.row.ID, provlog.Filter{Identity: q.out.SourceIdentity.ID, Limit: 1})
	if len(last) > 0 {
		q.out.LastChange = &last[0].Record
	}
	return err
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func presenceWord(p plan.Presence) string {
	switch p {
	case plan.Active:
		return "active"
	case plan.Disabled:
		return "disabled"
	case plan.DeletedSoft:
		return "deleted"
	case plan.Gone:
		return "gone"
	default:
		return "unknown"
	}
}
