package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sync/provlog"
)

// addStep writes a step of a provision, and under it what the step saw.
func addStep(g *grid, s *provlog.Step) {
	status := s.Status.String()
	g.add(text(s.Name), cell{status, toneOfStatus(status)}, text(s.Detail))
	for _, c := range stepDetails(s) {
		g.add(text(""), text(""), c)
	}
}

func stepDetails(s *provlog.Step) []cell {
	var out []cell
	if attrs, ok := s.Data["attributes"].(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(attrs)) {
			out = append(out, cell{"  " + name + " = " + value(attrs[name]), faint})
		}
	}
	if assigned, ok := s.Data["assigned_to_application"].(bool); ok {
		out = append(out, cell{fmt.Sprintf("  assigned to the application: %t", assigned), yes(assigned).tone})
	}
	if f, ok := s.Data["filter"].(provlog.ScopeFilter); ok {
		for _, c := range f.Clauses {
			line := clause(c)
			out = append(out, cell{"  " + line.text, line.tone})
		}
	}
	if attempts, ok := s.Data["attempts"].([]provlog.Attempt); ok {
		for _, a := range attempts {
			out = append(out, cell{"  " + attempt(a), faint})
		}
	}
	return out
}

func attempt(a provlog.Attempt) string {
	if a.Value == nil {
		return a.Attribute + ": no value, not tried"
	}
	return fmt.Sprintf("%s = %s: %d found %s", a.Attribute, value(a.Value), a.Found, strings.Join(a.TargetIDs, ", "))
}

// readings writes values by path: `user.department = "Sales"`.
func readings(reads map[string]any) string {
	out := make([]string, 0, len(reads))
	for _, path := range slices.Sorted(maps.Keys(reads)) {
		out = append(out, path+" = "+value(reads[path]))
	}
	return strings.Join(out, ", ")
}
