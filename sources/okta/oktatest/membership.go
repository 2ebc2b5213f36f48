package oktatest

import (
	"maps"
	"slices"
	"time"
)

// The types of groups.
const (
	OktaGroup = "OKTA_GROUP"
	AppGroup  = "APP_GROUP"
	BuiltIn   = "BUILT_IN"
)

// group is a group; members are user indexes in order. Everyone has all users, whatever
// its members say.
type group struct {
	id         string
	kind       string
	created    time.Time
	updated    time.Time // lastUpdated
	membership time.Time // lastMembershipUpdated
	profile    map[string]any
	members    []int
	everyone   bool
}

func (g *group) add(i int) bool {
	at, found := slices.BinarySearch(g.members, i)
	if found {
		return false
	}
	g.members = slices.Insert(g.members, at, i)
	return true
}

func (g *group) remove(i int) bool {
	at, found := slices.BinarySearch(g.members, i)
	if found {
		g.members = slices.Delete(g.members, at, at+1)
	}
	return found
}

// AddGroup makes a group of a type (OktaGroup, AppGroup) and returns its id.
func (o *Org) AddGroup(kind string, profile map[string]any) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	g := &group{id: groupID(len(o.groups)), kind: kind, created: now, updated: now, membership: now, profile: maps.Clone(profile)}
	o.groups = append(o.groups, g)
	o.log("group.lifecycle.create", target{g.id, "UserGroup"})
	return g.id
}

// UpdateGroup changes attributes of a group's profile.
func (o *Org) UpdateGroup(id string, profile map[string]any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.ownGroup(id)
	maps.Copy(g.profile, profile)
	g.updated = o.now()
	o.log("group.profile.update", target{id, "UserGroup"})
}

// DeleteGroup deletes a group.
func (o *Org) DeleteGroup(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ownGroup(id)
	o.groups[indexOf(id, "00g")] = nil
	for _, a := range o.apps {
		delete(a.groups, indexOf(id, "00g"))
	}
	o.log("group.lifecycle.delete", target{id, "UserGroup"})
}

// AddMembers puts users into a group.
func (o *Org) AddMembers(groupID string, userIDs ...string) {
	o.changeMembers(groupID, userIDs, "group.user_membership.add", (*group).add)
}

// RemoveMembers takes users out of a group.
func (o *Org) RemoveMembers(groupID string, userIDs ...string) {
	o.changeMembers(groupID, userIDs, "group.user_membership.remove", (*group).remove)
}

func (o *Org) changeMembers(groupID string, userIDs []string, eventType string, change func(*group, int) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.ownGroup(groupID)
	for _, id := range userIDs {
		if change(g, o.own(id).index) {
			g.membership = o.now()
			o.log(eventType, target{id, "User"}, target{groupID, "UserGroup"})
		}
	}
}

// ImportMembers puts users into a group as a directory import does: with no event of their
// own. stamped says whether lastMembershipUpdated moves; it once did not (OKTA-90593).
func (o *Org) ImportMembers(groupID string, stamped bool, userIDs ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.ownGroup(groupID)
	for _, id := range userIDs {
		g.add(o.own(id).index)
	}
	if stamped {
		g.membership = o.now()
	}
}

// LogOnlyMember puts a user into a group with an event but leaves lastMembershipUpdated.
func (o *Org) LogOnlyMember(groupID, userID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ownGroup(groupID).add(o.own(userID).index) {
		o.log("group.user_membership.add", target{userID, "User"}, target{groupID, "UserGroup"})
	}
}

func (o *Org) groupAt(id string) *group {
	i := indexOf(id, "00g")
	if i < 0 || i >= len(o.groups) {
		return nil
	}
	return o.groups[i]
}

func (o *Org) ownGroup(id string) *group {
	g := o.groupAt(id)
	if g == nil {
		panic("oktatest: no group " + id)
	}
	return g
}

// app is an application with its direct assignments.
type app struct {
	users  map[int]bool
	groups map[int]bool
}

// AddApp makes an application and returns its id.
func (o *Org) AddApp() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.apps = append(o.apps, &app{users: map[int]bool{}, groups: map[int]bool{}})
	return appID(len(o.apps) - 1)
}

// Assign assigns a user or group, by id, to an application.
func (o *Org) Assign(appID, id string) { o.assign(appID, id, true) }

// Unassign takes a direct assignment back.
func (o *Org) Unassign(appID, id string) { o.assign(appID, id, false) }

func (o *Org) assign(appID, id string, on bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.appAt(appID)
	if a == nil {
		panic("oktatest: no app " + appID)
	}
	set, index, what := a.users, indexOf(id, "00u"), "application.user_membership."
	if i := indexOf(id, "00g"); i >= 0 {
		set, index, what = a.groups, i, "application.group_assignment."
	}
	if on {
		set[index] = true
		o.log(what+"add", target{id, "User"}, target{appID, "AppInstance"})
		return
	}
	delete(set, index)
	o.log(what+"remove", target{id, "User"}, target{appID, "AppInstance"})
}

func (o *Org) appAt(id string) *app {
	i := indexOf(id, "0oa")
	if i < 0 || i >= len(o.apps) {
		return nil
	}
	return o.apps[i]
}
