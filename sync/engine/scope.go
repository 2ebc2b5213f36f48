package engine

import (
	"context"
	"strings"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// Scope is why an object is in a job's scope, or isn't. An object is provisioned when all
// of it is true.
type Scope struct {
	InScope bool `json:"in_scope"`
	// ActiveInSource says whether a person may sign in there; groups always are active.
	ActiveInSource bool `json:"active_in_source"`
	// Assigned says whether the object is assigned to the scope's application; null when
	// no application scopes the job.
	Assigned *bool `json:"assigned_to_application"`
	// Filter is the scope's filter, clause by clause.
	Filter provlog.ScopeFilter `json:"filter"`
}

// scopeOf judges an object that is in the source, which is asked for the assignment.
func (j *Job) scopeOf(ctx context.Context, s *subject) (*Scope, error) {
	x := &Scope{ActiveInSource: s.entry.Presence == plan.Active, Filter: j.filter(s.kind, s.attrs)}
	x.InScope = x.Filter.Result && x.Filter.Error == ""
	if j.Mapping.App() == "" {
		return x, nil
	}
	in, err := j.Source.(Finder).Assigned(ctx, j.Query(), sources.Assignment{Kind: s.kind, ID: s.entry.SourceID})
	if err != nil {
		return nil, err
	}
	x.Assigned, x.InScope = &in, x.InScope && in
	return x, nil
}

func (x *Scope) words() string {
	switch {
	case x.Filter.Error != "":
		return "not known: the filter can't be evaluated: " + x.Filter.Error
	case !x.Filter.Result:
		return "out of scope: the filter leaves it out"
	case x.Assigned != nil && !*x.Assigned:
		return "out of scope: not assigned to the application"
	case !x.ActiveInSource:
		return "in scope, but not active in the source"
	default:
		return "in scope"
	}
}

func (x *Scope) data() map[string]any {
	data := map[string]any{"in_scope": x.InScope, "active_in_source": x.ActiveInSource, "filter": x.Filter}
	if x.Assigned != nil {
		data["assigned_to_application"] = *x.Assigned
	}
	return data
}

// filter evaluates the filter clause by clause. Values that sensitive rows of the mapping
// read are hidden here too.
func (j *Job) filter(kind sources.Kind, attrs map[string]any) provlog.ScopeFilter {
	x := j.Mapping.Explain(kind, attrs)
	hidden := hiddenAttributes(j.Mapping, kind)
	out := provlog.ScopeFilter{Expression: x.Expression, Operator: x.Operator, Result: x.InScope, Clauses: []provlog.Clause{}}
	if x.Err != nil {
		out.Error = hide(x.Err, attrs, hidden)
	}
	for _, c := range x.Clauses {
		clause := provlog.Clause{Text: c.Text, Result: c.Result, Reads: map[string]any{}}
		for path, v := range c.Reads {
			if v != nil && hidden[attributeOf(path)] {
				v = provlog.Hidden
			}
			clause.Reads[path] = v
		}
		if c.Err != nil {
			clause.Error = hide(c.Err, attrs, hidden)
		}
		out.Clauses = append(out.Clauses, clause)
	}
	return out
}

// hide returns an error's text without the values of hidden attributes.
func hide(err error, attrs map[string]any, hidden map[string]bool) string {
	return provlog.FromError(err).Without(secrets(attrs, hidden)...).Message
}

func secrets(attrs map[string]any, hidden map[string]bool) []any {
	var out []any
	for name := range hidden {
		out = append(out, attrs[name])
	}
	return out
}

// hiddenAttributes are the source attributes that sensitive rows read.
func hiddenAttributes(m *mapping.Mapping, kind sources.Kind) map[string]bool {
	out := map[string]bool{}
	t := m.Users()
	if kind == sources.KindGroup {
		t = m.Groups()
	}
	for i, sensitive := range t.Sensitive {
		if !sensitive {
			continue
		}
		for _, name := range t.Reads(i) {
			out[name] = true
		}
	}
	if t.ReferenceSensitive {
		out["manager"] = true
	}
	return out
}

// attributeOf returns the attribute of a path such as user.name.first or user["name"].
func attributeOf(path string) string {
	at := strings.IndexAny(path, ".[")
	if at < 0 {
		return ""
	}
	if quoted, ok := strings.CutPrefix(path[at:], `["`); ok {
		name, _, _ := strings.Cut(quoted, `"`)
		return name
	}
	rest := path[at+1:]
	if end := strings.IndexAny(rest, ".["); end >= 0 {
		rest = rest[:end]
	}
	return rest
}
