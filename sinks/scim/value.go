package scim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/idpbridge/idpbridge/sinks"
)

// resource is a decoded SCIM resource: JSON values as encoding/json makes them, numbers
// as json.Number.
type resource map[string]any

// decodeResource reads a resource, leaving members out unless they are wanted: servers
// that ignore excludedAttributes send a hundred thousand of them with every group.
func decodeResource(raw []byte, members bool) (resource, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("read resource: %w", err)
	}
	if fields == nil {
		return nil, fmt.Errorf("read resource: null")
	}
	r := make(resource, len(fields))
	for name, field := range fields {
		if !members && strings.EqualFold(name, sinks.PathMembers) {
			continue
		}
		v, err := decodeAny(field)
		if err != nil {
			return nil, fmt.Errorf("read resource: %s: %w", name, err)
		}
		r[name] = v
	}
	return r, nil
}

func decodeAny(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// id is the resource's id, which some servers send as a number; empty when there is none.
func (r resource) id() sinks.ID {
	return idOf(lookup(r, "id"))
}

func idOf(v any) sinks.ID {
	switch v := v.(type) {
	case string:
		return sinks.ID(v)
	case json.Number:
		return sinks.ID(v.String())
	default:
		return ""
	}
}

// members are the ids of the members, and whether the attribute was there at all.
func (r resource) members() ([]sinks.ID, bool) {
	v, ok := lookupOK(r, sinks.PathMembers)
	if !ok {
		return nil, false
	}
	var ids []sinks.ID
	for _, e := range entries(v) {
		if id := idOf(lookup(e, "value")); id != "" {
			ids = append(ids, id)
		}
	}
	return ids, true
}

// object is what the query asked of the resource.
func (r resource) object(q sinks.Query, members bool) sinks.Object {
	o := sinks.Object{ID: r.id(), Values: make(map[string]any, len(q.Paths))}
	for _, s := range q.Paths {
		p, err := parsePath(s)
		if err != nil {
			continue // CheckPath reports it when the configuration is read
		}
		if v := r.get(p); v != nil {
			o.Values[s] = v
		}
	}
	if members {
		o.Members, o.MembersKnown = r.members()
	}
	return o
}

// get returns the value at a path: string, bool, float64, []any, map[string]any, or nil.
// Unassigned, null, an empty list and an empty text are all the same nil (RFC 7643
// section 2.5; an empty text is what many servers store for it).
func (r resource) get(p path) any {
	var container any = map[string]any(r)
	if p.schema != "" {
		container = lookup(container, p.schema)
	}
	v := lookup(container, p.attr)
	switch {
	case len(p.filter) > 0:
		return selected(v, p)
	case p.sub != "":
		return normalise(lookup(first(v), p.sub), p.sub)
	case p.isManager():
		if m, ok := first(v).(map[string]any); ok {
			v = lookup(m, "value")
		}
	}
	return normalise(v, p.attr)
}

// selected is the value of the first matching entry that has one.
func selected(list any, p path) any {
	for _, e := range entries(list) {
		if !matches(e, p.filter) {
			continue
		}
		var v any = e
		if p.sub != "" {
			v = lookup(e, p.sub)
		}
		if v = normalise(v, p.leaf()); v != nil {
			return v
		}
	}
	return nil
}

// entries are the values of a multi-valued attribute as objects. A single object, and
// texts in place of objects, are taken for what they mean.
func entries(v any) []map[string]any {
	switch v := v.(type) {
	case []any:
		out := make([]map[string]any, 0, len(v))
		for _, e := range v {
			out = append(out, entries(e)...)
		}
		return out
	case map[string]any:
		return []map[string]any{v}
	case string, json.Number, float64:
		return []map[string]any{{"value": v}}
	default:
		return nil
	}
}

// first is the single value of an attribute that a server wrapped in a list.
func first(v any) any {
	if list, ok := v.([]any); ok && len(list) > 0 {
		return list[0]
	}
	return v
}

// matches reports whether an entry satisfies all terms. Texts compare without regard to
// letter case: the attributes that select entries (type, primary, value) are not
// case-exact (RFC 7643 section 4.1.2). A missing primary is false (section 2.4).
func matches(e map[string]any, filter []term) bool {
	for _, t := range filter {
		got := normalise(lookup(e, t.sub), t.sub)
		switch want := t.value.(type) {
		case string:
			if s, ok := got.(string); !ok || !strings.EqualFold(s, want) {
				return false
			}
		case bool:
			if b, _ := got.(bool); b != want {
				return false
			}
		default:
			if got != want {
				return false
			}
		}
	}
	return true
}

func lookup(v any, name string) any {
	found, _ := lookupOK(v, name)
	return found
}

// lookupOK finds an attribute by name; names are case-insensitive (RFC 7643 section 2.1).
func lookupOK(v any, name string) (any, bool) {
	m := asMap(v)
	if found, ok := m[name]; ok {
		return found, true
	}
	key, ok := keyOf(m, name)
	return m[key], ok
}

// keyOf is the name under which m holds an attribute.
func keyOf(m map[string]any, name string) (string, bool) {
	if _, ok := m[name]; ok {
		return name, true
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if strings.EqualFold(k, name) {
			return k, true
		}
	}
	return name, false
}

func asMap(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case resource:
		return v
	default:
		return nil
	}
}

// normalise brings a decoded value into the vocabulary's types.
func normalise(v any, name string) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case string:
		if v == "" {
			return nil
		}
		if isBoolean(name) {
			return toBool(v)
		}
		return v
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = normalise(e, name)
		}
		return out
	case map[string]any:
		return normaliseMap(v)
	default:
		return v
	}
}

func normaliseMap(m map[string]any) any {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, e := range m {
		out[k] = normalise(e, k)
	}
	return out
}

// toBool reads the texts that some servers and mappings use for booleans.
func toBool(v any) any {
	if s, ok := v.(string); ok {
		switch strings.ToLower(s) {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return v
}

// same reports whether a server holds what was sent, give or take what servers commonly
// normalise: letter case, spaces and punctuation of texts, order of lists.
func same(sent, got any) bool {
	switch want := sent.(type) {
	case string:
		s, ok := got.(string)
		return ok && (s == want || essence(s) == essence(want))
	case []any:
		list, ok := got.([]any)
		if !ok {
			list = []any{got}
		}
		return len(list) >= len(want)
	case map[string]any:
		return got != nil
	default:
		return sent == got || fmt.Sprint(sent) == fmt.Sprint(got)
	}
}

// essence keeps letters and digits. A text without any stands for itself.
func essence(s string) string {
	kept := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
	if kept == "" {
		return s
	}
	return kept
}
