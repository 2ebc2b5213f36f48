package scim

import (
	"encoding/json"
	"slices"
	"strings"
)

// object is a JSON object as it is sent, a resource or what is nested in one: its members
// in the order of their names, as encoding/json writes a map. What a mapping or an answer
// brings along is made of maps, and stays so until something in it is to be changed.
type object struct{ members []member }

// member is a name and its value, as RFC 8259 calls the two.
type member struct {
	name  string
	value any
}

// objectOf is v as an object; nil when it is none. Of a map it is a copy.
func objectOf(v any) *object {
	switch v := v.(type) {
	case *object:
		return v
	case map[string]any:
		if v == nil {
			return nil
		}
		o := &object{make([]member, 0, len(v))}
		for name, value := range v {
			o.members = append(o.members, member{name, value})
		}
		slices.SortFunc(o.members, func(a, b member) int { return strings.Compare(a.name, b.name) })
		return o
	default:
		return nil
	}
}

// find is the index of a member; -1 when there is none. Names are case-insensitive (RFC
// 7643 section 2.1): without an exact one, the first in order counts that folds to it.
func (o *object) find(name string) int {
	found := -1
	if o == nil {
		return found
	}
	for i, m := range o.members {
		if m.name == name {
			return i
		}
		if found < 0 && len(m.name) == len(name) && strings.EqualFold(m.name, name) { // names are ASCII
			found = i
		}
	}
	return found
}

// get is the value under a name; nil when there is none.
func (o *object) get(name string) any {
	if i := o.find(name); i >= 0 {
		return o.members[i].value
	}
	return nil
}

// put sets the value of a member; one that is new goes where its name belongs.
func (o *object) put(name string, v any) {
	if i := o.find(name); i >= 0 {
		o.members[i].value = v
		return
	}
	i, _ := slices.BinarySearchFunc(o.members, name, func(m member, name string) int { return strings.Compare(m.name, name) })
	o.members = slices.Insert(o.members, i, member{name, v})
}

func (o *object) drop(name string) {
	if i := o.find(name); i >= 0 {
		o.members = slices.Delete(o.members, i, i+1)
	}
}

// inner is the object under a name, to be changed; nil when there is none.
func (o *object) inner(name string) *object {
	c := objectOf(o.get(name))
	if c != nil {
		o.put(name, c)
	}
	return c
}

// child is inner, made when there is none.
func (o *object) child(name string) *object {
	c := o.inner(name)
	if c == nil {
		c = &object{make([]member, 0, 4)}
		o.put(name, c)
	}
	return c
}

// entries are the values of a multi-valued attribute as objects. A single object, and
// texts in place of objects, are taken for what they mean.
func entries(v any) []*object {
	switch v := v.(type) {
	case []any:
		out := make([]*object, 0, len(v))
		for _, e := range v {
			out = append(out, entries(e)...)
		}
		return out
	case []*object:
		return v
	case []map[string]any:
		out := make([]*object, len(v))
		for i, m := range v {
			out[i] = objectOf(m)
		}
		return out
	case *object, map[string]any:
		return []*object{objectOf(v)}
	case string, json.Number, float64:
		return []*object{{[]member{{"value", v}}}}
	default:
		return nil
	}
}
