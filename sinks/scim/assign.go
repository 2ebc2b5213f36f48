package scim

import (
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// outgoing is a value as it is sent: JSON booleans for boolean attributes, the manager
// as an object with the id in it.
func outgoing(p path, v any) any {
	if id, ok := v.(sinks.ID); ok {
		v = string(id)
	}
	if s, ok := v.(string); ok && p.isManager() {
		return map[string]any{"value": s}
	}
	if isBoolean(p.leaf()) {
		return toBool(v)
	}
	return v
}

// set writes a value into a resource, making containers and entries as needed; nil
// removes it.
func (o *object) set(p path, v any) {
	container := o
	if p.schema != "" {
		if v == nil && o.inner(p.schema) == nil {
			return
		}
		container = o.child(p.schema)
	}
	switch {
	case len(p.filter) > 0:
		container.setEntry(p, v)
	case v == nil:
		container.unset(p)
	case p.sub != "":
		container.child(p.attr).put(p.sub, v)
	default:
		container.put(p.attr, outgoing(p, v))
	}
}

func (o *object) unset(p path) {
	if p.sub == "" {
		o.drop(p.attr)
		return
	}
	if c := o.inner(p.attr); c != nil {
		c.drop(p.sub)
		if len(c.members) == 0 {
			o.drop(p.attr)
		}
	}
}

// setEntry sets one sub-attribute of the entry that the filter selects.
func (o *object) setEntry(p path, v any) {
	list := entries(o.get(p.attr))
	i := slices.IndexFunc(list, func(e *object) bool { return matches(e.get, p.filter) })
	switch {
	case v == nil && i < 0:
		return
	case v == nil && (p.sub == "" || strings.EqualFold(p.sub, "value")):
		list = slices.Delete(list, i, i+1)
	case v == nil:
		list[i].drop(p.sub)
		if list[i].hollow(p.filter) {
			list = slices.Delete(list, i, i+1)
		}
	case i < 0:
		list = append(list, newEntry(p, v))
	default:
		list[i].fill(p, v)
	}
	if len(list) == 0 {
		o.drop(p.attr)
		return
	}
	o.put(p.attr, list)
}

// hollow reports an entry with nothing but what selects it.
func (o *object) hollow(filter []term) bool {
	for _, m := range o.members {
		selects := strings.EqualFold(m.name, "type") || strings.EqualFold(m.name, "primary") ||
			slices.ContainsFunc(filter, func(t term) bool { return strings.EqualFold(t.sub, m.name) })
		if !selects {
			return false
		}
	}
	return true
}

func newEntry(p path, v any) *object {
	e := &object{make([]member, 0, 4)}
	for _, t := range p.filter {
		e.put(t.sub, t.value)
	}
	e.fill(p, v)
	return e
}

// fill sets what a path with a filter says of the entry.
func (o *object) fill(p path, v any) {
	if p.sub != "" {
		o.put(p.sub, outgoing(p, v))
		return
	}
	if all := objectOf(v); all != nil {
		for _, m := range all.members {
			o.put(m.name, m.value)
		}
	}
}
