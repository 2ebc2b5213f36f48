// Package graphtest emulates the part of Microsoft Graph that a directory is read from:
// delta queries of users and groups, assignments to applications, and look-ups. It is
// written from Microsoft's documents, not from the client in package graph, so that tests
// between the two mean something.
//
// A Tenant is a directory in memory and an http.Handler over it. Tests and the demo change
// the directory with its methods (AddUser, SetMembers, …); the API itself is read-only. It
// answers below /v1.0, and its links lead to the host it was asked at.
//
// What it takes from the documents: $select narrows what a delta query brings and what
// counts as a change; unchanged properties come with their old value and properties that
// never had one don't come; manager@delta and members@delta bring changes, members in
// slices over pages; a page has a next link or a delta link, never both, and may be empty;
// full rounds bring no removals; softly deleted users keep their memberships without a
// word. What the documents leave open, it decides like this: a first round leaves out
// memberships of deleted users, and restoring a user tells of its memberships again.
//
// Inject makes requests meet faults. Count says how many requests were made.
package graphtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Props are properties of a user or group by their Graph names. A nil value clears.
type Props map[string]any

// Options configure a Tenant. The zero value is a service like the real one, without
// authentication.
type Options struct {
	// Token is the bearer token that requests must carry; empty: none is needed.
	Token string
	// PageSize is the most objects on a page of a delta query; 0 means 200.
	PageSize int
	// MembersPerPage is the most member entries on a page of groups; 0 means 1000.
	MembersPerPage int
	// Replays makes each further page of a delta round begin with the last entry of
	// the page before, which the service is allowed to do.
	Replays bool
}

// Tenant is a directory and the API over it. It is safe for concurrent use.
type Tenant struct {
	options Options

	mu       sync.RWMutex
	crowd    int // virtual users stand before all others
	person   func(i int) Props
	touched  map[int]*object // members of the crowd that were changed
	users    []*object
	groups   []*object
	byID     map[string]*object
	apps     map[string][]assignment
	log      []event
	ids      int
	epoch    int // tokens of an earlier epoch have expired
	requests requests
}

// state says where an object is in its life.
type state int

const (
	alive  state = iota
	binned       // softly deleted
	purged
)

// object is a user or a group.
type object struct {
	id      string
	kind    string // "users" or "groups"
	props   Props
	state   state
	manager string
	// members are a group's, in order of joining. Who left stays as a gap, so that a
	// position means the same on every page of a round.
	members []member
}

type member struct {
	id, kind string
	gone     bool
}

// event is a line of the tenant's history: the property of an object that changed.
type event struct {
	object   *object
	property string // "" when the object came or went, "members", "manager" or a property
	member   member // with "members": who, and whether gone
	former   string // with "manager": who it was before
}

type assignment struct{ principal, kind string }

// New returns an empty tenant.
func New(o Options) *Tenant {
	if o.PageSize == 0 {
		o.PageSize = 200
	}
	if o.MembersPerPage == 0 {
		o.MembersPerPage = 1000
	}
	return &Tenant{
		options: o, touched: map[int]*object{}, byID: map[string]*object{}, apps: map[string][]assignment{},
		requests: requests{counts: map[string]int{}},
	}
}

// Crowd puts n people before all others, made by person(0 … n-1) when a page needs them
// and not kept, so that a tenant of a million people costs next to nothing. They can be
// changed and deleted like others; CrowdID names them, and "manager" is the id of a
// person's manager. Call it before the first request.
func (t *Tenant) Crowd(n int, person func(i int) Props) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.crowd, t.person = n, person
}

// CrowdID returns the id of the crowd's member i.
func CrowdID(i int) string { return fmt.Sprintf("c0000000-0000-4000-8000-%012x", i) }

// AddUser adds a user and returns its id; without an "id" it gets one. accountEnabled is
// true unless given.
func (t *Tenant) AddUser(p Props) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.add(p, "users")
	if _, given := u.props["accountEnabled"]; !given {
		u.props["accountEnabled"] = true
	}
	t.users = append(t.users, u)
	return u.id
}

// UpdateUser changes properties of a user.
func (t *Tenant) UpdateUser(id string, p Props) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.update(t.find(id), p)
}

// SetManager gives a user a manager, or none with an empty id.
func (t *Tenant) SetManager(id, manager string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if u := t.find(id); u != nil && u.manager != manager {
		t.log = append(t.log, event{object: u, property: "manager", former: u.manager})
		u.manager = manager
	}
}

// DeleteUser moves a user to the recycle bin. Memberships stay and are not told of.
func (t *Tenant) DeleteUser(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setState(t.find(id), binned)
}

// PurgeUser deletes a user for good, and its memberships with it.
func (t *Tenant) PurgeUser(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.find(id)
	t.setState(u, purged)
	for _, g := range t.groups {
		if i := g.index(id); i >= 0 && u != nil {
			t.leave(g, i)
		}
	}
}

// RestoreUser takes a user out of the recycle bin.
func (t *Tenant) RestoreUser(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setState(t.find(id), alive)
	for _, g := range t.groups {
		if i := g.index(id); i >= 0 {
			t.log = append(t.log, event{object: g, property: "members", member: g.members[i]})
		}
	}
}

// AddGroup adds a group with users as members and returns its id.
func (t *Tenant) AddGroup(p Props, members ...string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.add(p, "groups")
	t.groups = append(t.groups, g)
	t.setMembers(g, members)
	return g.id
}

// UpdateGroup changes properties of a group.
func (t *Tenant) UpdateGroup(id string, p Props) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.update(t.find(id), p)
}

// DeleteGroup deletes a group: a Microsoft 365 group ("Unified" in groupTypes) goes to the
// recycle bin, others are gone for good.
func (t *Tenant) DeleteGroup(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.find(id)
	if g == nil {
		return
	}
	if types, _ := g.props["groupTypes"].([]string); slices.Contains(types, "Unified") {
		t.setState(g, binned)
		return
	}
	t.setState(g, purged)
}

// SetMembers makes users the members of a group, and nobody else.
func (t *Tenant) SetMembers(group string, users ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.find(group); g != nil {
		t.setMembers(g, users)
	}
}

// AddMember adds one member of a type: "user", "group", "device", "orgContact",
// "servicePrincipal".
func (t *Tenant) AddMember(group, id, kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.find(group); g != nil && g.index(id) < 0 {
		t.join(g, member{id: id, kind: kind})
	}
}

// RemoveMember removes one member.
func (t *Tenant) RemoveMember(group, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.find(group); g != nil {
		if i := g.index(id); i >= 0 {
			t.leave(g, i)
		}
	}
}

// AddApp makes an application (service principal) that nobody is assigned to.
func (t *Tenant) AddApp(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apps[id] = nil
}

// Assign assigns a user ("User") or group ("Group") to an application.
func (t *Tenant) Assign(app, principal, kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := (assignment{principal, kind}); !slices.Contains(t.apps[app], a) {
		t.apps[app] = append(t.apps[app], a)
	}
}

// Unassign takes an assignment back.
func (t *Tenant) Unassign(app, principal string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apps[app] = slices.DeleteFunc(t.apps[app], func(a assignment) bool { return a.principal == principal })
}

// ExpireTokens makes all links handed out so far unknown, as after seven days.
func (t *Tenant) ExpireTokens() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.epoch++
}

func (t *Tenant) add(p Props, kind string) *object {
	o := &object{kind: kind, props: maps.Clone(p)}
	if o.props == nil {
		o.props = Props{}
	}
	o.id, _ = p["id"].(string)
	for o.id == "" || t.byID[o.id] != nil {
		t.ids++
		prefix := map[string]rune{"users": 'a', "groups": 'b'}
		o.id = fmt.Sprintf("%c0000000-0000-4000-8000-%012x", prefix[kind], t.ids)
	}
	delete(o.props, "id")
	t.byID[o.id] = o
	t.log = append(t.log, event{object: o})
	return o
}

func (t *Tenant) update(o *object, p Props) {
	if o == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		t.log = append(t.log, event{object: o, property: name})
	}
	maps.Copy(o.props, p)
}

func (t *Tenant) setState(o *object, s state) {
	if o != nil && o.state != s {
		o.state = s
		t.log = append(t.log, event{object: o})
	}
}

// find returns an object by id; a member of the crowd is kept from now on.
func (t *Tenant) find(id string) *object {
	if o := t.byID[id]; o != nil {
		return o
	}
	i, ok := t.crowdIndex(id)
	if !ok {
		return nil
	}
	o := t.user(i)
	t.touched[i], t.byID[id] = o, o
	return o
}

func (t *Tenant) crowdIndex(id string) (int, bool) {
	var i int
	if !strings.HasPrefix(id, "c0000000-") {
		return 0, false
	}
	if _, err := fmt.Sscanf(id[strings.LastIndexByte(id, '-')+1:], "%x", &i); err != nil || i >= t.crowd {
		return 0, false
	}
	return i, CrowdID(i) == id
}

// user returns the user at a position: the crowd first, then the others.
func (t *Tenant) user(i int) *object {
	if i >= t.crowd {
		return t.users[i-t.crowd]
	}
	if o := t.touched[i]; o != nil {
		return o
	}
	p := t.person(i)
	manager, _ := p["manager"].(string)
	delete(p, "id")
	delete(p, "manager")
	if _, given := p["accountEnabled"]; !given {
		p["accountEnabled"] = true
	}
	return &object{id: CrowdID(i), kind: "users", props: p, manager: manager}
}

func (t *Tenant) setMembers(g *object, users []string) {
	want := map[string]bool{}
	for _, id := range users {
		want[id] = true
	}
	for i, m := range g.members {
		if !m.gone && !want[m.id] {
			t.leave(g, i)
		} else if !m.gone {
			delete(want, m.id)
		}
	}
	for _, id := range users {
		if want[id] {
			delete(want, id)
			t.join(g, member{id: id, kind: "user"})
		}
	}
}

func (t *Tenant) join(g *object, m member) {
	g.members = append(g.members, m)
	t.log = append(t.log, event{object: g, property: "members", member: m})
}

func (t *Tenant) leave(g *object, i int) {
	g.members[i].gone = true
	t.log = append(t.log, event{object: g, property: "members", member: g.members[i]})
}

// index returns the position of a present member, or -1.
func (o *object) index(id string) int {
	return slices.IndexFunc(o.members, func(m member) bool { return m.id == id && !m.gone })
}
