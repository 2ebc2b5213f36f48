package apply

import (
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// toldError is an error in the words that may be stored and shown, with the sensitive
// values that the app quoted hidden. The cause keeps its class and code.
type toldError struct {
	told  *provlog.Error
	cause error
}

func (e *toldError) Error() string   { return e.told.Message }
func (e *toldError) Unwrap() []error { return []error{e.told, e.cause} }

// secrets are the object's sensitive values, wanted and acknowledged.
func (t *task) secrets() []any {
	var out []any
	for i, path := range t.table.Paths {
		if !t.table.Sensitive[i] {
			continue
		}
		if i < len(t.facts.Desired) {
			out = append(out, t.facts.Desired[i])
		}
		out = append(out, t.facts.Acked[path])
	}
	return out
}

// name is the object's display name, unless it is one of its sensitive values.
func (t *task) name() string {
	for _, secret := range t.secrets() {
		if secret == t.o.DisplayName && t.o.DisplayName != "" {
			return provlog.Hidden
		}
	}
	return t.o.DisplayName
}

func (t *task) trace(name, status, detail string, data map[string]any) {
	if t.w.Trace != nil {
		t.w.Trace.Step(name, status, detail, data)
	}
}

// traceAct tells how a change ended: in the step it got to.
func (t *task) traceAct(a provlog.Action, err error) {
	if t.w.Trace == nil {
		return
	}
	data := map[string]any{"action": a, "target_id": string(t.id()), "modified_properties": t.properties()}
	if err == nil {
		t.trace(provlog.StepAct, "success", a.String(), data)
		return
	}
	e := provlog.FromError(err)
	if t.matching {
		t.traceMatch("failure", e.Message)
		t.trace(provlog.StepAct, "skipped", "nothing was sent", nil)
		return
	}
	data["error"], data["http_status"] = e, statusOf(err)
	t.trace(provlog.StepAct, "failure", e.Message, data)
}

// traceMatch tells which matching attributes were tried, in order, and what they found.
func (t *task) traceMatch(status, detail string) {
	if t.w.Trace == nil {
		return
	}
	data := map[string]any{"attempts": append([]provlog.Attempt{}, t.attempts...)}
	if id := t.id(); id != "" {
		data["target_id"] = string(id)
	}
	t.trace(provlog.StepMatch, status, detail, data)
}

// attempt notes a matching attribute that was tried.
func (t *task) attempt(row int, hits []sinks.Object) {
	if t.w.Trace == nil {
		return
	}
	path := t.table.Paths[row]
	shown := provlog.Property{Path: path, New: t.facts.Desired[row]}
	if t.table.Sensitive[row] {
		shown = shown.Redacted()
	}
	a := provlog.Attempt{Attribute: path, Value: shown.New, Found: len(hits), TargetIDs: []string{}}
	for _, h := range hits {
		a.TargetIDs = append(a.TargetIDs, string(h.ID))
	}
	t.attempts = append(t.attempts, a)
}

// skipWords says why nothing is done for an object.
func skipWords(s plan.Step) string {
	switch s.Reason {
	case plan.OutOfScope:
		return "not provisioned: out of scope"
	case plan.NotActive:
		return "not provisioned: not active in the source"
	case plan.Deleted:
		return "not provisioned: deleted in the source"
	default:
		return "not provisioned"
	}
}
