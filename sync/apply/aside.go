package apply

import (
	"context"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// StepAside gives an account passing values where its user name or mail addresses are
// about to change anyway, so that its present ones are free for somebody else. The object
// stays to be planned, and gets its right values when its turn comes again.
func (w *Worker) StepAside(ctx context.Context, o *state.Object, name func(string, state.ObjectID) string) (bool, state.Result) {
	t := &task{w: w, o: o, table: w.table(o.Resource), began: w.Now()}
	t.out.Result = o.Unchanged()
	t.out.Result.Keep = true
	if err := t.learn(); err != nil {
		return false, t.out.Result
	}
	values := make([]any, len(t.table.Paths))
	for i, path := range t.table.Paths {
		now, isText := t.facts.Acked[path].(string)
		values[i] = t.facts.Acked[path]
		if !mayBeUnique(path) || !isText || now == "" || t.facts.Desired[i] == values[i] {
			continue
		}
		values[i] = name(now, o.ID)
		t.step.Attributes = append(t.step.Attributes, sinks.Attribute{Path: path, Value: values[i]})
		t.step.Properties = append(t.step.Properties, plan.Property{Path: path, Old: now, New: values[i]})
	}
	return len(t.step.Attributes) > 0 && t.move(ctx, values), t.out.Result
}

// mayBeUnique names what apps hold unique and people change or take over: user names and
// mail addresses.
func mayBeUnique(path string) bool {
	return path == sinks.PathUserName || strings.HasPrefix(path, "emails[") && strings.HasSuffix(path, "].value")
}

func (t *task) move(ctx context.Context, values []any) bool {
	if err := t.send(ctx); err != nil {
		t.record(provlog.ActionUpdate, err)
		return false
	}
	t.out.Result.Acked = &state.Acked{Table: t.w.Job.Tables[t.o.Resource], Values: mapping.Encode(values)}
	t.record(provlog.ActionUpdate, nil)
	return true
}

// Values returns the values of an object that an app may hold unique, as "path value" in
// lower case: those that it has to give up, and those that it wants instead.
func (w *Worker) Values(o *state.Object) (has, want []string, err error) {
	t := &task{w: w, o: o, table: w.table(o.Resource)}
	if err := t.learn(); err != nil {
		return nil, nil, err
	}
	for i, path := range t.table.Paths {
		if !mayBeUnique(path) || plan.Equal(t.facts.Acked[path], t.facts.Desired[i]) {
			continue
		}
		if v, ok := t.facts.Acked[path].(string); ok {
			has = append(has, path+" "+strings.ToLower(v))
		}
		if v, ok := t.facts.Desired[i].(string); ok {
			want = append(want, path+" "+strings.ToLower(v))
		}
	}
	return has, want, nil
}
