package scimtest

import (
	"strings"
	"time"
)

// target is a path resolved against a resource type. attr is nil for a whole extension.
type target struct {
	ext  *schema // nil: the core schema
	attr *attribute
	sub  *attribute
}

// resolve finds what a path names; the second result is false when there is no such thing.
func (rt *resourceType) resolve(p attrPath) (target, bool) {
	if p.urn == "" {
		return under(rt.core, nil, p)
	}
	if strings.EqualFold(p.urn, rt.core.id) {
		return under(rt.core, nil, p)
	}
	if ext := rt.extension(p.urn); ext != nil {
		return under(ext, ext, p)
	}
	// The parser takes the last part of a URN for an attribute: the path may be the URN.
	if ext := rt.extension(p.String()); ext != nil {
		return target{ext: ext}, true
	}
	return target{}, false
}

func under(s, ext *schema, p attrPath) (target, bool) {
	a := s.find(p.name)
	if a == nil {
		return target{}, false
	}
	t := target{ext: ext, attr: a}
	if p.sub != "" {
		if t.sub = a.sub.find(p.sub); t.sub == nil {
			return target{}, false
		}
	}
	return t, true
}

// leaf is the attribute that is compared: a multi-valued complex attribute stands for its
// value.
func (t target) leaf() *attribute {
	switch {
	case t.sub != nil:
		return t.sub
	case t.attr != nil && t.attr.typ == typeComplex:
		return t.attr.sub.find("value")
	default:
		return t.attr
	}
}

// viewer gives the values of attributes of whatever a filter is asked about.
type viewer interface {
	// each calls f with every value of the leaf until f returns true, and says whether it did.
	each(t target, f func(v any) bool) bool
	// elements calls f with every complex value of t.attr, likewise.
	elements(t target, f func(v viewer) bool) bool
}

// predicate is a compiled filter.
type predicate func(v viewer) bool

// compiler makes predicates for one resource type.
type compiler struct {
	rt *resourceType
	q  *Quirks
	// within is the complex attribute whose values are filtered, inside brackets.
	within *attribute
}

func invalidFilter(format string, args ...any) *problem { return bad("invalidFilter", format, args...) }

func (c compiler) compile(e expr) (predicate, error) {
	switch e := e.(type) {
	case both:
		return c.compileBoth(e)
	case negation:
		inner, err := c.compile(e.inner)
		if err != nil {
			return nil, err
		}
		return func(v viewer) bool { return !inner(v) }, nil
	case valuePath:
		return c.compileValuePath(e)
	case comparison:
		return c.comparison(e)
	default:
		return nil, invalidFilter("empty filter")
	}
}

func (c compiler) compileBoth(e both) (predicate, error) {
	left, err := c.compile(e.left)
	if err != nil {
		return nil, err
	}
	right, err := c.compile(e.right)
	if err != nil {
		return nil, err
	}
	if e.op == "and" {
		return func(v viewer) bool { return left(v) && right(v) }, nil
	}
	return func(v viewer) bool { return left(v) || right(v) }, nil
}

func (c compiler) compileValuePath(e valuePath) (predicate, error) {
	t, ok := c.target(e.path)
	if !ok || c.within != nil || t.attr == nil || t.attr.typ != typeComplex || t.sub != nil {
		return nil, invalidFilter("%s has no values to filter", e.path)
	}
	inner, err := compiler{rt: c.rt, q: c.q, within: t.attr}.compile(e.inner)
	if err != nil {
		return nil, err
	}
	return func(v viewer) bool { return v.elements(t, inner) }, nil
}

// target resolves a path where it stands: inside brackets it names a sub-attribute.
func (c compiler) target(p attrPath) (target, bool) {
	if c.within == nil {
		return c.rt.resolve(p)
	}
	sub := c.within.sub.find(p.name)
	if sub == nil || p.urn != "" || p.sub != "" {
		return target{}, false
	}
	return target{attr: c.within, sub: sub}, true
}

func (c compiler) comparison(e comparison) (predicate, error) {
	t, ok := c.target(e.path)
	if !ok {
		return nil, invalidFilter("unknown attribute %s", e.path)
	}
	a := t.leaf()
	if e.op == "pr" {
		return func(v viewer) bool { return v.each(t, func(any) bool { return true }) }, nil
	}
	if a == nil || a.typ == typeComplex {
		return nil, invalidFilter("%s can't be compared", e.path)
	}
	if e.value == nil {
		return compareNull(t, e)
	}
	match, err := c.matcher(a, e)
	if err != nil {
		return nil, err
	}
	if e.op == "ne" { // "not identical": also where there is no value
		return func(v viewer) bool {
			return !v.each(t, func(any) bool { return true }) || v.each(t, match)
		}, nil
	}
	return func(v viewer) bool { return v.each(t, match) }, nil
}

func compareNull(t target, e comparison) (predicate, error) {
	present := func(v viewer) bool { return v.each(t, func(any) bool { return true }) }
	switch e.op {
	case "eq":
		return func(v viewer) bool { return !present(v) }, nil
	case "ne":
		return present, nil
	default:
		return nil, invalidFilter("null can't be compared with %s", e.op)
	}
}

// matcher compares one value of the attribute with the filter's.
func (c compiler) matcher(a *attribute, e comparison) (func(any) bool, error) {
	if a.typ == typeBoolean {
		want, ok := e.value.(bool)
		if !ok || e.op != "eq" && e.op != "ne" {
			return nil, invalidFilter("%s can be compared with eq or ne and true or false only", e.path)
		}
		return func(v any) bool { return (v == want) == (e.op == "eq") }, nil
	}
	want, ok := e.value.(string)
	if !ok {
		return nil, invalidFilter("%s must be compared with a string", e.path)
	}
	if a.typ == typeDateTime {
		return dateMatcher(e, want)
	}
	if a.typ == typeBinary && (e.op[0] == 'g' || e.op[0] == 'l') {
		return nil, invalidFilter("%s can't be compared with %s", e.path, e.op)
	}
	op := textOps(e.op)
	if c.caseExact(a) {
		return func(v any) bool { s, ok := v.(string); return ok && op(s, want) }, nil
	}
	if e.op == "eq" { // the hot path: no copies
		return func(v any) bool { s, ok := v.(string); return ok && strings.EqualFold(s, want) }, nil
	}
	want = strings.ToLower(want)
	return func(v any) bool { s, ok := v.(string); return ok && op(strings.ToLower(s), want) }, nil
}

func (c compiler) caseExact(a *attribute) bool {
	switch {
	case a.name == "userName" && (c.q.FilterUserNameCaseExact || c.q.UserNameCaseExact):
		return true
	case a.name == "externalId" && c.q.FilterExternalID == IgnoreCase:
		return false
	default:
		return a.caseExact
	}
}

func textOps(op string) func(have, want string) bool {
	switch op {
	case "eq":
		return func(have, want string) bool { return have == want }
	case "ne":
		return func(have, want string) bool { return have != want }
	case "co":
		return strings.Contains
	case "sw":
		return strings.HasPrefix
	case "ew":
		return strings.HasSuffix
	default:
		return func(have, want string) bool { return ordered(op, strings.Compare(have, want)) }
	}
}

func ordered(op string, cmp int) bool {
	switch op {
	case "gt":
		return cmp > 0
	case "ge":
		return cmp >= 0
	case "lt":
		return cmp < 0
	case "le":
		return cmp <= 0
	case "eq":
		return cmp == 0
	default: // ne
		return cmp != 0
	}
}

func dateMatcher(e comparison, want string) (func(any) bool, error) {
	limit, err := time.Parse(time.RFC3339, want)
	switch {
	case e.op == "co" || e.op == "sw" || e.op == "ew": // on the text, as some clients do
		op := textOps(e.op)
		return func(v any) bool { s, _ := v.(string); return op(s, want) }, nil
	case err != nil:
		return nil, invalidFilter("%s must be compared with a date and time", e.path)
	}
	return func(v any) bool {
		s, _ := v.(string)
		at, err := time.Parse(time.RFC3339, s)
		return err == nil && ordered(e.op, at.Compare(limit))
	}, nil
}

// indexHint is an equality that every match must fulfil, for a look-up instead of a scan.
// Values are compared in lower case; the predicate decides on the candidates.
func (c compiler) indexHint(e expr) (index, value string, ok bool) {
	switch e := e.(type) {
	case both:
		if e.op != "and" {
			return "", "", false
		}
		if index, value, ok = c.indexHint(e.left); ok {
			return index, value, ok
		}
		return c.indexHint(e.right)
	case comparison:
		s, isText := e.value.(string)
		t, found := c.target(e.path)
		if e.op != "eq" || !isText || !found || t.ext != nil {
			return "", "", false
		}
		name := t.attr.name
		if t.sub != nil && t.sub.name != "value" {
			return "", "", false
		}
		return name, fold(s), indexed(name)
	default:
		return "", "", false
	}
}

func indexed(name string) bool {
	switch name {
	case "id", "userName", "externalId", "displayName", "emails", "members":
		return true
	default:
		return false
	}
}
