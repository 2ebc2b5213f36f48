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
func (r resource) set(p path, v any) {
	container := map[string]any(r)
	if p.schema != "" {
		if v == nil && asMap(lookup(container, p.schema)) == nil {
			return
		}
		container = child(container, p.schema)
	}
	switch {
	case len(p.filter) > 0:
		setEntry(container, p, v)
	case v == nil:
		unset(container, p)
	case p.sub != "":
		put(child(container, p.attr), p.sub, v)
	default:
		put(container, p.attr, outgoing(p, v))
	}
}

func unset(container map[string]any, p path) {
	key, ok := keyOf(container, p.attr)
	if !ok {
		return
	}
	if p.sub == "" {
		delete(container, key)
		return
	}
	if m := asMap(container[key]); m != nil {
		sub, _ := keyOf(m, p.sub)
		delete(m, sub)
		if len(m) == 0 {
			delete(container, key)
		}
	}
}

// setEntry sets one sub-attribute of the entry that the filter selects.
func setEntry(container map[string]any, p path, v any) {
	key, _ := keyOf(container, p.attr)
	list := entries(container[key])
	i := slices.IndexFunc(list, func(e map[string]any) bool {
		return matches(func(name string) any { return lookup(e, name) }, p.filter)
	})
	switch {
	case v == nil && i < 0:
		return
	case v == nil && (p.sub == "" || strings.EqualFold(p.sub, "value")):
		list = slices.Delete(list, i, i+1)
	case v == nil:
		sub, _ := keyOf(list[i], p.sub)
		delete(list[i], sub)
		if hollow(list[i], p.filter) {
			list = slices.Delete(list, i, i+1)
		}
	case i < 0:
		e := newEntry(p.filter)
		fillEntry(e, p, v)
		list = append(list, e)
	default:
		fillEntry(list[i], p, v)
	}
	if len(list) == 0 {
		delete(container, key)
		return
	}
	container[key] = list
}

// hollow reports an entry with nothing but what selects it.
func hollow(e map[string]any, filter []term) bool {
	for k := range e {
		selects := strings.EqualFold(k, "type") || strings.EqualFold(k, "primary") ||
			slices.ContainsFunc(filter, func(t term) bool { return strings.EqualFold(t.sub, k) })
		if !selects {
			return false
		}
	}
	return true
}

func fillEntry(e map[string]any, p path, v any) {
	if p.sub != "" {
		put(e, p.sub, outgoing(p, v))
		return
	}
	for k, sub := range asMap(v) {
		put(e, k, sub)
	}
}

func newEntry(filter []term) map[string]any {
	e := make(map[string]any, len(filter)+1)
	for _, t := range filter {
		e[t.sub] = t.value
	}
	return e
}

func child(m map[string]any, name string) map[string]any {
	key, _ := keyOf(m, name)
	c := asMap(m[key])
	if c == nil {
		c = map[string]any{}
		m[key] = c
	}
	return c
}

func put(m map[string]any, name string, v any) {
	key, _ := keyOf(m, name)
	m[key] = v
}
