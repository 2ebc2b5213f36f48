package apply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// create makes the account, after nothing was found that matches.
func (t *task) create(ctx context.Context) {
	op := sinks.Op{Action: sinks.Create, Resource: t.o.Resource, Attributes: t.step.Attributes}
	first, err := t.firstMembers(ctx)
	if err != nil {
		t.fail(provlog.ActionCreate, err)
		return
	}
	op.AddMembers = first.sinkIDs()
	receipt, err := t.do(ctx, op)
	if err != nil && sinks.ClassOf(err) == sinks.Unclear && finished(err) {
		// The app is through with it: looking tells for certain, so one more try is safe.
		if t.lookAfter(ctx, err) {
			return
		}
		receipt, err = t.do(ctx, op)
	}
	if err != nil {
		t.createFailed(ctx, err)
		return
	}
	t.w.note(nil)
	t.w.taken.take(t.o, receipt.ID)
	t.ignored = receipt.Ignored
	t.created(receipt, first)
}

// finished says whether the app itself answered that it failed. After a gateway's answer
// (502, 504), or none, it may still be at work, and after a success without an id the
// account may be there and not to be found yet.
func finished(err error) bool {
	s := statusOf(err)
	return s == http.StatusInternalServerError || s == http.StatusServiceUnavailable
}

func (t *task) created(receipt sinks.Receipt, first memberChanges) {
	t.out.Result.SinkID, t.out.Result.Account = receipt.ID, plan.Enabled
	t.ackDesired()
	if !t.sentManager() {
		t.out.Result.AckedManager = 0
	}
	if receipt.MembersDone {
		t.out.Result.Members = first.results()
		t.out.Added = len(first)
		t.withMembers(first)
	}
	t.succeed(provlog.ActionCreate, Created)
}

// withMembers adds a group's first members to the record of its creation.
func (t *task) withMembers(first memberChanges) {
	if len(first) == 0 {
		return
	}
	created := t.step.Properties
	t.memberProperties(first)
	t.step.Properties = append(slices.Clone(created), t.step.Properties...)
}

func (t *task) sentManager() bool {
	for _, a := range t.step.Attributes {
		if a.Path == sinks.PathManager {
			return true
		}
	}
	return false
}

func (t *task) createFailed(ctx context.Context, err error) {
	switch sinks.ClassOf(err) {
	case sinks.Conflict:
		t.conflict(ctx, err)
	case sinks.Unclear:
		if t.lookAfter(ctx, err) {
			return
		}
		t.out.Result.Unclear = true
		t.fail(provlog.ActionCreate, err)
	default:
		t.fail(provlog.ActionCreate, err)
	}
}

// lookAfter looks whether a create whose answer was lost took effect. It returns true
// when it has dealt with the object.
func (t *task) lookAfter(ctx context.Context, cause error) bool {
	hits, path, err := t.candidates(ctx, true)
	if err != nil || len(hits) > 1 {
		t.out.Result.Unclear = true
		t.fail(provlog.ActionCreate, errors.Join(cause, err))
		return true
	}
	if len(hits) == 0 {
		return false
	}
	t.o.Unclear = true // it is ours, whatever existing_accounts says
	t.found(ctx, &hits[0], path)
	return true
}

// conflict finds the account that holds a value of ours and adopts it, if it is one and
// nobody's. The search goes further than the matching attributes: some apps filter on one
// of these only.
func (t *task) conflict(ctx context.Context, cause error) {
	seen := map[sinks.ID]bool{}
	var hits []sinks.Object
	by := ""
	for path, value := range t.unique() {
		found, err := t.w.Sink.Find(ctx, t.w.query(t.o.Resource), path, value)
		if err != nil {
			continue // this app can't search by it; the others may do
		}
		for _, h := range found {
			if !seen[h.ID] {
				seen[h.ID], by = true, path
				hits = append(hits, h)
			}
		}
	}
	switch len(hits) {
	case 0:
		t.fail(provlog.ActionCreate, fmt.Errorf("%w; no account that holds the value could be found, it may be hidden from this token", cause))
	case 1:
		t.found(ctx, &hits[0], by)
	default:
		t.fail(provlog.ActionCreate, provlog.Coded(provlog.CodeAmbiguousMatch,
			"the app reports a conflict, and %d accounts hold values of this object (%s)", len(hits), ids(hits)))
	}
}

// unique yields the attributes that an app may hold unique, in order of their weight.
func (t *task) unique() func(func(string, string) bool) {
	want := []string{sinks.PathExternalID, sinks.PathUserName, `emails[type eq "work"].value`, `emails[primary eq true].value`}
	if t.o.Resource == sinks.Group {
		want = []string{sinks.PathExternalID, sinks.PathDisplayName}
	}
	return func(yield func(string, string) bool) {
		for _, w := range want {
			for i, p := range t.table.Paths {
				v, ok := t.facts.Desired[i].(string)
				if p == w && ok && v != "" && !yield(p, v) {
					return
				}
			}
		}
	}
}

func (t *task) id() sinks.ID { return t.out.Result.SinkID }

// do sends one write about the object. One that changes it names the version that is known,
// so that the app can refuse if somebody else was quicker, and brings the next.
func (t *task) do(ctx context.Context, op sinks.Op) (sinks.Receipt, error) {
	if op.Action != sinks.Create {
		op.Version = t.out.Result.Version
	}
	receipt, err := t.w.Sink.Do(ctx, op)
	if err == nil {
		t.out.Result.Version = receipt.Version
	}
	return receipt, err
}

// unlinked notes that the object has no account any more.
func (t *task) unlinked() {
	r := &t.out.Result
	r.SinkID, r.Version, r.Account, r.AckedManager = "", "", plan.NoAccount, 0
}

// update sends what differs.
func (t *task) update(ctx context.Context) {
	if t.o.Resource == sinks.Group && len(t.step.Attributes) == 0 {
		t.out.Result.Account = plan.Enabled // it had been emptied; its members follow
		t.nothing()
		return
	}
	if err := t.send(ctx); err != nil {
		t.updateFailed(ctx, provlog.ActionUpdate, err)
		return
	}
	if !t.stillBlocked() {
		t.out.Result.Account = plan.Enabled
	}
	t.ackUpdate()
	t.succeed(provlog.ActionUpdate, Updated)
}

// stillBlocked says whether a disabled account was updated without enabling it.
func (t *task) stillBlocked() bool {
	if t.facts.Account != plan.Blocked || t.o.Resource == sinks.Group {
		return false
	}
	for _, a := range t.step.Attributes {
		if a.Path == sinks.PathActive {
			return a.Value != true
		}
	}
	return true
}

// ackUpdate notes the desired values, and the manager only if it was sent or was right.
func (t *task) ackUpdate() {
	manager := t.out.Result.AckedManager
	t.ackDesired()
	if t.facts.Manager.Waiting {
		t.out.Result.AckedManager = manager
	}
}

// send sends the step as an update. A lost answer is tried once more: setting the same
// values twice does no harm.
func (t *task) send(ctx context.Context) error {
	op := sinks.Op{Action: sinks.Update, Resource: t.o.Resource, ID: t.id(), Attributes: t.step.Attributes}
	receipt, err := t.do(ctx, op)
	if sinks.ClassOf(err) == sinks.Unclear {
		receipt, err = t.do(ctx, op)
	}
	if err == nil {
		t.w.note(nil)
	}
	t.ignored = receipt.Ignored
	return err
}

func (t *task) updateFailed(ctx context.Context, a provlog.Action, err error) {
	switch sinks.ClassOf(err) {
	case sinks.Missing:
		t.vanished(ctx, err)
	case sinks.Conflict:
		t.out.Blocked = true
		t.fail(a, err)
	case sinks.Unclear:
		t.out.Result.Unclear = true
		t.fail(a, err)
	default:
		t.fail(a, err)
	}
}

// vanished deals with an account that somebody removed from the app: it is matched anew
// and made again if the person should have one.
func (t *task) vanished(ctx context.Context, cause error) {
	t.w.Log.Warn("account vanished from the app", "resource", t.o.Resource.String(), "source_id", t.o.SourceID, "sink_id", t.id(), provlog.LogAttr(cause))
	t.recordVanished(cause)
	t.unlinked()
	t.facts.Linked, t.facts.Account, t.facts.Acked = false, plan.NoAccount, map[string]any{}
	t.facts.Manager.Same = false
	t.o.Unclear = true // ask the app, not the list that may still show it
	t.plan()
	if t.step.Kind != plan.Create {
		t.out.Result.Probed = true
		t.skip()
		return
	}
	t.match(ctx)
}

func (t *task) disable(ctx context.Context) {
	if err := t.send(ctx); err != nil {
		t.updateFailed(ctx, provlog.ActionDisable, err)
		return
	}
	t.out.Result.Account = plan.Blocked
	if len(t.step.Attributes) > 1 {
		t.ackUpdate()
	}
	t.succeed(provlog.ActionDisable, Disabled)
}

func (t *task) delete(ctx context.Context) {
	_, err := t.do(ctx, sinks.Op{Action: sinks.Delete, Resource: t.o.Resource, ID: t.id()})
	if sinks.ClassOf(err) == sinks.Unclear {
		_, err = t.do(ctx, sinks.Op{Action: sinks.Delete, Resource: t.o.Resource, ID: t.id()})
	}
	if err != nil && sinks.ClassOf(err) != sinks.Missing {
		t.fail(provlog.ActionDelete, err)
		return
	}
	t.w.note(nil)
	target := t.id()
	t.unlinked()
	t.out.Result.Probed = true
	t.succeed(provlog.ActionDelete, Deleted)
	t.out.Result.Records[len(t.out.Result.Records)-1].TargetIdentity.ID = string(target)
}
