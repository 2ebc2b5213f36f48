package scimtest

import "strings"

// memberOp applies an operation with a path into members.
func (d *draft) memberOp(p patchPath, t target, op operation) error {
	if d.res.wedged && op.op == "add" {
		return statusProblem(500, "members is not a list")
	}
	if t.sub != nil || p.sub != "" {
		return d.memberSub(p, t)
	}
	if p.filter != nil {
		return d.memberFilter(p, t, op)
	}
	switch op.op {
	case "add":
		return d.memberValue(op, true)
	case "replace":
		return d.memberReplace(op)
	default:
		return d.memberRemove(op)
	}
}

// memberSub refuses a change of a sub-attribute: value, type and $ref are immutable, and a
// display name belongs to the member (RFC 7643 section 4.2).
func (d *draft) memberSub(p patchPath, t target) error {
	name := p.sub
	if t.sub != nil {
		name = t.sub.name
	}
	if t.attr.sub.find(name) == nil {
		return bad("invalidPath", "unknown sub-attribute %q", name)
	}
	return bad("mutability", "members.%s can't be changed", name)
}

// memberValue applies add or replace with a value of members, named by path or by key.
func (d *draft) memberValue(op operation, byPath bool) error {
	if !byPath && op.op == "add" {
		switch d.q.MemberAddNoPath {
		case Refuse:
			return bad("invalidPath", "add needs a path")
		case Ignore:
			return nil
		case Replace:
			op.op = "replace"
		default:
		}
	}
	if op.op == "remove" || op.value == nil {
		d.members.clear()
		return nil
	}
	list, isList := op.value.([]any)
	if !isList {
		if d.q.MemberAddSingle == Ignore {
			return nil
		}
		if err := refused(d.q.MemberAddSingle, "invalidValue", "members must be an array"); err != nil {
			return err
		}
		list = []any{op.value}
	}
	if op.op == "replace" {
		d.members.clear()
	}
	return d.addMembers(list)
}

func (d *draft) addMembers(list []any) error {
	a := d.rt.core.find("members")
	for _, e := range list {
		v, err := d.single(a, e)
		if err != nil {
			return err
		}
		in, _ := v.(map[string]any)
		m, ok, err := d.member(in)
		if err != nil {
			return err
		}
		if ok && (!d.members.list().has(m.value) || d.q.MemberAddAgain == Append) {
			d.members.add(m)
		}
	}
	return nil
}

// member checks that the resource exists; ok is false when it is to be dropped silently.
func (d *draft) member(in map[string]any) (m member, ok bool, err error) {
	m.value, _ = in["value"].(string)
	m.display, _ = in["display"].(string)
	if m.typ = d.s.typeOf(m.value, d.now); m.typ != "" {
		return m, true, nil
	}
	switch d.q.UnknownMember {
	case Store:
		m.typ = "User"
		return m, true, nil
	case Ignore:
		return m, false, nil
	case NotFound:
		return m, false, notFound("member", m.value)
	default:
		return m, false, invalidValue("member %s does not exist", m.value)
	}
}

func (d *draft) memberReplace(op operation) error {
	list, isList := op.value.([]any)
	if op.value == nil || isList && len(list) == 0 {
		switch b := d.q.MemberReplaceEmpty; b {
		case Ignore:
			return nil
		case Wedge:
			d.res.wedged = true
		default:
			if err := refused(b, "invalidValue", "members must not be empty"); err != nil {
				return err
			}
		}
	}
	if d.q.MemberReplace == Append {
		return d.memberValue(operation{op: "add", value: op.value, given: true}, true)
	}
	if err := refused(d.q.MemberReplace, "invalidValue", "members can't be replaced"); err != nil {
		return err
	}
	return d.memberValue(op, true)
}

// memberRemove is remove without filter. By RFC 7644 section 3.5.2.2 all values go, whether
// or not the operation has a value.
func (d *draft) memberRemove(op operation) error {
	values, given := op.value.([]any)
	if m, ok := op.value.(map[string]any); ok {
		values, given = []any{m}, true
	}
	b := d.q.MemberClear
	if given && len(values) > 0 {
		b = d.q.MemberRemoveValues
	}
	switch b {
	case Ignore:
		return nil
	case Select:
		for _, e := range values {
			m, _ := e.(map[string]any)
			id, _ := field(m, "value").(string)
			d.members.remove(id)
		}
		return nil
	case Refuse:
		return invalidValue("remove of members is not allowed")
	default:
	}
	d.members.clear()
	return nil
}

// memberFilter is an operation on the members that a filter selects.
func (d *draft) memberFilter(p patchPath, t target, op operation) error {
	match, err := compiler{rt: d.rt, q: d.q, within: t.attr}.compile(p.filter)
	if err != nil {
		return err
	}
	ids, exact := namedIDs(p.filter)
	if !exact {
		ids = d.scanMembers(match)
	}
	if op.op == "remove" {
		return d.removeSelected(ids)
	}
	if len(ids) == 0 || !d.anyMember(ids) {
		return bad("noTarget", "no member matches %s", op.path)
	}
	return bad("mutability", "members can't be changed, only added and removed")
}

func (d *draft) removeSelected(ids []string) error {
	b := d.q.MemberRemoveFilter
	if len(ids) > 1 {
		b = d.q.MemberRemoveOr
		if d.q.MemberRemoveFilter == NotImplemented {
			b = NotImplemented
		}
	}
	if err := refused(b, "invalidFilter", "this filter is not supported"); err != nil {
		return err
	}
	switch b {
	case Ignore:
		return nil
	case First:
		ids = ids[:1]
	default:
	}
	removed := false
	for _, id := range ids {
		removed = d.members.remove(id) || removed
	}
	if !removed && d.q.RemoveAbsent == Refuse {
		return bad("noTarget", "no such member")
	}
	return nil
}

func (d *draft) anyMember(ids []string) bool {
	for _, id := range ids {
		if d.members.list().has(id) {
			return true
		}
	}
	return false
}

func (d *draft) scanMembers(match predicate) []string {
	var out []string
	d.members.list().each(func(m member) bool {
		if match(element{"value": m.value, "display": m.display, "type": m.typ}) {
			out = append(out, m.value)
		}
		return true
	})
	return out
}

// namedIDs recognises `value eq "a" or value eq "b" …`, for which no member needs to be
// looked at.
func namedIDs(e expr) ([]string, bool) {
	switch e := e.(type) {
	case comparison:
		id, ok := e.value.(string)
		return []string{id}, ok && e.op == "eq" && strings.EqualFold(e.path.name, "value") && e.path.sub == ""
	case both:
		left, okLeft := namedIDs(e.left)
		right, okRight := namedIDs(e.right)
		return append(left, right...), okLeft && okRight && e.op == "or"
	default:
		return nil, false
	}
}
