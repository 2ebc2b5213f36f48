package oktatest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// view renders a group.
func (g *group) view() map[string]any {
	return map[string]any{
		"id": g.id, "type": g.kind, "created": g.created.Format(stamp), "lastUpdated": g.updated.Format(stamp),
		"lastMembershipUpdated": optional(g.membership), "objectClass": []string{"okta:user_group"}, "profile": g.profile,
	}
}

func (g *group) get(attribute string) any {
	switch attribute {
	case "id":
		return g.id
	case "type":
		return g.kind
	case "created":
		return g.created
	case "lastUpdated":
		return g.updated
	case "lastMembershipUpdated":
		return g.membership
	}
	return g.profile[strings.TrimPrefix(attribute, "profile.")]
}

// listGroups is GET /api/v1/groups.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Group/
func (o *Org) listGroups(w http.ResponseWriter, r *http.Request) {
	l, ok := o.list(w, r, sizes{10000, 10000})
	if !ok {
		return
	}
	match, ok := criteria(w, r, map[string][]string{
		"filter": {"id", "type", "lastUpdated", "lastMembershipUpdated"},
		"search": {"id", "type", "created", "lastUpdated", "lastMembershipUpdated", "profile."},
	})
	if !ok {
		return
	}
	for i := l.start; i < len(o.groups); i++ {
		g := o.groups[i]
		if g == nil || match != nil && !match(g.get) {
			continue
		}
		if !l.take(i, g.view()) {
			break
		}
	}
	l.send()
}

func (o *Org) getGroup(w http.ResponseWriter, r *http.Request) {
	g := o.groupAt(r.PathValue("id"))
	if g == nil {
		notFound(w, r.PathValue("id"), "UserGroup")
		return
	}
	send(w, g.view())
}

// listMembers is GET /api/v1/groups/{id}/users: whole users, whatever their status.
func (o *Org) listMembers(w http.ResponseWriter, r *http.Request) {
	g := o.groupAt(r.PathValue("id"))
	if g == nil {
		notFound(w, r.PathValue("id"), "UserGroup")
		return
	}
	l, ok := o.list(w, r, sizes{1000, 1000})
	if !ok {
		return
	}
	for i := range o.memberIndexes(g, l.start) {
		u := o.at(i)
		if u == nil {
			continue
		}
		if !l.take(i, u.view(baseOf(r), false)) {
			break
		}
	}
	l.send()
}

// memberIndexes yields the indexes of a group's members from start on.
func (o *Org) memberIndexes(g *group, start int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		if g.everyone {
			for i := start; i < len(o.users) && yield(i); i++ {
			}
			return
		}
		at, _ := slices.BinarySearch(g.members, start)
		for _, i := range g.members[at:] {
			if !yield(i) {
				return
			}
		}
	}
}

// assigned returns the users of an app, direct and through groups, in order; the value
// is the scope.
func (o *Org) assigned(a *app) map[int]string {
	all := map[int]string{}
	for i := range a.groups {
		if g := o.groups[i]; g != nil {
			for member := range o.memberIndexes(g, 0) {
				all[member] = "GROUP"
			}
		}
	}
	for i := range a.users {
		all[i] = "USER"
	}
	return all
}

func appUserView(i int, scope string) map[string]any {
	return map[string]any{"id": userID(i), "scope": scope, "status": "ACTIVE", "syncState": "DISABLED", "profile": map[string]any{}}
}

// app finds the request's app, or answers that there is none.
func (o *Org) app(w http.ResponseWriter, r *http.Request) *app {
	a := o.appAt(r.PathValue("id"))
	if a == nil {
		notFound(w, r.PathValue("id"), "AppInstance")
	}
	return a
}

// listAppUsers is GET /api/v1/apps/{id}/users: group assignments are resolved.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApplicationUsers/
func (o *Org) listAppUsers(w http.ResponseWriter, r *http.Request) {
	a := o.app(w, r)
	if a == nil {
		return
	}
	l, ok := o.list(w, r, sizes{50, 500})
	if !ok {
		return
	}
	scopes := o.assigned(a)
	for _, i := range slices.Sorted(maps.Keys(scopes)) {
		if i < l.start || o.at(i) == nil {
			continue
		}
		if !l.take(i, appUserView(i, scopes[i])) {
			break
		}
	}
	l.send()
}

func (o *Org) getAppUser(w http.ResponseWriter, r *http.Request) {
	a := o.app(w, r)
	if a == nil {
		return
	}
	i := indexOf(r.PathValue("member"), "00u")
	scope := o.assigned(a)[i]
	if scope == "" {
		notFound(w, r.PathValue("member"), "AppUser")
		return
	}
	send(w, appUserView(i, scope))
}

// listAppGroups is GET /api/v1/apps/{id}/groups.
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApplicationGroups/
func (o *Org) listAppGroups(w http.ResponseWriter, r *http.Request) {
	a := o.app(w, r)
	if a == nil {
		return
	}
	l, ok := o.list(w, r, sizes{20, 200})
	if !ok {
		return
	}
	for _, i := range slices.Sorted(maps.Keys(a.groups)) {
		if i < l.start {
			continue
		}
		if !l.take(i, map[string]any{"id": groupID(i), "priority": 0, "profile": map[string]any{}}) {
			break
		}
	}
	l.send()
}

func (o *Org) getAppGroup(w http.ResponseWriter, r *http.Request) {
	a := o.app(w, r)
	if a == nil {
		return
	}
	if !a.groups[indexOf(r.PathValue("member"), "00g")] {
		notFound(w, r.PathValue("member"), "ApplicationGroupAssignment")
		return
	}
	send(w, map[string]any{"id": r.PathValue("member"), "priority": 0, "profile": map[string]any{}})
}
