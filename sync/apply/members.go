package apply

import (
	"context"
	"fmt"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// memberPage is how many memberships are read from the state at once, and flushEvery how
// many are sent before their results are stored.
const (
	memberPage = 5000
	flushEvery = 2000
)

type memberChanges []state.MemberChange

func (c memberChanges) sinkIDs() []sinks.ID {
	out := make([]sinks.ID, len(c))
	for i, m := range c {
		out[i] = m.SinkID
	}
	return out
}

func (c memberChanges) results() []state.MemberResult {
	out := make([]state.MemberResult, len(c))
	for i, m := range c {
		out[i] = m.Result(m.Wanted())
	}
	return out
}

// firstMembers returns the members that fit the request that makes a group.
func (t *task) firstMembers(ctx context.Context) (memberChanges, error) {
	if t.o.Resource != sinks.Group || t.w.Job.Limits.Members <= 0 {
		return nil, nil
	}
	return t.w.State.MemberChanges(ctx, state.MemberQuery{Group: t.o.ID, Limit: t.w.Job.Limits.Members, Ready: true})
}

// Members brings the members of one claimed group up to date, in chunks. Nobody else
// writes to the group meanwhile, since it is claimed.
func (w *Worker) Members(ctx context.Context, g *state.Object) Outcome {
	t := &task{w: w, o: g, table: w.table(sinks.Group), began: w.Now()}
	t.out.Result = g.Unchanged()
	if w.Stopped() != nil || g.Presence != plan.Active || !g.InScope {
		// The members of a group that left wait: for what becomes of it, or its return.
		t.out.Result.Keep = true
		return t.out
	}
	if err := t.members(ctx); err != nil {
		if sinks.ClassOf(err) == sinks.Missing {
			// The group itself is planned anew, and its members with it.
			t.unlinked()
			t.out.Result.Keep = true
			t.record(provlog.ActionUpdate, provlog.Coded(provlog.CodeVanished, "the group %s vanished from the app; it is made again", g.SinkID))
			return t.out
		}
		t.out.Result.Unclear = arrived(err)
		return t.fail(provlog.ActionUpdate, err)
	}
	t.out.Result.MembersDone = true
	if n := t.out.Added + t.out.Removed; n > 0 {
		t.trace(provlog.StepAct, "success", fmt.Sprintf("%d members added, %d removed", t.out.Added, t.out.Removed),
			map[string]any{"action": provlog.ActionUpdate, "target_id": string(g.SinkID), "added": t.out.Added, "removed": t.out.Removed})
	}
	return t.out
}

// arrived says whether a refused member change may have had an effect all the same: not
// every app takes a request back as a whole when it refuses a part of it.
func arrived(err error) bool {
	switch sinks.ClassOf(err) {
	case sinks.Unclear, sinks.Conflict, sinks.Rejected, sinks.Incompatible:
		return true
	default:
		return false
	}
}

func (t *task) members(ctx context.Context) error {
	if t.o.Unclear {
		if err := t.lookAtMembers(ctx); err != nil {
			return err
		}
	}
	var after state.ObjectID
	for {
		page, err := t.w.State.MemberChanges(ctx, state.MemberQuery{Group: t.o.ID, After: after, Limit: memberPage})
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].User
		if err := t.sendMembers(ctx, page); err != nil || len(page) < memberPage {
			return err
		}
	}
}

// lookAtMembers reads a group whose last change had no answer, where the app shows
// members, so that nothing is added twice: some apps keep duplicates.
func (t *task) lookAtMembers(ctx context.Context) error {
	shown, err := t.showMembers(ctx, t.o.SinkID)
	if err != nil {
		return fmt.Errorf("read the members after a lost answer: %w", err)
	}
	if !shown.MembersKnown {
		return nil
	}
	return t.w.State.Record(ctx, []state.Result{{Object: t.o, Partial: true, Observed: &state.Observed{Members: shown.Members}}})
}

func (t *task) showMembers(ctx context.Context, id sinks.ID) (*sinks.Object, error) {
	q := t.w.query(sinks.Group)
	q.Members = true
	return t.w.Sink.Get(ctx, q, id)
}

// adoptMembers takes the members that an existing group shows for acknowledged, so that
// only the difference is sent.
func (t *task) adoptMembers(ctx context.Context, hit *sinks.Object) error {
	if t.o.Resource != sinks.Group {
		return nil
	}
	if !hit.MembersKnown {
		var err error
		if hit, err = t.showMembers(ctx, hit.ID); err != nil {
			return fmt.Errorf("read the members of an existing group: %w", err)
		}
	}
	if hit.MembersKnown {
		t.out.Result.Observed = &state.Observed{Members: hit.Members}
	}
	return nil
}

func (t *task) sendMembers(ctx context.Context, page memberChanges) error {
	var chunk memberChanges
	for _, m := range page {
		if m.Held && m.Have && !m.Wanted() {
			continue // who is not to be disabled yet stays in the groups, too
		}
		if m.Wanted() == m.Have {
			t.out.Result.Members = append(t.out.Result.Members, m.Result(m.Have))
			continue
		}
		chunk = append(chunk, m)
		if len(chunk) == t.w.Job.Limits.Members {
			if err := t.sendChunk(ctx, chunk); err != nil {
				return err
			}
			chunk = nil
		}
	}
	if len(chunk) == 0 {
		return nil
	}
	return t.sendChunk(ctx, chunk)
}

func (t *task) sendChunk(ctx context.Context, chunk memberChanges) error {
	op := sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: t.o.SinkID}
	for _, m := range chunk {
		if m.Wanted() {
			op.AddMembers = append(op.AddMembers, m.SinkID)
		} else {
			op.RemoveMembers = append(op.RemoveMembers, m.SinkID)
		}
	}
	if _, err := t.do(ctx, op); err != nil {
		return err
	}
	t.w.note(nil)
	t.out.Added += len(op.AddMembers)
	t.out.Removed += len(op.RemoveMembers)
	t.out.Result.Members = append(t.out.Result.Members, chunk.results()...)
	t.memberProperties(chunk)
	t.record(provlog.ActionUpdate, nil)
	t.planMembers()
	if len(t.out.Result.Members) < flushEvery {
		return nil
	}
	return t.flush(ctx)
}

// flush stores what a big group has got so far, so that a crash repeats little.
func (t *task) flush(ctx context.Context) error {
	part := state.Result{Object: t.o, Partial: true, Members: t.out.Result.Members, Records: t.out.Result.Records}
	t.out.Result.Members, t.out.Result.Records = nil, nil
	return t.w.State.Record(ctx, []state.Result{part})
}

// empty takes all members from a group that left, by policy.
func (t *task) empty(ctx context.Context) {
	t.out.Result.Account = plan.Blocked
	var after state.ObjectID
	for {
		page, err := t.w.State.MemberChanges(ctx, state.MemberQuery{Group: t.o.ID, After: after, Limit: memberPage, All: true})
		if err != nil {
			t.fail(provlog.ActionUpdate, err)
			return
		}
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1].User
		for i := range page {
			page[i].Want, page[i].Held = false, false
		}
		if err := t.sendMembers(ctx, page); err != nil {
			t.out.Result.Account = t.o.Account
			t.fail(provlog.ActionUpdate, err)
			return
		}
	}
	t.out.Counted, t.out.Action = Disabled, provlog.ActionDisable
	t.step.Properties = nil // the members have records of their own
	if t.out.Change == nil {
		t.preview(t.taking())
	} else {
		t.out.Change.Action = t.taking()
	}
	t.record(provlog.ActionDisable, nil)
	t.traceAct(provlog.ActionDisable, nil)
}

// planMembers adds the chunk in the step to a dry run's line for the group, of which there
// is one however many requests it takes.
func (t *task) planMembers() {
	if !t.w.Run.DryRun {
		return
	}
	line := t.change(provlog.ActionUpdate.String())
	if t.out.Change == nil {
		t.out.Change = line
		return
	}
	t.out.Change.Properties = append(t.out.Change.Properties, line.Properties...)
}
