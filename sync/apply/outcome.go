package apply

import (
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// succeed notes a change that the app acknowledged.
func (t *task) succeed(a provlog.Action, c Counted) {
	t.out.Action, t.out.Counted = a, c
	word := a.String()
	if t.step.Kind.Takes() && a != provlog.ActionUpdate {
		word = t.taking()
	}
	t.preview(word)
	t.out.Result.Probed = t.out.Result.Probed && t.out.Result.SinkID == ""
	t.record(a, nil)
	t.recordIgnored()
	t.traceAct(a, nil)
}

// recordIgnored makes a warning of the record of a change that the app took in part.
func (t *task) recordIgnored() {
	if len(t.ignored) == 0 {
		return
	}
	r := &t.out.Result.Records[len(t.out.Result.Records)-1]
	r.Status = provlog.StatusWarning
	r.Error = provlog.FromError(provlog.Coded(provlog.CodeNoEffect, "the app took the change, but not %s", strings.Join(t.ignored, ", ")))
	t.ignored = nil
}

// fail notes a failure. What concerns every object leaves this one untried; else it goes
// into escrow.
func (t *task) fail(a provlog.Action, err error) Outcome {
	e := provlog.FromError(err).Without(t.secrets()...)
	err = &toldError{e, err}
	t.out.Action, t.out.Err = a, err
	t.traceAct(a, err)
	if t.w.note(err) && !t.w.Run.Immediate {
		t.out.Result.Keep = true
		return t.out
	}
	t.out.Counted = Failed
	if t.preview(a.String()); t.out.Change != nil {
		t.out.Change.Error = &state.Problem{Code: string(e.Code), Message: e.Message, Advice: e.Advice}
	}
	t.out.Result.Failure = &state.Failure{Code: string(e.Code), Message: e.Message, Advice: e.Advice}
	t.record(a, err)
	return t.out
}

// record adds a record to the provisioning log.
func (t *task) record(a provlog.Action, err error) {
	r := provlog.Record{
		ID: ulid.Make().String(), Time: t.w.Now().UTC(), Job: t.w.Job.Name, CycleID: t.w.Run.CycleID, ChangeID: t.w.Run.ChangeID,
		Trigger: t.w.Run.Trigger, Resource: t.o.Resource.String(), Action: a, Status: provlog.StatusSuccess,
		SourceIdentity:     provlog.Identity{ID: string(t.o.SourceID), DisplayName: t.name(), Type: t.o.Resource.String()},
		TargetIdentity:     provlog.Identity{ID: string(t.id()), DisplayName: t.name(), Type: t.o.Resource.String()},
		ModifiedProperties: t.properties(),
		DurationMS:         t.w.Now().Sub(t.began).Milliseconds(),
	}
	if r.ChangeID == "" {
		r.ChangeID = r.ID
	}
	if err != nil {
		r.Status, r.Error = provlog.StatusFailure, provlog.FromError(err).Without(t.secrets()...)
	}
	t.out.Result.Records = append(t.out.Result.Records, r)
}

// recordVanished says in the log that an account is gone, and which.
func (t *task) recordVanished(cause error) {
	changes := t.step.Properties
	t.step.Properties = nil // of these, nothing was sent
	told := &toldError{provlog.FromError(cause).Without(t.secrets()...), cause}
	t.record(provlog.ActionNone, provlog.Coded(provlog.CodeVanished, "the account %s vanished from the app: %w", t.id(), told))
	t.step.Properties = changes
	t.out.Result.Records[len(t.out.Result.Records)-1].Status = provlog.StatusWarning
}

// Vanished returns the record for an account that a reconcile finds to be gone.
func (w *Worker) Vanished(o *state.Object, cause error) provlog.Record {
	t := &task{w: w, o: o, table: w.table(o.Resource), began: w.Now()}
	t.out.Result = o.Unchanged()
	t.recordVanished(cause)
	return t.out.Result.Records[0]
}

// memberProperties says in the step whose membership changes, by the source's ids.
func (t *task) memberProperties(chunk memberChanges) {
	var added, removed []any
	for _, m := range chunk {
		if m.Wanted() {
			added = append(added, string(m.SourceID))
		} else {
			removed = append(removed, string(m.SourceID))
		}
	}
	t.step.Properties = nil
	if len(added) > 0 {
		t.step.Properties = append(t.step.Properties, plan.Property{Path: sinks.PathMembers, New: added})
	}
	if len(removed) > 0 {
		t.step.Properties = append(t.step.Properties, plan.Property{Path: sinks.PathMembers, Old: removed})
	}
}

// properties are the step's changes with sensitive values hidden.
func (t *task) properties() []provlog.Property {
	out := make([]provlog.Property, 0, len(t.step.Properties))
	hidden := t.table.ReferenceSensitive || slices.Contains(t.table.Sensitive, true)
	for _, p := range t.step.Properties {
		q := provlog.Property{Path: p.Path, Old: p.Old, New: p.New}
		if hidden && t.sensitive(p.Path) {
			q = q.Redacted()
		}
		out = append(out, q)
	}
	return out
}

func (t *task) sensitive(path string) bool {
	if path == sinks.PathManager && t.table.Reference {
		return t.table.ReferenceSensitive
	}
	for i, p := range t.table.Paths {
		if p == path {
			return t.table.Sensitive[i]
		}
	}
	return false
}

// preview notes the change for the plan of a dry run.
func (t *task) preview(action string) {
	if t.w.Run.DryRun {
		t.out.Change = t.change(action)
	}
}

// change is the object's line in a plan.
func (t *task) change(action string) *state.Change {
	c := &state.Change{
		Resource: t.o.Resource.String(), Action: action, SourceID: string(t.o.SourceID),
		DisplayName: t.name(), Reason: t.step.Reason, Properties: []state.Property{},
	}
	for _, p := range t.properties() {
		c.Properties = append(c.Properties, state.Property{Path: p.Path, Old: p.Old, New: p.New})
	}
	return c
}
