package scimtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// User is an account as the server holds it.
type User struct {
	ID         string
	UserName   string
	ExternalID string
	Active     bool // true unless active is false
	// Values are all values by path, without id, meta, schemas and groups: `userName`,
	// `name.givenName`, `emails[type eq "work"].value`, `urn:…:User:department`. Values of
	// a multi-valued attribute without a type have their position from 0: `emails[0].value`.
	Values map[string]any
}

// Group is a group as the server holds it.
type Group struct {
	ID          string
	DisplayName string
	ExternalID  string
	Members     []string // ids, in their order
	Values      map[string]any
}

// flatten makes a map of paths to values.
func flatten(attrs map[string]any) map[string]any {
	out := make(map[string]any, len(attrs))
	for name, v := range attrs {
		flattenInto(out, name, v)
	}
	return out
}

func flattenInto(out map[string]any, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		sep := "."
		if strings.HasPrefix(path, "urn:") && strings.Count(path, ":") <= strings.Count(enterpriseURN, ":") {
			sep = ":"
		}
		for name, sub := range v {
			flattenInto(out, path+sep+name, sub)
		}
	case []any:
		flattenList(out, path, v)
	default:
		out[path] = v
	}
}

func flattenList(out map[string]any, path string, list []any) {
	seen := map[string]bool{}
	for i, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			flattenInto(out, path+"["+strconv.Itoa(i)+"]", e)
			continue
		}
		label, _ := m["type"].(string)
		key := fmt.Sprintf("%s[type eq %q]", path, label)
		if label == "" || seen[label] {
			key = path + "[" + strconv.Itoa(i) + "]"
		}
		seen[label] = true
		for name, sub := range m {
			if name != "type" {
				flattenInto(out, key+"."+name, sub)
			}
		}
	}
}

func (r *resource) user() User {
	return User{
		ID: r.id, UserName: r.text("userName"), ExternalID: r.text("externalId"),
		Active: r.attrs["active"] != false, Values: flatten(r.attrs),
	}
}

func (r *resource) group() Group {
	return Group{
		ID: r.id, DisplayName: r.text("displayName"), ExternalID: r.text("externalId"),
		Members: r.members.ids(), Values: flatten(r.attrs),
	}
}

// each calls f with every resource of a table, in the order of creation.
func (t *table) each(f func(*resource)) {
	for _, r := range t.order {
		if r != nil {
			f(r)
		}
	}
}

// Users returns all users in the order of their creation.
func (s *Server) Users() []User {
	s.store.RLock()
	defer s.store.RUnlock()
	out := make([]User, 0, len(s.store.users.byID))
	s.store.users.each(func(r *resource) { out = append(out, r.user()) })
	return out
}

// Groups returns all groups in the order of their creation.
func (s *Server) Groups() []Group {
	s.store.RLock()
	defer s.store.RUnlock()
	out := make([]Group, 0, len(s.store.groups.byID))
	s.store.groups.each(func(r *resource) { out = append(out, r.group()) })
	return out
}

// Len returns the numbers of users, groups and memberships.
func (s *Server) Len() (users, groups, memberships int) {
	s.store.RLock()
	defer s.store.RUnlock()
	s.store.groups.each(func(r *resource) { memberships += r.members.len() })
	return len(s.store.users.byID), len(s.store.groups.byID), memberships
}

// User returns the user with that id.
func (s *Server) User(id string) (User, bool) {
	s.store.RLock()
	defer s.store.RUnlock()
	if r := s.store.users.byID[id]; r != nil {
		return r.user(), true
	}
	return User{}, false
}

// Group returns the group with that id.
func (s *Server) Group(id string) (Group, bool) {
	s.store.RLock()
	defer s.store.RUnlock()
	if r := s.store.groups.byID[id]; r != nil {
		return r.group(), true
	}
	return Group{}, false
}

// UsersNamed returns the users whose userName is name but for letter case: more than one
// where the server does not keep names unique.
func (s *Server) UsersNamed(name string) []User {
	s.store.RLock()
	defer s.store.RUnlock()
	var out []User
	for _, r := range s.store.candidates(s.store.users, "userName", fold(name)) {
		out = append(out, r.user())
	}
	return out
}

// GroupsNamed returns the groups whose displayName is name but for letter case.
func (s *Server) GroupsNamed(name string) []Group {
	s.store.RLock()
	defer s.store.RUnlock()
	var out []Group
	for _, r := range s.store.candidates(s.store.groups, "displayName", fold(name)) {
		out = append(out, r.group())
	}
	return out
}

// Members returns the sorted userNames (for groups in groups: displayNames) of the members
// of the group with that displayName, and nil when there is no such group. A member that
// does not exist is given as its id.
func (s *Server) Members(displayName string) []string {
	s.store.RLock()
	defer s.store.RUnlock()
	found := s.store.candidates(s.store.groups, "displayName", fold(displayName))
	if len(found) == 0 {
		return nil
	}
	return s.memberNames(found[0])
}

func (s *Server) memberNames(g *resource) []string {
	out := []string{}
	for _, id := range g.members.ids() {
		switch {
		case s.store.users.byID[id] != nil:
			out = append(out, s.store.users.byID[id].text("userName"))
		case s.store.groups.byID[id] != nil:
			out = append(out, s.store.groups.byID[id].text("displayName"))
		default:
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Snapshot is everything in a form that two servers can be compared in: no ids, no times.
type Snapshot struct {
	// Users are values by path (see User.Values) by lower-case userName; twins get "#2", ….
	Users map[string]map[string]any
	// Groups are values by path by displayName; twins get "#2", ….
	Groups map[string]map[string]any
	// Members are sorted names by the group's key.
	Members map[string][]string
}

// Snapshot returns what the server holds.
func (s *Server) Snapshot() Snapshot {
	s.store.RLock()
	defer s.store.RUnlock()
	snap := Snapshot{Users: map[string]map[string]any{}, Groups: map[string]map[string]any{}, Members: map[string][]string{}}
	s.store.users.each(func(r *resource) {
		snap.Users[free(snap.Users, fold(r.text("userName")))] = s.managers(flatten(r.attrs))
	})
	s.store.groups.each(func(r *resource) {
		key := free(snap.Groups, r.text("displayName"))
		snap.Groups[key] = flatten(r.attrs)
		snap.Members[key] = s.memberNames(r)
	})
	return snap
}

// managers replaces the manager's id by the userName.
func (s *Server) managers(values map[string]any) map[string]any {
	path := enterpriseURN + ":manager.value"
	if id, ok := values[path].(string); ok {
		if r := s.store.users.byID[id]; r != nil {
			values[path] = r.text("userName")
		}
	}
	return values
}

func free(taken map[string]map[string]any, key string) string {
	for n, k := 2, key; ; n++ {
		if _, ok := taken[k]; !ok {
			return k
		}
		k = key + "#" + strconv.Itoa(n)
	}
}

// ErrNoSuch is returned by the methods that change an object behind the client's back when
// there is no such object.
var ErrNoSuch = errors.New("no such object")

// AddUser makes a user behind the client's back, without checks, and returns its id. attrs
// are as in a POST body.
func (s *Server) AddUser(attrs map[string]any) string { return s.plant(s.store.users, attrs) }

// AddGroup makes a group behind the client's back and returns its id.
func (s *Server) AddGroup(displayName string, members ...string) string {
	id := s.plant(s.store.groups, map[string]any{"displayName": displayName})
	for _, m := range members {
		_ = s.AddMember(id, m) // the group exists
	}
	return id
}

func (s *Server) plant(t *table, attrs map[string]any) string {
	s.store.Lock()
	defer s.store.Unlock()
	attrs = maps.Clone(attrs)
	delete(attrs, "schemas")
	r := s.newResource(t, cloneMap(attrs), false)
	r.id = s.newID(t, r)
	t.insert(r)
	return r.id
}

// Edit sets the value at a PATCH path of a user or group behind the client's back; nil
// removes it. A value that a filter in the path describes is made if it is absent.
func (s *Server) Edit(id, path string, value any) error {
	s.store.Lock()
	defer s.store.Unlock()
	t := s.tableOf(id)
	if t == nil {
		return fmt.Errorf("edit %s: %w", id, ErrNoSuch)
	}
	op := operation{op: "replace", path: path, value: value, given: true}
	if value == nil {
		op.op = "remove"
	}
	d := newDraft(s.store, t.byID[id], &Quirks{AbsentValue: Create, UnknownMember: Store}, time.Now())
	if err := d.one(op); err != nil {
		d.rollback()
		return fmt.Errorf("edit %s: %w", id, err)
	}
	if d.members != nil {
		d.members.commit()
	}
	s.write1(t, t.byID[id], d.attrs)
	return nil
}

// Remove deletes a user or group behind the client's back.
func (s *Server) Remove(id string) error {
	s.store.Lock()
	defer s.store.Unlock()
	t := s.tableOf(id)
	if t == nil {
		return fmt.Errorf("remove %s: %w", id, ErrNoSuch)
	}
	s.remove(t, t.byID[id])
	return nil
}

// AddMember puts a member into a group behind the client's back.
func (s *Server) AddMember(groupID, memberID string) error {
	return s.editMembers(groupID, func(e *memberEdit) {
		if !e.list().has(memberID) {
			typ := s.store.typeOf(memberID, time.Now())
			if typ == "" {
				typ = "User"
			}
			e.add(member{value: memberID, typ: typ})
		}
	})
}

// RemoveMember takes a member out of a group behind the client's back.
func (s *Server) RemoveMember(groupID, memberID string) error {
	return s.editMembers(groupID, func(e *memberEdit) { e.remove(memberID) })
}

func (s *Server) editMembers(groupID string, f func(*memberEdit)) error {
	s.store.Lock()
	defer s.store.Unlock()
	g := s.store.groups.byID[groupID]
	if g == nil {
		return fmt.Errorf("group %s: %w", groupID, ErrNoSuch)
	}
	e := &memberEdit{store: s.store, group: g}
	f(e)
	e.commit()
	g.touch(time.Now().UTC())
	return nil
}

// tableOf finds the table that holds an id: users first.
func (s *Server) tableOf(id string) *table {
	for _, t := range []*table{s.store.users, s.store.groups} {
		if t.byID[id] != nil {
			return t
		}
	}
	return nil
}
