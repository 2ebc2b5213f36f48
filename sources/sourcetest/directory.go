package sourcetest

import (
	"maps"
	"strconv"
	"sync"

	"github.com/idpbridge/idpbridge/sources"
)

// Directory is a source in memory: a directory that a test changes and a bridge reads.
// It behaves like a good provider with delta queries: full and incremental rounds over
// pages, groups whose members spread over pages, removals as entries, memberships of
// removed users kept. Entries hold only the attributes that the query asks for.
//
// Its methods are safe for concurrent use. The zero value is an empty directory.
type Directory struct {
	// PageSize is the most entries (users, groups, members, each counted) on a page;
	// 0 means 100.
	PageSize int
	// CrowdSize people who never change stand before all others. They are made by
	// Crowd(0 … CrowdSize-1) when a page needs them and are never kept, so that a test
	// can read a million people and still measure the reader's memory. Look-ups don't
	// know them.
	CrowdSize int
	Crowd     func(i int) sources.User

	mu     sync.Mutex
	users  []*dirUser
	groups []*dirGroup
	log    []change

	userByID  map[sources.ID]*dirUser
	groupByID map[sources.ID]*dirGroup

	assigned map[string]map[sources.Assignment]bool // by application
	ids      int
	reads    int
	faults   map[int]error // by number of the read
	endless  bool
	empty    bool
}

type dirUser struct {
	sources.User
}

// dirGroup keeps members in order of joining; who left stays as a gap, so that a
// position in the list means the same on every page of a round.
type dirGroup struct {
	sources.Group
	slots []sources.Member
}

// change is one line of the directory's history, which incremental rounds read.
type change struct {
	kind   sources.Kind
	id     sources.ID
	member sources.Member // of a group; its User is empty when the group itself changed
}

// PutUser makes or replaces a user and returns its id; with an empty ID it picks one. A
// removed user comes back. Active and the attributes are taken as given.
func (d *Directory) PutUser(u sources.User) sources.ID {
	d.mu.Lock()
	defer d.mu.Unlock()
	u.Removal = sources.NotRemoved
	u.Attributes = maps.Clone(u.Attributes)
	if have := d.user(u.ID); have != nil {
		have.User = u
	} else {
		u.ID = d.newID(u.ID, "u")
		have = &dirUser{User: u}
		d.users = append(d.users, have)
		if d.userByID == nil {
			d.userByID = map[sources.ID]*dirUser{}
		}
		d.userByID[u.ID] = have
	}
	d.log = append(d.log, change{kind: sources.KindUser, id: u.ID})
	return u.ID
}

// RemoveUser removes a user, softly or for good. Its memberships stay in the groups.
func (d *Directory) RemoveUser(id sources.ID, how sources.Removal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if have := d.user(id); have != nil {
		have.Removal = how
		d.log = append(d.log, change{kind: sources.KindUser, id: id})
	}
}

// PutGroup makes or replaces a group with exactly the users in Members and returns its
// id; with an empty ID it picks one.
func (d *Directory) PutGroup(g sources.Group) sources.ID {
	d.mu.Lock()
	defer d.mu.Unlock()
	members := g.Members
	g.Members, g.Removal = nil, sources.NotRemoved
	g.Attributes = maps.Clone(g.Attributes)
	have := d.group(g.ID)
	if have == nil {
		g.ID = d.newID(g.ID, "g")
		have = &dirGroup{}
		d.groups = append(d.groups, have)
		if d.groupByID == nil {
			d.groupByID = map[sources.ID]*dirGroup{}
		}
		d.groupByID[g.ID] = have
	}
	if have.Removal != sources.NotRemoved {
		have.slots = nil
	}
	have.Group = g
	d.log = append(d.log, change{kind: sources.KindGroup, id: g.ID})
	d.setMembers(have, members)
	return g.ID
}

// RemoveGroup removes a group for good.
func (d *Directory) RemoveGroup(id sources.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if have := d.group(id); have != nil {
		have.Removal = sources.RemovedHard
		d.log = append(d.log, change{kind: sources.KindGroup, id: id})
	}
}

// Assign assigns a user or group to an application, or takes the assignment back.
func (d *Directory) Assign(app string, who sources.Assignment, assigned bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.assigned == nil {
		d.assigned = map[string]map[sources.Assignment]bool{}
	}
	if d.assigned[app] == nil {
		d.assigned[app] = map[sources.Assignment]bool{}
	}
	if assigned {
		d.assigned[app][who] = true
	} else {
		delete(d.assigned[app], who)
	}
}

// FailRead makes the nth Read from now (1 is the next) return err instead of a page.
func (d *Directory) FailRead(n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.faults == nil {
		d.faults = map[int]error{}
	}
	d.faults[d.reads+n] = err
}

// SetEndless makes rounds never reach their end: where the Done page would come, an
// empty page comes, again and again.
func (d *Directory) SetEndless(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endless = on
}

// SetEmpty makes the directory lie: every round is one Done page without entries, as from
// a provider that lost its data or an adapter that took a fault for the end.
func (d *Directory) SetEmpty(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.empty = on
}

// Reads returns how many times Read was called.
func (d *Directory) Reads() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reads
}

func (d *Directory) setMembers(g *dirGroup, members []sources.Member) {
	want := map[sources.ID]bool{}
	for _, m := range members {
		if !m.Removed {
			want[m.User] = true
		}
	}
	for i, slot := range g.slots {
		switch {
		case slot.Removed:
		case want[slot.User]:
			delete(want, slot.User)
		default:
			g.slots[i].Removed = true
			d.log = append(d.log, change{sources.KindGroup, g.ID, g.slots[i]})
		}
	}
	for _, m := range members {
		if !want[m.User] {
			continue
		}
		delete(want, m.User)
		g.slots = append(g.slots, m)
		d.log = append(d.log, change{sources.KindGroup, g.ID, m})
	}
}

func (d *Directory) newID(given sources.ID, prefix string) sources.ID {
	if given != "" {
		return given
	}
	d.ids++
	return sources.ID(prefix + strconv.Itoa(d.ids))
}

func (d *Directory) user(id sources.ID) *dirUser { return d.userByID[id] }

func (d *Directory) group(id sources.ID) *dirGroup { return d.groupByID[id] }
