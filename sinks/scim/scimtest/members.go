package scimtest

import "slices"

// member is one value of a group's members.
type member struct {
	value   string // id; "" marks a removed entry
	display string
	typ     string // "User" or "Group"
}

// memberList keeps members in their order, with additions and removals that cost the same
// whatever the size: removed entries stay as gaps until half of the list are gaps.
type memberList struct {
	entries []member
	gaps    int
	pos     map[string]int   // first entry of each member
	again   map[string][]int // further entries, with the duplicates quirk only
}

func newMemberList() *memberList { return &memberList{pos: map[string]int{}} }

func (l *memberList) len() int { return len(l.entries) - l.gaps }

func (l *memberList) has(id string) bool {
	_, ok := l.pos[id]
	return ok
}

// add appends a member whether or not it is there already.
func (l *memberList) add(m member) {
	at := len(l.entries)
	l.entries = append(l.entries, m)
	if !l.has(m.value) {
		l.pos[m.value] = at
		return
	}
	if l.again == nil {
		l.again = map[string][]int{}
	}
	l.again[m.value] = append(l.again[m.value], at)
}

// remove takes all entries of a member out and returns them.
func (l *memberList) remove(id string) []member {
	at, ok := l.pos[id]
	if !ok {
		return nil
	}
	var out []member
	for _, i := range append([]int{at}, l.again[id]...) {
		out = append(out, l.entries[i])
		l.entries[i] = member{}
		l.gaps++
	}
	delete(l.pos, id)
	delete(l.again, id)
	return out
}

// each calls f with every entry until f returns false.
func (l *memberList) each(f func(member) bool) {
	for _, m := range l.entries {
		if m.value != "" && !f(m) {
			return
		}
	}
}

func (l *memberList) ids() []string {
	out := make([]string, 0, l.len())
	l.each(func(m member) bool { out = append(out, m.value); return true })
	return out
}

// compact closes the gaps once they are worth it. It must not be called while an undo is
// still possible.
func (l *memberList) compact() {
	if l.gaps < 64 || l.gaps < len(l.entries)/2 {
		return
	}
	old := l.entries
	l.entries, l.gaps, l.again = make([]member, 0, len(old)-l.gaps), 0, nil
	l.pos = make(map[string]int, cap(l.entries))
	for _, m := range old {
		if m.value != "" {
			l.add(m)
		}
	}
}

// memberEdit changes a group's members in place and can take every change back, since
// a PATCH is atomic (RFC 7644 section 3.5.2) and a copy of 100,000 members is not cheap.
type memberEdit struct {
	store   *store
	group   *resource
	undo    []func()
	changed bool
}

func (e *memberEdit) list() *memberList { return e.group.members }

func (e *memberEdit) add(m member) {
	l := e.list()
	fresh := !l.has(m.value)
	l.add(m)
	e.changed = true
	if fresh {
		e.store.join(m.value, e.group)
	}
	e.undo = append(e.undo, func() {
		last := len(l.entries) - 1
		if fresh {
			delete(l.pos, m.value)
			e.store.leave(m.value, e.group)
		} else {
			l.again[m.value] = l.again[m.value][:len(l.again[m.value])-1]
		}
		l.entries = l.entries[:last]
	})
}

func (e *memberEdit) remove(id string) bool {
	l := e.list()
	before := append([]int{l.pos[id]}, l.again[id]...)
	out := l.remove(id)
	if out == nil {
		return false
	}
	e.changed = true
	e.store.leave(id, e.group)
	e.undo = append(e.undo, func() {
		for i, at := range before {
			l.entries[at] = out[i]
		}
		l.gaps -= len(out)
		l.pos[id] = before[0]
		if len(before) > 1 {
			l.again[id] = before[1:]
		}
		e.store.join(id, e.group)
	})
	return true
}

// clear removes all members.
func (e *memberEdit) clear() {
	old := e.list()
	if old.len() == 0 {
		return
	}
	e.changed = true
	e.group.members = newMemberList()
	for id := range old.pos {
		e.store.leave(id, e.group)
	}
	e.undo = append(e.undo, func() {
		e.group.members = old
		for id := range old.pos {
			e.store.join(id, e.group)
		}
	})
}

// rollback takes everything back.
func (e *memberEdit) rollback() {
	for _, undo := range slices.Backward(e.undo) {
		undo()
	}
	e.undo, e.changed = nil, false
}

// commit makes the changes final.
func (e *memberEdit) commit() {
	e.undo = nil
	e.list().compact()
}
