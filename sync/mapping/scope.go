package mapping

import (
	"fmt"

	"github.com/idpbridge/idpbridge/sources"
)

// ScopeError says that a scope expression could not be evaluated for an object. It is
// not a "no": who falls out of scope is deprovisioned, and an expression that fails says
// nothing about that.
type ScopeError struct {
	Expression string
	Err        error
}

// Error returns "expression: cause".
func (e *ScopeError) Error() string { return fmt.Sprintf("%s: %s", e.Expression, e.Err) }

// Unwrap returns the cause.
func (e *ScopeError) Unwrap() error { return e.Err }

// InScope says whether the filters keep an object; assignment to an application is the
// engine's to judge. An error is a *ScopeError.
func (m *Mapping) InScope(kind sources.Kind, attrs map[string]any) (bool, error) {
	filter, variable := m.filter(kind)
	if kind == sources.KindGroup && m.noGroups {
		return false, nil
	}
	if filter == nil {
		return true, nil
	}
	in, err := filter.holds(&object{variable: variable, attrs: attrs})
	if err != nil {
		return false, &ScopeError{Expression: filter.text, Err: err}
	}
	return in, nil
}

func (m *Mapping) filter(kind sources.Kind) (*expression, string) {
	if kind == sources.KindGroup {
		return m.inGroups, m.groupLang.variable
	}
	return m.inUsers, m.userLang.variable
}

// App returns the id of the application whose assignments scope the job, or "".
func (m *Mapping) App() string { return m.scope.App }

// NoGroups says that the job provisions no groups (`groups: none`).
func (m *Mapping) NoGroups() bool { return m.noGroups }

// GroupsGiven says that the job has a filter for groups. Groups that a provider makes
// itself, such as Okta's Everyone, are provisioned only then.
func (m *Mapping) GroupsGiven() bool { return m.inGroups != nil }
