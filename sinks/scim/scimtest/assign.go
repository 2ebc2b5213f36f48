package scimtest

import (
	"maps"
	"slices"
	"strings"
)

// assign applies an operation to an attribute named without a filter.
func (d *draft) assign(op operation, t target) error {
	if done, err := d.before(op, t); done || err != nil {
		return err
	}
	if t.ext == nil && t.attr.name == "members" {
		return d.memberValue(op, false)
	}
	if t.sub != nil {
		return d.assignSub(op, t)
	}
	home := d.home(t)
	defer d.settle(t, home)
	if op.op == "remove" || op.value == nil {
		return d.drop(home, t.attr, op)
	}
	if list, ok := home[t.attr.name].([]any); ok && t.attr.multi && op.op == "add" {
		return d.append(home, t.attr, list, op.value)
	}
	value := op.value
	if _, isList := value.([]any); t.attr.multi && !isList {
		value = []any{value}
	}
	v, err := d.value(t.attr, value)
	if _, skip := v.(ignored); skip || err != nil {
		return err
	}
	if old, ok := home[t.attr.name].(map[string]any); ok && t.attr.typ == typeComplex {
		v = merge(old, v) // add and replace change the given sub-attributes only
	}
	set(home, t.attr.name, v, d.q.EchoNulls)
	return nil
}

// before handles habits that concern single attributes.
func (d *draft) before(op operation, t target) (done bool, err error) {
	if d.res.members == nil && d.q.PatchActiveOnly && t.attr.name != "active" {
		return false, bad("mutability", "only active can be changed")
	}
	clears := op.op == "remove" || op.value == nil
	if clears && t.attr.name != "members" {
		if d.q.Clear == Ignore {
			return true, nil
		}
		if err := refused(d.q.Clear, "invalidValue", "attributes can't be cleared"); err != nil {
			return false, err
		}
	}
	if clears && t.ext == nil && t.attr.required {
		return false, invalidValue("%s is required", t.attr.name)
	}
	if d.res.members != nil && t.attr.name == "displayName" {
		switch d.q.GroupRename {
		case Ignore:
			return true, nil
		case Refuse:
			return false, bad("mutability", "groups can't be renamed")
		case Stale:
			d.stale()
		default: // by the RFC: see below
		}
	}
	return false, nil
}

// home is the map that holds the attribute: the resource or the extension.
func (d *draft) home(t target) map[string]any {
	if t.ext == nil {
		return d.attrs
	}
	m, ok := d.attrs[t.ext.id].(map[string]any)
	if !ok {
		m = map[string]any{}
		d.attrs[t.ext.id] = m
	}
	return m
}

// settle removes an extension that has become empty.
func (d *draft) settle(t target, home map[string]any) {
	if t.ext != nil && len(home) == 0 {
		delete(d.attrs, t.ext.id)
	}
}

func (d *draft) drop(home map[string]any, a *attribute, op operation) error {
	if _, there := home[a.name]; !there && op.op == "remove" && d.q.RemoveAbsent == Refuse {
		return bad("noTarget", "%s has no value", a.name)
	}
	if op.op != "remove" {
		set(home, a.name, nil, d.q.EchoNulls)
		return nil
	}
	delete(home, a.name)
	return nil
}

// append adds values to a multi-valued attribute. A value that is there already is not
// added again; a new primary value ends the old one's primacy (RFC 7644 section 3.5.2.1).
func (d *draft) append(home map[string]any, a *attribute, list []any, value any) error {
	in, ok := value.([]any)
	if !ok {
		in = []any{value}
	}
	out := slices.Clone(list)
	for _, e := range in {
		v, err := d.single(a, e)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(out, func(o any) bool { return equal(o, v) }) {
			continue
		}
		if m, ok := v.(map[string]any); ok && m["primary"] == true {
			endPrimacy(out, -1)
		}
		out = append(out, v)
	}
	if _, err := d.list(a, out); err != nil {
		return err
	}
	home[a.name] = out
	return nil
}

func endPrimacy(list []any, except int) {
	for i, e := range list {
		if m, ok := e.(map[string]any); ok && i != except && m["primary"] == true {
			m = cloneMap(m)
			m["primary"] = false
			list[i] = m
		}
	}
}

func merge(old map[string]any, v any) any {
	in, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := cloneMap(old)
	maps.Copy(out, in)
	return out
}

// assignSub applies an operation to a sub-attribute: of the one value, or of all values of
// a multi-valued attribute.
func (d *draft) assignSub(op operation, t target) error {
	home := d.home(t)
	defer d.settle(t, home)
	if list, ok := home[t.attr.name].([]any); t.attr.multi {
		if !ok && op.op != "remove" {
			return bad("noTarget", "%s has no values", t.attr.name)
		}
		return d.eachOf(home, t, list, op)
	}
	m, _ := home[t.attr.name].(map[string]any)
	out, err := d.subValue(m, t.sub, op)
	if err != nil {
		return err
	}
	if len(out) == 0 {
		delete(home, t.attr.name)
		return nil
	}
	home[t.attr.name] = out
	return nil
}

// eachOf applies op to the sub-attribute of every value in list.
func (d *draft) eachOf(home map[string]any, t target, list []any, op operation) error {
	out := make([]any, 0, len(list))
	for _, e := range list {
		m, _ := e.(map[string]any)
		v, err := d.subValue(m, t.sub, op)
		if err != nil {
			return err
		}
		if len(v) > 0 {
			out = append(out, v)
		}
	}
	set(home, t.attr.name, out, false)
	return nil
}

// subValue returns a copy of a complex value with one sub-attribute changed.
func (d *draft) subValue(m map[string]any, sub *attribute, op operation) (map[string]any, error) {
	out := cloneMap(m)
	if out == nil {
		out = map[string]any{}
	}
	if op.op == "remove" || op.value == nil {
		_, there := out[sub.name]
		if !there && op.op == "remove" && d.q.RemoveAbsent == Refuse {
			return nil, bad("noTarget", "%s has no value", sub.name)
		}
		delete(out, sub.name)
		return out, nil
	}
	v, err := d.value(sub, op.value)
	if err != nil {
		return nil, err
	}
	if _, skip := v.(ignored); !skip {
		set(out, sub.name, v, d.q.EchoNulls)
	}
	return out, nil
}

// filtered applies an operation to the values that a filter selects.
func (d *draft) filtered(p patchPath, t target, op operation) error {
	if t.attr == nil || !t.attr.multi || t.attr.typ != typeComplex || t.sub != nil {
		return bad("invalidPath", "%s has no values to select from", p.attr)
	}
	if done, err := d.before(operation{op: op.op, value: op.value}, t); done || err != nil {
		return err
	}
	match, err := compiler{rt: d.rt, q: d.q, within: t.attr}.compile(p.filter)
	if err != nil {
		return err
	}
	if p.sub != "" {
		if t.sub = t.attr.sub.find(p.sub); t.sub == nil {
			return bad("invalidPath", "unknown sub-attribute %q", p.sub)
		}
	}
	home := d.home(t)
	list, _ := home[t.attr.name].([]any)
	out, hits, err := d.selected(list, match, t, op)
	if err != nil {
		return err
	}
	if hits == 0 {
		return d.absent(home, p, t, op)
	}
	set(home, t.attr.name, out, false)
	return nil
}

// selected applies op to the values that match, and counts them.
func (d *draft) selected(list []any, match predicate, t target, op operation) (out []any, hits int, err error) {
	out = slices.Clone(list)
	for i, e := range list {
		m, ok := e.(map[string]any)
		if !ok || !match(element(m)) {
			continue
		}
		hits++
		v, err := d.change(m, t, op)
		if err != nil {
			return nil, 0, err
		}
		if out[i] = any(v); len(v) == 0 {
			out[i] = nil
			continue
		}
		if v["primary"] == true && m["primary"] != true {
			endPrimacy(out, i)
		}
	}
	return slices.DeleteFunc(out, func(v any) bool { return v == nil }), hits, nil
}

// change is one selected value after the operation; empty when it is gone.
func (d *draft) change(m map[string]any, t target, op operation) (map[string]any, error) {
	if t.sub != nil {
		return d.subValue(m, t.sub, op)
	}
	if op.op == "remove" || op.value == nil {
		return nil, nil
	}
	v, err := d.single(t.attr, op.value)
	if err != nil {
		return nil, err
	}
	in, _ := v.(map[string]any)
	if op.op == "replace" {
		return in, nil
	}
	merged, _ := merge(m, in).(map[string]any)
	return merged, nil
}

// absent is an operation whose filter selected nothing.
func (d *draft) absent(home map[string]any, p patchPath, t target, op operation) error {
	if op.op == "remove" || op.value == nil {
		if d.q.RemoveAbsent == Refuse {
			return bad("noTarget", "nothing matches %s", op.path)
		}
		return nil
	}
	b := d.q.AbsentValue
	if op.op == "add" && d.q.AbsentValueAdd != 0 {
		b = d.q.AbsentValueAdd
	}
	switch b {
	case Ignore:
		return nil
	case Create:
		return d.create(home, p, t, op)
	case NotImplemented:
		return refused(b, "", "this form of operation is not supported")
	default:
		return bad("noTarget", "nothing matches %s", op.path)
	}
}

// create makes the value that the filter describes: emails[type eq "work"].value makes
// {type: work, value: …}.
func (d *draft) create(home map[string]any, p patchPath, t target, op operation) error {
	fresh := map[string]any{}
	describe(p.filter, fresh)
	if t.sub != nil {
		fresh[t.sub.name] = op.value
	} else if m, ok := op.value.(map[string]any); ok {
		maps.Copy(fresh, m)
	}
	list, _ := home[t.attr.name].([]any)
	return d.append(home, t.attr, list, fresh)
}

func describe(e expr, into map[string]any) {
	switch e := e.(type) {
	case both:
		if e.op == "and" {
			describe(e.left, into)
			describe(e.right, into)
		}
	case comparison:
		if e.op == "eq" {
			into[strings.TrimSpace(e.path.name)] = e.value
		}
	}
}
