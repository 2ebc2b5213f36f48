package sourcetest

import (
	"maps"

	"github.com/idpbridge/idpbridge/sources"
)

// Mirror is a directory rebuilt from pages alone, by the rules of package sources. It is
// the simplest right reader: what it shows after a round is what the source said.
type Mirror struct {
	Users    map[sources.ID]sources.User
	Groups   map[sources.ID]MirrorGroup
	Assigned map[sources.Assignment]bool

	seen seen
}

// MirrorGroup is a group as pages told it. Members may name users who left the directory;
// whoever compares leaves those out, as directories keep memberships of deleted users.
type MirrorGroup struct {
	DisplayName string
	Members     map[sources.ID]bool
}

// seen is what the current round has brought so far.
type seen struct {
	users    map[sources.ID]bool
	groups   map[sources.ID]bool
	members  map[sources.ID]map[sources.ID]bool
	assigned map[sources.Assignment]bool
}

// NewMirror returns an empty mirror.
func NewMirror() *Mirror {
	m := &Mirror{
		Users:    map[sources.ID]sources.User{},
		Groups:   map[sources.ID]MirrorGroup{},
		Assigned: map[sources.Assignment]bool{},
	}
	m.Restart()
	return m
}

// Restart forgets what the current round has seen, as when a round begins anew from the
// empty cursor. What earlier pages said stays.
func (m *Mirror) Restart() {
	m.seen = seen{
		users: map[sources.ID]bool{}, groups: map[sources.ID]bool{},
		members: map[sources.ID]map[sources.ID]bool{}, assigned: map[sources.Assignment]bool{},
	}
}

// Apply takes one page in.
func (m *Mirror) Apply(p *sources.Page) {
	for _, u := range p.Users {
		m.user(u)
	}
	for _, g := range p.Groups {
		m.group(g)
	}
	for _, b := range p.Bad {
		m.bad(b)
	}
	for _, id := range p.CompleteGroups {
		m.pruneMembers(id)
	}
	for _, a := range p.Assignments {
		m.Assigned[a], m.seen.assigned[a] = true, true
	}
	if p.CompleteAssignments {
		m.Assigned = maps.Clone(m.seen.assigned)
	}
	if p.Done {
		m.finish(p.Full)
	}
}

func (m *Mirror) user(u sources.User) {
	if u.Removal != sources.NotRemoved {
		delete(m.Users, u.ID)
		delete(m.seen.users, u.ID)
		return
	}
	if old, ok := m.Users[u.ID]; ok && !u.Manager.Known {
		u.Manager = old.Manager
	}
	m.Users[u.ID], m.seen.users[u.ID] = u, true
}

func (m *Mirror) group(g sources.Group) {
	if g.Removal != sources.NotRemoved {
		delete(m.Groups, g.ID)
		delete(m.seen.groups, g.ID)
		return
	}
	have, ok := m.Groups[g.ID]
	if !ok {
		have.Members = map[sources.ID]bool{}
	}
	if !g.MembersOnly {
		have.DisplayName = g.DisplayName
	}
	if m.seen.members[g.ID] == nil {
		m.seen.members[g.ID] = map[sources.ID]bool{}
	}
	for _, member := range g.Members {
		if member.Removed {
			delete(have.Members, member.User)
			delete(m.seen.members[g.ID], member.User)
			continue
		}
		have.Members[member.User], m.seen.members[g.ID][member.User] = true, true
	}
	m.Groups[g.ID], m.seen.groups[g.ID] = have, true
}

// bad counts an entry that could not be understood as seen: it never removes anyone.
func (m *Mirror) bad(b sources.BadEntry) {
	switch b.Kind {
	case sources.KindUser:
		m.seen.users[b.ID] = true
	case sources.KindGroup:
		m.seen.groups[b.ID] = true
		if m.seen.members[b.ID] == nil {
			m.seen.members[b.ID] = map[sources.ID]bool{}
		}
		maps.Copy(m.seen.members[b.ID], m.Groups[b.ID].Members)
	}
}

func (m *Mirror) pruneMembers(id sources.ID) {
	maps.DeleteFunc(m.Groups[id].Members, func(user sources.ID, _ bool) bool {
		return !m.seen.members[id][user]
	})
}

func (m *Mirror) finish(full bool) {
	if full {
		maps.DeleteFunc(m.Users, func(id sources.ID, _ sources.User) bool { return !m.seen.users[id] })
		maps.DeleteFunc(m.Groups, func(id sources.ID, _ MirrorGroup) bool { return !m.seen.groups[id] })
		for id := range m.Groups {
			m.pruneMembers(id)
		}
	}
	m.Restart()
}
