package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// Find returns the objects whose attribute has the value. Every hit was checked here;
// what the application counts plays no part. No hit is no proof of absence: some
// applications hide accounts from filters, others compare letter case where they should
// not. An application that ignores the filter is read page by page instead, as is an
// attribute that the profile says can't be filtered.
func (s *Sink) Find(ctx context.Context, q sinks.Query, attribute, value string) ([]sinks.Object, error) {
	p, err := parsePath(attribute)
	if err != nil {
		return nil, &sinks.Error{Class: sinks.Rejected, Op: "find", Message: err.Error(), Hint: "Correct the mapping's target path."}
	}
	want := wanted{path: p, value: value, exact: s.profile.caseExact(p)}
	if !s.profile.filterable(q.Resource, p) {
		return s.findInList(ctx, q, want)
	}
	l, err := s.filter(ctx, q, want)
	if err != nil {
		return nil, err
	}
	hits := want.among(l.resources)
	ignored := len(hits) < len(l.resources)
	if ignored && l.total != len(l.resources) {
		s.log.WarnContext(ctx, "the application ignored a filter; its list is read instead", "attribute", attribute)
		return s.findInList(ctx, q, want)
	}
	return s.objects(ctx, q, hits), nil
}

// filter asks with a filter. For one entry of a multi-valued attribute the RFC's form is
// tried first, then the flat one that simple servers know.
func (s *Sink) filter(ctx context.Context, q sinks.Query, want wanted) (list, error) {
	if len(want.path.filter) > 0 && !s.plainEmail.Load() {
		l, err := s.ask(ctx, q, want.expression(false))
		if sinks.ClassOf(err) != sinks.Rejected {
			return l, err
		}
		l, err = s.ask(ctx, q, want.expression(true))
		if err == nil {
			s.plainEmail.Store(true)
		}
		return l, err
	}
	return s.ask(ctx, q, want.expression(true))
}

func (s *Sink) ask(ctx context.Context, q sinks.Query, expression string) (list, error) {
	req := request{method: http.MethodGet, resource: q.Resource, query: s.selection(q)}
	req.query.Set("filter", expression)
	a, err := s.send(ctx, req)
	if err != nil {
		return s.noList(err)
	}
	l, err := readList(req, a, q.Members)
	if err != nil {
		return list{}, err
	}
	if l.total > 0 && len(l.resources) == 0 {
		e := garbage(req, a, fmt.Sprintf("a filter finds %d objects and shows none", l.total))
		e.Hint = "The application's filters can't be trusted; set override.filterable to the attributes that work."
		return list{}, e
	}
	return l, nil
}

// noList deals with a refused filter. A 404 means that there is no such service, unless
// the profile knows it as the application's way to say "no hits".
func (s *Sink) noList(err error) (list, error) {
	e, ok := err.(*sinks.Error) //nolint:errorlint // send returns it bare
	if !ok || e.Status != http.StatusNotFound {
		return list{}, err
	}
	if s.profile.NotFoundIsEmpty && !errors.Is(e, errForeign) {
		return list{}, nil
	}
	e.Hint = "A filter without hits must be answered with 200 and an empty list; check base_url, or set override.not_found_is_empty."
	return list{}, e
}

// findInList reads everything. It costs a full read, and it is right.
func (s *Sink) findInList(ctx context.Context, q sinks.Query, want wanted) ([]sinks.Object, error) {
	var hits []*document
	w := newWalk()
	for {
		fresh, done, err := s.page(ctx, q, w)
		if err != nil {
			return nil, err
		}
		hits = append(hits, want.among(fresh)...)
		if done {
			return s.objects(ctx, q, hits), nil
		}
	}
}

func (s *Sink) objects(ctx context.Context, q sinks.Query, resources []*document) []sinks.Object {
	out := make([]sinks.Object, 0, len(resources))
	known := s.membersKnown(ctx, q, resources...)
	for _, r := range resources {
		out = append(out, r.object(q, known))
	}
	return out
}

// wanted is what Find looks for.
type wanted struct {
	path  path
	value string
	exact bool
}

// expression is the filter in SCIM's language, RFC 7644 section 3.4.2.2.
func (w wanted) expression(plain bool) string {
	p, value := w.path, literal(w.typed())
	if len(p.filter) == 0 {
		return p.String() + " eq " + value
	}
	sub := p.sub
	if sub == "" {
		sub = "value"
	}
	if plain {
		return path{schema: p.schema, attr: p.attr, sub: sub}.String() + " eq " + value
	}
	return path{schema: p.schema, attr: p.attr}.String() + "[" + p.terms() + " and " + sub + " eq " + value + "]"
}

func (w wanted) typed() any {
	if isBoolean(w.path.leaf()) {
		return toBool(w.value)
	}
	return w.value
}

func (w wanted) among(resources []*document) []*document {
	var hits []*document
	for _, r := range resources {
		if slices.ContainsFunc(w.values(r), w.equal) {
			hits = append(hits, r)
		}
	}
	return hits
}

// values are all values at the path: every matching entry counts, not just the first.
func (w wanted) values(r *document) []any {
	if len(w.path.filter) == 0 {
		v := r.get(w.path)
		if list, ok := v.([]any); ok {
			return list
		}
		return []any{v}
	}
	var out []any
	r.at(w.path).entries(func(e node) bool {
		if e.matches(w.path.filter) {
			sub := w.path.sub
			if sub == "" {
				sub = "value"
			}
			out = append(out, normalise(e.sub(sub).decode(), sub))
		}
		return true
	})
	return out
}

func (w wanted) equal(v any) bool {
	if v == nil {
		return false
	}
	got := fmt.Sprint(v)
	return got == w.value || !w.exact && strings.EqualFold(got, w.value)
}
