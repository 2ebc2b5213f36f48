package okta

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/sources"
)

// stamp is how Okta writes times in filters.
const stamp = "2006-01-02T15:04:05.000Z"

// users reads a page of users: all, or those changed since the floor. The filter on
// lastUpdated is there in both cases, since without one DEPROVISIONED users are left out.
func (r *round) users(ctx context.Context) error {
	req := Request{Call: ListUsers, Limit: userLimit, Filter: since("lastUpdated", r.at.floor())}
	a, err := list[userEntry](ctx, r, req, &r.at.List)
	if err != nil {
		return err
	}
	r.page.Bad = append(r.page.Bad, a.bad...)
	names := want(r.query.UserAttributes)
	for _, e := range a.items {
		r.page.Users = append(r.page.Users, e.user(r.source.status, names))
	}
	if !a.ended() {
		return nil
	}
	if err := r.emptyAll(ctx, req); err != nil {
		return err
	}
	r.advance()
	return nil
}

// groups reads a page of groups and queues those whose members must be read.
func (r *round) groups(ctx context.Context) error {
	req := Request{Call: ListGroups, Limit: groupLimit}
	if !r.at.Full {
		req.Filter = since("lastUpdated", r.at.floor()) + " or " + since("lastMembershipUpdated", r.at.floor())
	}
	a, err := list[groupEntry](ctx, r, req, &r.at.List)
	if err != nil {
		return err
	}
	r.page.Bad = append(r.page.Bad, a.bad...)
	names := want(r.query.GroupAttributes)
	for _, e := range a.items {
		if r.unwanted(e) {
			continue
		}
		r.page.Groups = append(r.page.Groups, e.group(names))
		if g := (queued{ID: e.id, Version: e.version}); r.moved(g) {
			r.at.Queue = append(r.at.Queue, g)
		}
	}
	if !a.ended() {
		return nil
	}
	if err := r.emptyAll(ctx, req); err != nil {
		return err
	}
	r.advance()
	return nil
}

// emptyAll refuses an empty list of everything, and has an empty list of changes proven.
func (r *round) emptyAll(ctx context.Context, req Request) error {
	if r.at.List.Any {
		return nil
	}
	if r.at.Full {
		return noPeople(req)
	}
	return r.prove(ctx)
}

func (r *round) unwanted(e groupEntry) bool {
	return e.kind == typeBuiltIn && !r.query.BuiltInGroups
}

// moved says whether a group's members may differ from what was read before.
func (r *round) moved(g queued) bool {
	if r.at.Full || g.Version == 0 {
		return true
	}
	if read, ok := r.at.Read[g.ID]; ok && read.Version == g.Version {
		return false
	}
	return g.Version > r.at.floor().UnixMilli()
}

// members reads a page of the first waiting group's members.
func (r *round) members(ctx context.Context) error {
	g := r.at.Queue[0]
	req := Request{Call: ListGroupUsers, ID: string(g.ID), Limit: memberLimit}
	a, err := list[idEntry](ctx, r, req, &r.at.Members)
	if sources.ClassOf(err) == sources.Missing {
		r.page.Groups = append(r.page.Groups, sources.Group{ID: g.ID, Removal: sources.RemovedHard})
		r.dequeue()
		return nil
	}
	if err != nil {
		return err
	}
	if len(a.items) > 0 {
		r.page.Groups = append(r.page.Groups, sources.Group{ID: g.ID, MembersOnly: true, Members: memberList(a.items)})
	}
	if !a.ended() {
		return nil
	}
	if !r.at.Members.Any {
		if err := r.prove(ctx); err != nil {
			return err
		}
	}
	r.page.CompleteGroups = append(r.page.CompleteGroups, g.ID)
	r.at.wasRead(g)
	r.dequeue()
	return nil
}

func memberList(items []idEntry) []sources.Member {
	members := make([]sources.Member, len(items))
	for i, e := range items {
		members[i] = sources.Member{User: e.id}
	}
	return members
}

func (r *round) dequeue() {
	r.at.Queue = r.at.Queue[1:]
	r.at.Members = place{}
}

// namedGroup reads the group that an event named, before its members.
func (r *round) namedGroup(ctx context.Context) error {
	id := r.at.Queue[0].ID
	e, err := one[groupEntry](ctx, r.source, Request{Call: GetGroup, ID: string(id)})
	if sources.ClassOf(err) == sources.Missing || (err == nil && r.unwanted(e)) {
		r.dequeue() // deleted since: the log tells
		return nil
	}
	if err != nil {
		return err
	}
	r.page.Groups = append(r.page.Groups, e.group(want(r.query.GroupAttributes)))
	r.at.Queue[0] = queued{ID: e.id, Version: e.version}
	return nil
}

// appUsers reads a page of the users assigned to the query's app. Okta has resolved group
// assignments in this list already.
func (r *round) appUsers(ctx context.Context) error {
	return r.assigned(ctx, sources.KindUser, Request{Call: ListAppUsers, ID: r.query.App, Limit: appUserLimit})
}

// appGroups reads a page of the groups assigned to the query's app.
func (r *round) appGroups(ctx context.Context) error {
	return r.assigned(ctx, sources.KindGroup, Request{Call: ListAppGroups, ID: r.query.App, Limit: appGroupLimit})
}

func (r *round) assigned(ctx context.Context, kind sources.Kind, req Request) error {
	a, err := list[assignedEntry](ctx, r, req, &r.at.List)
	if err != nil {
		return err
	}
	for _, e := range a.items {
		if e.holds() {
			r.page.Assignments = append(r.page.Assignments, sources.Assignment{Kind: kind, ID: e.id})
		}
	}
	if !a.ended() {
		return nil
	}
	if !r.at.List.Any {
		if err := r.prove(ctx); err != nil {
			return err
		}
	}
	r.advance()
	r.page.CompleteAssignments = r.at.Phase != phaseAppGroups
	return nil
}

// since writes a filter for a time after t.
func since(attribute string, t time.Time) string {
	return fmt.Sprintf("%s gt %q", attribute, t.UTC().Format(stamp))
}

// equals writes a filter for an exact text, quoted as in JSON.
func equals(attribute, value string) string {
	return attribute + ` eq "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
