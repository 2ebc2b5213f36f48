package engine

import (
	"slices"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// stepNames are the steps of a provision, in their order.
func stepNames() []string {
	return []string{provlog.StepConnect, provlog.StepImport, provlog.StepScope, provlog.StepMatch, provlog.StepAct}
}

// Step implements apply.Tracer.
func (p *provision) Step(name, status, detail string, data map[string]any) {
	if data == nil {
		data = map[string]any{}
	}
	p.steps = append(p.steps, provlog.Step{Name: name, Status: provlog.Status(status), Detail: detail, Data: data})
}

func (p *provision) has(name string) bool {
	return slices.ContainsFunc(p.steps, func(s provlog.Step) bool { return s.Name == name })
}

// failStep names the step that failed, if none has said so yet: the first that was not
// reached.
func (p *provision) failStep(e *provlog.Error) {
	if slices.ContainsFunc(p.steps, func(s provlog.Step) bool { return s.Status == provlog.StatusFailure }) {
		return
	}
	name := provlog.StepAct
	for _, n := range stepNames() {
		if !p.has(n) {
			name = n
			break
		}
	}
	p.Step(name, string(provlog.StatusFailure), e.Message, map[string]any{"error": e})
}

// reached completes the first step, which is about both sides, with what is known of the
// application in the end. It is not asked just for that.
func (p *provision) reached(err error) {
	if !p.has(provlog.StepImport) && !p.has(provlog.StepConnect) {
		return // the source itself
	}
	status, words, app := provlog.StatusSuccess, "the source answers", "not_asked"
	switch sinks.ClassOf(err) {
	case sinks.Denied, sinks.Unreachable:
		status, app = provlog.StatusFailure, "failure"
		words = "the source answers, the application doesn't let us in: " + provlog.FromError(err).Message
	default:
		if p.job.Requests().Sink > p.base {
			words, app = "source and application answer", "success"
		}
	}
	if slices.ContainsFunc(p.steps, func(s provlog.Step) bool { return s.Name == provlog.StepConnect && s.Status == provlog.StatusFailure }) {
		return
	}
	p.Step(provlog.StepConnect, string(status), words, map[string]any{"source": "success", "sink": app})
}

// ordered leaves one entry of each step, the last word on it, in their fixed order. What
// was not reached is skipped.
func ordered(steps []provlog.Step, failed bool) []provlog.Step {
	last := map[string]provlog.Step{}
	for _, s := range steps {
		if have, ok := last[s.Name]; ok && have.Status == provlog.StatusSuccess && s.Status == provlog.StatusSkipped {
			continue
		}
		last[s.Name] = s
	}
	words := "not needed"
	if failed {
		words = "not reached"
	}
	out := make([]provlog.Step, 0, len(stepNames()))
	for _, name := range stepNames() {
		s, ok := last[name]
		if !ok {
			s = provlog.Step{Name: name, Status: provlog.StatusSkipped, Detail: words, Data: map[string]any{}}
		}
		out = append(out, s)
	}
	return out
}
