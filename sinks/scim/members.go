package scim

import "github.com/idpbridge/idpbridge/sinks"

// members are the ids of the members, and whether the attribute was there at all.
func (d *document) members() ([]sinks.ID, bool) {
	var ids []sinks.ID
	shown := d.eachMember(func(id []byte) { ids = append(ids, sinks.ID(id)) })
	return ids, shown
}

// showsNobody reports whether there is a list of members with nobody in it.
func (d *document) showsNobody() bool {
	r := d.roll(nil)
	return r.shown && r.members == 0
}

// roll is what a member list shows of some ids.
type roll struct {
	shown           bool // there is such a list
	members         int  // in it
	present, absent int  // of the ids
}

// roll calls the ids up. The list may be a thousand times longer, so it is not decoded.
func (d *document) roll(ids []sinks.ID) roll {
	missing := make(map[sinks.ID]struct{}, len(ids))
	for _, id := range ids {
		missing[id] = struct{}{}
	}
	var r roll
	asked := len(missing)
	r.shown = d.eachMember(func(id []byte) {
		r.members++
		delete(missing, sinks.ID(id))
	})
	r.present, r.absent = asked-len(missing), len(missing)
	return r
}

// eachMember visits the ids of the members. It reports whether there is such an attribute.
func (d *document) eachMember(visit func(id []byte)) bool {
	list := d.attribute(sinks.PathMembers)
	of := func(value node) bool {
		if id := value.id(); len(id) > 0 {
			visit(id)
		}
		return true
	}
	other := func(e node) bool { return of(e.sub("value")) }
	if !list.isList() {
		list.entries(other)
		return list != nil
	}
	t := tokens{in: list}
	return t.list(']', func() bool {
		if t.space(); t.in[t.at] == '{' { // as it should be: one way over it is enough
			s := search{name: "value"}
			return t.search(&s) && of(s.found())
		}
		e, ok := t.raw(1)
		return ok && node(e).entries(other)
	})
}

// memberList is the value of `members`, as it is sent.
type memberList []sinks.ID
