package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/apply"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// ProvisionRequest asks for one user, or for one group with chosen members.
type ProvisionRequest struct {
	User, Group string   // one of them: an id, user name, mail address or group name
	Members     []string // of a group; none: all members that have an account
	DryRun      bool
	Trigger     string
}

// Provision is what came of it, step by step, in the shape of `provision -o json`.
type Provision struct {
	Job            string             `json:"job"`
	ChangeID       string             `json:"change_id"`
	DryRun         bool               `json:"dry_run"`
	Result         string             `json:"result"` // success, skipped, failure
	Action         provlog.Action     `json:"action"`
	SourceIdentity provlog.Identity   `json:"source_identity"`
	TargetIdentity provlog.Identity   `json:"target_identity"`
	Steps          []provlog.Step     `json:"steps"`
	Properties     provlog.Properties `json:"modified_properties"`
	StartedAt      time.Time          `json:"started_at"`
	EndedAt        time.Time          `json:"ended_at"`
	Error          *provlog.Error     `json:"error"`
}

// provision is one provision on demand under way.
type provision struct {
	e      *Engine
	store  *state.Store
	job    *Job
	sink   Sink
	req    ProvisionRequest
	row    *state.Job
	lease  *state.Lease
	worker *apply.Worker
	im     *state.Importer
	out    *Provision
	steps  []provlog.Step // as they were told
	base   int64          // requests to the sink before
	stored bool           // a record of the outcome is in the log
}

// Provision provisions one user or group now: also in quarantine, beside a cycle, and
// before the first one. The watermark stays where it is. The error is about the request
// not having run at all; a failure of the object stands in the result.
func (e *Engine) Provision(ctx context.Context, job *Job, req ProvisionRequest) (*Provision, error) {
	p := &provision{e: e, store: e.store, job: job, sink: job.Sink, req: req}
	if req.DryRun {
		copied, remove, err := e.store.Copy(ctx)
		if err != nil {
			return nil, fmt.Errorf("dry run: %w", err)
		}
		defer remove()
		p.store, p.sink = copied, newDry(job.DrySink, job.Mapping)
	}
	if err := p.open(ctx); err != nil {
		return nil, err
	}
	defer func() { _ = p.lease.Release(ctx) }()
	err := p.run(ctx)
	return p.out, p.end(ctx, err)
}

func (p *provision) open(ctx context.Context) error {
	p.out = &Provision{
		Job: p.job.Name, ChangeID: ulid.Make().String(), DryRun: p.req.DryRun, Action: provlog.ActionNone,
		Properties: provlog.Properties{}, StartedAt: p.e.now().UTC(), SourceIdentity: provlog.Identity{Type: sinks.User.String()},
	}
	if p.req.Group != "" {
		p.out.SourceIdentity.Type = sinks.Group.String()
	}
	p.base = p.job.Requests().Sink
	var err error
	if p.row, err = p.store.Job(ctx, p.job.Name); err != nil {
		return err
	}
	if p.lease, err = p.store.LeaseProvision(ctx, p.row); err != nil {
		return err
	}
	j, err := applyJob(ctx, p.store, p.job, p.row)
	if err != nil {
		_ = p.lease.Release(ctx)
		return err
	}
	j.Limits = p.sink.Limits()
	p.worker = &apply.Worker{
		Sink: p.sink, State: p.store, Job: *j, Log: p.e.log.With("job", p.job.Name), Now: p.e.now, Trace: p,
		Run: apply.Run{Trigger: p.req.Trigger, Holder: p.lease.Holder, ChangeID: p.out.ChangeID, Immediate: true, DryRun: p.req.DryRun},
	}
	p.im, err = p.store.Importer(ctx, state.ImportOptions{
		Job: p.row.ID, UserTable: j.Tables[sinks.User], GroupTable: j.Tables[sinks.Group], AppScoped: j.Scoped, Groups: true, Round: p.row.Round,
	})
	return err
}

// subject is the object to be provisioned, as the source tells it.
type subject struct {
	entry  state.Entry
	attrs  map[string]any
	kind   sources.Kind
	whole  bool // all members of a group are given
	scoped bool // in the application's scope, where there is one
}

func (p *provision) run(ctx context.Context) error {
	s, err := p.find(ctx)
	if err != nil {
		return err
	}
	if err := p.scope(ctx, s); err != nil {
		return err
	}
	id, err := p.im.One(ctx, s.entry, s.whole)
	if err != nil {
		return err
	}
	if f := s.entry.Failure; f != nil {
		p.Step(provlog.StepAct, string(provlog.StatusFailure), f.Message+"; nothing was sent", nil)
		return provlog.Coded(provlog.Code(f.Code), "%s", f.Message)
	}
	out, err := p.act(ctx, id, s, p.worker.Object)
	if err != nil || out.Err != nil || s.kind != sources.KindGroup {
		return errors.Join(err, out.Err)
	}
	if out.Result.SinkID == "" || out.Result.Stage != nil {
		return nil
	}
	members, err := p.act(ctx, id, s, p.worker.Members)
	return errors.Join(err, members.Err)
}

// busyFor is how long a provision waits for a cycle that is just sending the same object.
const busyFor = 15 * time.Second

// act claims the object, works on it and records what came of it.
func (p *provision) act(ctx context.Context, id state.ObjectID, s *subject, do work) (apply.Outcome, error) {
	o, err := p.claim(ctx, id, s)
	if err != nil {
		return apply.Outcome{}, err
	}
	before := o.SinkID
	out := do(ctx, o)
	if n := len(out.Result.Records); n > 0 {
		out.Result.Records[n-1].Steps = ordered(p.steps, out.Err != nil)
	}
	if out.Action == provlog.ActionNone && len(out.Result.Records) == 0 && p.out.Result == "" && out.Added+out.Removed == 0 {
		p.out.Result = "skipped"
	}
	p.note(&out, before)
	if !p.req.DryRun {
		p.e.metrics.changed(p.job.Name, &out)
	}
	return out, p.store.Record(ctx, []state.Result{out.Result})
}

func (p *provision) claim(ctx context.Context, id state.ObjectID, s *subject) (*state.Object, error) {
	q := state.ClaimQuery{Job: p.row.ID, Holder: p.lease.Holder, Resource: s.entry.Resource, Scoped: p.worker.Job.Scoped}
	until := time.Now().Add(busyFor)
	for {
		o, err := p.store.ClaimOne(ctx, q, id)
		if errors.Is(err, state.ErrBusy) {
			if time.Now().After(until) {
				return nil, provlog.Coded(provlog.CodeLeaseHeld, "a cycle is sending this object at this moment; try again when it has ended: %w", err)
			}
			select {
			case <-time.After(50 * time.Millisecond):
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if err == nil && p.worker.Job.Scoped {
			o.InScope = o.Filtered && s.scoped // as of now, not of the last cycle
		}
		return o, err
	}
}

// note takes over what the worker reports.
func (p *provision) note(out *apply.Outcome, before sinks.ID) {
	for i := range out.Result.Records {
		r := &out.Result.Records[i]
		p.stored = true
		if r.Action != provlog.ActionNone {
			p.out.Action = r.Action
		}
		p.out.Properties = append(p.out.Properties, r.ModifiedProperties...)
		if r.Status == provlog.StatusSuccess {
			p.out.Result = "success"
		}
	}
	if out.Added+out.Removed > 0 && out.Err == nil {
		p.stored, p.out.Result = true, "success" // of a big group the records are stored already
		if p.out.Action == provlog.ActionNone {
			p.out.Action = provlog.ActionUpdate
		}
	}
	target := out.Result.SinkID
	if target == "" {
		target = before
	}
	if target != "" {
		p.out.TargetIdentity = provlog.Identity{ID: string(target), DisplayName: p.out.SourceIdentity.DisplayName, Type: p.out.SourceIdentity.Type}
	}
}

// end closes the account. What was skipped or never got to the app is logged as well.
func (p *provision) end(ctx context.Context, err error) error {
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		p.out.Result, p.out.Error = "failure", provlog.FromError(err)
		p.failStep(p.out.Error)
	}
	if p.out.Result == "" {
		p.out.Result = "skipped"
	}
	p.reached(err)
	p.out.Steps = ordered(p.steps, err != nil)
	p.out.EndedAt = p.e.now().UTC()
	p.e.log.Info("provisioned on demand", "job", p.job.Name, "source_id", p.out.SourceIdentity.ID, "result", p.out.Result, "action", p.out.Action.String())
	if p.stored {
		return nil
	}
	return p.store.PutRecord(ctx, p.record())
}

func (p *provision) record() provlog.Record {
	status := provlog.StatusSkipped
	if p.out.Error != nil {
		status = provlog.StatusFailure
	}
	return provlog.Record{
		ID: ulid.Make().String(), Time: p.out.EndedAt, Job: p.job.Name, ChangeID: p.out.ChangeID, Trigger: p.req.Trigger,
		Resource: p.out.SourceIdentity.Type, Action: p.out.Action, Status: status,
		SourceIdentity: p.out.SourceIdentity, TargetIdentity: p.out.TargetIdentity, Error: p.out.Error,
		DurationMS: p.out.EndedAt.Sub(p.out.StartedAt).Milliseconds(), Steps: p.out.Steps,
	}
}
