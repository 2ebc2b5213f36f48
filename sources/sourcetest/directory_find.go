package sourcetest

import (
	"context"
	"strings"

	"github.com/idpbridge/idpbridge/sources"
)

// User finds one user by id, user name or mail address, letter case aside. A softly
// removed one is found too and says so.
func (d *Directory) User(_ context.Context, q sources.Query, ref string) (sources.User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var hits []sources.User
	for _, u := range d.users {
		if u.Removal == sources.RemovedHard {
			continue
		}
		if string(u.ID) == ref {
			hits = []sources.User{u.User}
			break
		}
		if strings.EqualFold(u.UserName, ref) || strings.EqualFold(u.Mail, ref) {
			hits = append(hits, u.User)
		}
	}
	u, err := one(hits, "look up user")
	u.Attributes = only(u.Attributes, q.UserAttributes)
	return u, err
}

// Group finds one group by id or display name, with all its members.
func (d *Directory) Group(_ context.Context, q sources.Query, ref string) (sources.Group, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var hits []*dirGroup
	for _, g := range d.groups {
		if g.Removal != sources.NotRemoved {
			continue
		}
		if string(g.ID) == ref {
			hits = []*dirGroup{g}
			break
		}
		if strings.EqualFold(g.DisplayName, ref) {
			hits = append(hits, g)
		}
	}
	found, err := one(hits, "look up group")
	if err != nil {
		return sources.Group{}, err
	}
	g := found.Group
	g.Attributes = only(g.Attributes, q.GroupAttributes)
	for _, m := range found.slots {
		if u := d.user(m.User); !m.Removed && (u == nil || u.Removal == sources.NotRemoved) {
			g.Members = append(g.Members, m)
		}
	}
	return g, nil
}

// Assigned says whether a user or group is in the scope of q.App.
func (d *Directory) Assigned(_ context.Context, q sources.Query, who sources.Assignment) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	assigned := d.assigned[q.App]
	if assigned[who] || who.Kind == sources.KindGroup {
		return assigned[who], nil
	}
	for a := range assigned {
		if a.Kind != sources.KindGroup {
			continue
		}
		g := d.group(a.ID)
		if g == nil || g.Removal != sources.NotRemoved {
			continue
		}
		for _, m := range g.slots {
			if m.User == who.ID && !m.Removed {
				return true, nil
			}
		}
	}
	return false, nil
}

// one insists on exactly one hit.
func one[T any](hits []T, op string) (T, error) {
	var none T
	switch len(hits) {
	case 0:
		return none, &sources.Error{Class: sources.Missing, Op: op, Message: "no such object"}
	case 1:
		return hits[0], nil
	default:
		return none, &sources.Error{
			Class: sources.Ambiguous, Op: op, Message: "more than one object has this name",
			Hint: "use the object's id",
		}
	}
}
