package scim

import (
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// operation is one operation of a PATCH, RFC 7644 section 3.5.2.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

func patchBody(ops []operation) *object {
	return &object{[]member{{"Operations", ops}, {"schemas", []string{schemaPatch}}}} // in order
}

// operations are the first try: one per attribute, in the dialect's words.
func (s *Sink) operations(changes []change) []operation {
	var ops []operation
	all := &object{}
	for _, c := range changes {
		plain := c.path.schema == "" && c.path.sub == "" && len(c.path.filter) == 0
		if s.profile.PatchForm == FormObject && plain && c.value != nil {
			all.put(c.path.attr, c.value)
			continue
		}
		ops = append(ops, s.operation(c))
	}
	if len(all.members) > 0 {
		ops = append([]operation{{Op: "replace", Value: all}}, ops...)
	}
	return ops
}

func (s *Sink) operation(c change) operation {
	single := len(c.path.filter) > 0 && listed(s.profile.SingleValued, c.path) && c.path.schema == ""
	switch {
	case single && c.value == nil && strings.EqualFold(c.path.sub, "value"):
		return operation{Op: "remove", Path: c.path.attr}
	case single && c.value != nil && strings.EqualFold(c.path.sub, "value"):
		body := newBody(sinks.User, []change{c})
		return operation{Op: "replace", Path: c.path.attr, Value: body.get(c.path.attr)}
	case c.value == nil:
		return operation{Op: "remove", Path: c.path.entry().String()}
	case len(c.path.filter) > 0:
		return operation{Op: s.profile.EntryOp, Path: c.path.String(), Value: c.value}
	default:
		return operation{Op: "replace", Path: c.path.String(), Value: c.value}
	}
}

// adapted are the operations for an object whose present state is known: what is absent
// is not removed, and added instead of replaced; entries that don't exist are added with
// all they get.
func (s *Sink) adapted(changes []change, now *document) []operation {
	var ops []operation
	added := &object{} // the new entries
	var lists []path   // the attributes they belong to
	for _, c := range changes {
		absent := now.get(c.path) == nil
		switch {
		case c.value == nil && absent:
			continue
		case c.value != nil && len(c.path.filter) > 0 && !now.hasEntry(c.path):
			list := path{schema: c.path.schema, attr: c.path.attr}
			if added.raw(list) == nil {
				lists = append(lists, list)
			}
			added.set(c.path, c.value)
		case c.value != nil && absent:
			ops = append(ops, operation{Op: "add", Path: c.path.String(), Value: c.value})
		default:
			ops = append(ops, s.operation(c))
		}
	}
	for _, list := range lists {
		ops = append(ops, operation{Op: "add", Path: list.String(), Value: added.raw(list)})
	}
	return ops
}

// whole replaces multi-valued attributes as a whole: the last resort for servers that
// know no value filters in paths. What the object had otherwise is kept.
func (s *Sink) whole(changes []change, now *document) []operation {
	var ops []operation
	target := now.resource()
	done := map[string]bool{}
	for _, c := range changes {
		target.set(c.path, c.value)
	}
	for _, c := range changes {
		if len(c.path.filter) == 0 {
			if c.value != nil || now.get(c.path) != nil {
				ops = append(ops, s.operation(c))
			}
			continue
		}
		base := path{schema: c.path.schema, attr: c.path.attr}
		if done[base.key()] {
			continue
		}
		done[base.key()] = true
		all := entries(target.raw(base))
		if len(all) == 0 {
			ops = append(ops, operation{Op: "remove", Path: base.String()})
			continue
		}
		ops = append(ops, operation{Op: "replace", Path: base.String(), Value: all})
	}
	return ops
}

// raw is the undigested value of an attribute as a whole.
func (o *object) raw(p path) any {
	if p.schema != "" {
		o = objectOf(o.get(p.schema))
	}
	return o.get(p.attr)
}

// memberOperations are the operations on a group's members: removals first.
func (s *Sink) memberOperations(op sinks.Op) []operation {
	var ops []operation
	if len(op.RemoveMembers) > 0 && s.profile.MemberRemoval == RemoveByValue {
		ops = append(ops, operation{Op: "remove", Path: sinks.PathMembers, Value: memberList(op.RemoveMembers)})
	} else {
		for _, id := range op.RemoveMembers {
			ops = append(ops, operation{Op: "remove", Path: sinks.PathMembers + "[value eq " + quote(string(id)) + "]"})
		}
	}
	if len(op.AddMembers) > 0 {
		ops = append(ops, operation{Op: "add", Path: sinks.PathMembers, Value: memberList(op.AddMembers)})
	}
	return ops
}
