package apply

import (
	"context"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// StepAside renames an account whose user name is about to change anyway to a passing
// one, so that its present name is free for somebody else. The object stays to be
// planned, and gets its right name when its turn comes again.
func (w *Worker) StepAside(ctx context.Context, o *state.Object, name func(string, state.ObjectID) string) (bool, state.Result) {
	t := &task{w: w, o: o, table: w.table(o.Resource), began: w.Now()}
	t.out.Result = o.Unchanged()
	t.out.Result.Keep = true
	if err := t.learn(); err != nil {
		return false, t.out.Result
	}
	t.plan()
	now, _ := t.facts.Acked[sinks.PathUserName].(string)
	for i, path := range t.facts.Paths {
		if path != sinks.PathUserName || now == "" || t.facts.Desired[i] == now {
			continue
		}
		return t.moveTo(ctx, name(now, o.ID)), t.out.Result
	}
	return false, t.out.Result
}

func (t *task) moveTo(ctx context.Context, name string) bool {
	old := t.facts.Acked[sinks.PathUserName]
	t.step.Attributes = []sinks.Attribute{{Path: sinks.PathUserName, Value: name}}
	t.step.Properties = []plan.Property{{Path: sinks.PathUserName, Old: old, New: name}}
	if err := t.send(ctx); err != nil {
		t.record(provlog.ActionUpdate, err)
		return false
	}
	values := make([]any, len(t.table.Paths))
	for i, p := range t.table.Paths {
		values[i] = t.facts.Acked[p]
		if p == sinks.PathUserName {
			values[i] = name
		}
	}
	t.out.Result.Acked = &state.Acked{Table: t.w.Job.Tables[t.o.Resource], Values: mapping.Encode(values)}
	t.record(provlog.ActionUpdate, nil)
	return true
}
