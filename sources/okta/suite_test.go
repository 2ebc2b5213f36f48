package okta_test

import (
	"slices"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
	"github.com/idpbridge/idpbridge/sources/sourcetest"
)

// TestSuite runs the conformance suite of all sources.
func TestSuite(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Harness {
		b := open(t, 4)
		d := &directory{org: b.org, status: map[string]bool{}, members: map[string][]string{}}
		app := b.org.AddApp()
		return sourcetest.Harness{
			Source:      b,
			Finder:      b,
			Reopen:      func() sourcetest.Source { return b.source(b.cfg) },
			Query:       sources.Query{UserAttributes: []string{"title"}, Groups: true},
			Title:       "title",
			PutUser:     d.putUser,
			RemoveUser:  func(id sources.ID) { b.org.DeleteUser(string(id)) },
			PutGroup:    d.putGroup,
			RemoveGroup: func(id sources.ID) { b.org.DeleteGroup(string(id)) },
			Assign: func(who sources.Assignment, assigned bool) {
				if assigned {
					b.org.Assign(app, string(who.ID))
				} else {
					b.org.Unassign(app, string(who.ID))
				}
			},
			App:    app,
			Settle: func() { b.clock.Add(time.Hour) },
			Fail: func(f sourcetest.Fault) func() {
				return b.org.Inject(oktatest.Fault{Kind: faultKinds()[f]})
			},
			Faults: map[sourcetest.Fault]sources.Class{
				sourcetest.EmptyList:    sources.Incomplete,
				sourcetest.Unavailable:  sources.Transient,
				sourcetest.BadGateway:   sources.Transient,
				sourcetest.CutBody:      sources.Incomplete,
				sourcetest.Unauthorized: sources.Denied,
				sourcetest.Forbidden:    sources.Denied,
				// Okta's cursors within a list may expire, but a list's first request
				// has none: see TestExpired. A log without events is its own next page.
				sourcetest.ExpiredCursor: 0,
				sourcetest.Endless:       0,
			},
		}
	})
}

func faultKinds() map[sourcetest.Fault]oktatest.FaultKind {
	return map[sourcetest.Fault]oktatest.FaultKind{
		sourcetest.EmptyList:    oktatest.EmptyList,
		sourcetest.Unavailable:  oktatest.Unavailable,
		sourcetest.BadGateway:   oktatest.BadGateway,
		sourcetest.CutBody:      oktatest.CutBody,
		sourcetest.Unauthorized: oktatest.Unauthorized,
		sourcetest.Forbidden:    oktatest.Forbidden,
	}
}

// directory changes an org as the suite asks.
type directory struct {
	org     *oktatest.Org
	status  map[string]bool // disabled
	members map[string][]string
}

func (d *directory) putUser(p sourcetest.Person) sources.ID {
	profile := map[string]any{"login": p.UserName, "email": p.Mail, "displayName": p.DisplayName, "title": nil}
	if p.Title != "" {
		profile["title"] = p.Title
	}
	id := string(p.ID)
	if id == "" {
		id = d.org.AddUser(profile)
	} else {
		d.org.UpdateUser(id, profile)
	}
	if d.status[id] != p.Disabled {
		d.status[id] = p.Disabled
		d.org.SetStatus(id, map[bool]string{true: oktatest.Suspended, false: oktatest.Active}[p.Disabled])
	}
	return sources.ID(id)
}

func (d *directory) putGroup(g sourcetest.Team) sources.ID {
	id := string(g.ID)
	profile := map[string]any{"name": g.Name}
	if id == "" {
		id = d.org.AddGroup(oktatest.OktaGroup, profile)
	} else {
		d.org.UpdateGroup(id, profile)
	}
	var members []string
	for _, m := range g.Members {
		members = append(members, string(m))
	}
	for _, m := range d.members[id] {
		if !slices.Contains(members, m) && d.org.Exists(m) {
			d.org.RemoveMembers(id, m)
		}
	}
	for _, m := range members {
		if d.org.Exists(m) {
			d.org.AddMembers(id, m)
		}
	}
	d.members[id] = members
	return sources.ID(id)
}
