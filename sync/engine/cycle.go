package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/oklog/ulid/v2"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/apply"
	"github.com/idpbridge/idpbridge/sync/state"
)

// cycle is one run of a job.
type cycle struct {
	e      *Engine
	store  *state.Store // the engine's, or a copy in a dry run
	job    *Job
	sink   Sink
	req    Request
	row    *state.Job
	lease  *state.Lease
	log    *slog.Logger
	out    *state.Cycle
	worker *apply.Worker
	base   state.Requests
	full   bool           // the source is read whole
	held   []state.Change // in a dry run, what the guard has to judge
	linked map[adoptedBy]*state.Adopted
}

// Run runs one cycle and returns its account. The error is about the cycle not having
// run at all (a *state.LeasedError, a state that can't be read); a cycle that ran and
// failed says so in its account.
func (e *Engine) Run(ctx context.Context, job *Job, req Request) (*state.Cycle, error) {
	c, done, err := e.begin(ctx, job, req)
	if err != nil {
		return nil, err
	}
	defer done()
	if req.Started != nil {
		req.Started(c.begun())
	}
	return c.end(ctx, c.run(ctx))
}

// begun is the cycle's account as it is at the start. It shares nothing with the one that
// the cycle goes on writing, since somebody else reads it meanwhile.
func (c *cycle) begun() state.Cycle {
	out := *c.out
	if out.Adoption != nil {
		out.Adoption = new(*out.Adoption)
	}
	return out
}

// run is the cycle. A source that fails half way doesn't keep what it said before from
// being applied, but nothing is taken away then.
func (c *cycle) run(ctx context.Context) error {
	if err := c.wake(ctx); err != nil {
		return err
	}
	readErr := c.read(ctx)
	if readErr != nil && !c.usable(readErr) {
		return readErr
	}
	for _, phase := range []func(context.Context) error{c.users, c.groups, c.memberships, c.references} {
		if err := phase(ctx); err != nil {
			return errors.Join(readErr, err)
		}
	}
	if readErr != nil {
		return readErr
	}
	if err := c.deletions(ctx); err != nil || !c.full {
		return err
	}
	_, err := c.store.Purge(ctx, c.row.ID)
	return err
}

// begin takes the job's lease and opens the cycle.
func (e *Engine) begin(ctx context.Context, job *Job, req Request) (*cycle, func(), error) {
	c := &cycle{e: e, store: e.store, job: job, sink: job.Sink, req: req, log: e.log.With("job", job.Name)}
	cleanup := func() {}
	if req.DryRun {
		copied, remove, err := e.store.Copy(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("dry run: %w", err)
		}
		c.store, c.sink, cleanup = copied, newDry(job.DrySink, job.Mapping), remove
	}
	var err error
	if c.row, err = c.store.Job(ctx, job.Name); err == nil {
		c.lease, err = c.store.LeaseCycle(ctx, c.row)
	}
	if err != nil {
		cleanup()
		return nil, nil, err
	}
	done := func() {
		_ = c.lease.Release(ctx)
		cleanup()
	}
	if err := c.open(ctx); err != nil {
		done()
		return nil, nil, err
	}
	return c, done, nil
}

// open decides the kind of the cycle and stores that it runs.
func (c *cycle) open(ctx context.Context) error {
	due := c.job.Reconcile > 0 && !c.row.LastReconcile.IsZero() && c.e.now().Sub(c.row.LastReconcile) >= c.job.Reconcile
	kind := "incremental"
	switch {
	case c.req.Reconcile || due && c.req.Trigger == "schedule":
		kind, c.full = "reconcile", true
	case c.req.Full || c.row.Cursor == "" || c.row.Round.Full || c.row.Fingerprint != c.job.Mapping.Fingerprint():
		kind, c.full = "initial", true
	}
	c.out = &state.Cycle{
		Job: c.job.Name, ID: ulid.Make().String(), Kind: kind, Trigger: c.req.Trigger,
		DryRun: c.req.DryRun, Status: "running", StartedAt: c.e.now().UTC(),
	}
	if c.req.DryRun {
		c.beginPreview(kind)
	}
	c.log = c.log.With("cycle", c.out.ID)
	c.base = c.job.Requests()
	if err := c.store.PutCycle(ctx, c.row.ID, c.out); err != nil {
		return err
	}
	c.log.Info("cycle started", "kind", kind, "trigger", c.req.Trigger, "dry_run", c.req.DryRun)
	return c.prepare(ctx)
}

// prepare makes the worker.
func (c *cycle) prepare(ctx context.Context) error {
	j, err := applyJob(ctx, c.store, c.job, c.row)
	if err != nil {
		return err
	}
	j.Limits = c.sink.Limits()
	c.worker = &apply.Worker{
		Sink: apply.Batched(c.sink), State: c.store, Job: *j, Log: c.log, Now: c.e.now,
		Run: apply.Run{CycleID: c.out.ID, Trigger: c.req.Trigger, Holder: c.lease.Holder, DryRun: c.req.DryRun},
	}
	return nil
}

func applyJob(ctx context.Context, store *state.Store, job *Job, row *state.Job) (*apply.Job, error) {
	j := &apply.Job{Name: job.Name, ID: row.ID, Policy: job.Policy, Mapping: job.Mapping, Scoped: job.Mapping.App() != ""}
	for r, paths := range map[sinks.Resource][]string{sinks.User: job.Mapping.Users().Paths, sinks.Group: job.Mapping.Groups().Paths} {
		n, err := store.Table(ctx, row.ID, r, paths)
		if err != nil {
			return nil, err
		}
		j.Tables[r] = n
	}
	var err error
	j.Paths, err = store.Paths(ctx, row.ID)
	return j, err
}

// wake brings back what waits: escrow that is due, objects a dead process worked on,
// disabled accounts whose time is over, approvals that ran out.
func (c *cycle) wake(ctx context.Context) error {
	id := c.row.ID
	if err := c.store.WakeEscrow(ctx, id, false); err != nil {
		return err
	}
	if err := c.store.WakeUnclear(ctx, id); err != nil {
		return err
	}
	if after := c.job.Policy.DeleteAfter; after > 0 {
		if err := c.store.DueDeletions(ctx, id, c.e.now().Add(-after)); err != nil {
			return err
		}
	}
	return c.store.ExpireApprovals(ctx, id)
}
