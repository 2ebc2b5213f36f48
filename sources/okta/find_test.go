package okta_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

func TestUserRefs(t *testing.T) {
	b := open(t, 2)
	admin := b.org.AddUser(person("admin"))
	quoted := person("quoted")
	quoted["email"] = `a"b\c@example.com`
	b.org.AddUser(quoted)
	for range 3 {
		p := person(fmt.Sprint("twin", len(b.org.Requests())))
		p["login"] = fmt.Sprintf("twin%s@example.com", b.org.AddUser(person("x")))
		p["email"] = "twin@example.com"
		b.org.AddUser(p)
	}
	for _, c := range []struct {
		ref  string
		want sources.Class
	}{
		{admin, 0},
		{"ADMIN@example.com", 0},
		{"admin@mail.example.com", 0},
		{`a"b\c@example.com`, 0},
		{"me", sources.Missing},    // Okta answers with the token's owner
		{"admin", sources.Missing}, // Okta answers to a login without its domain
		{"twin@example.com", sources.Ambiguous},
		{"../groups", sources.Missing},
		{"", sources.Missing},
	} {
		if _, err := b.User(t.Context(), sources.Query{}, c.ref); sources.ClassOf(err) != c.want || (err == nil) != (c.want == 0) {
			t.Errorf("User(%q): %v, want class %v", c.ref, err, c.want)
		}
	}
	b.org.Inject(oktatest.Fault{Kind: oktatest.Unavailable})
	if _, err := b.User(t.Context(), sources.Query{}, admin); sources.ClassOf(err) != sources.Transient {
		t.Errorf("User while Okta is down: %v", err)
	}
}

func TestGroupRefs(t *testing.T) {
	b := open(t, 2)
	group := seeded(b, 5)
	b.org.AddGroup(oktatest.OktaGroup, map[string]any{"name": "Twice"})
	b.org.AddGroup(oktatest.AppGroup, map[string]any{"name": "Twice"})
	for _, ref := range []string{group, "Sales"} {
		g, err := b.Group(t.Context(), groupsToo(), ref)
		if err != nil || len(g.Members) != 3 || g.Attributes["name"] != "Sales" {
			t.Errorf("Group(%q) = %+v, %v", ref, g, err)
		}
	}
	for ref, want := range map[string]sources.Class{"Twice": sources.Ambiguous, "Sale": sources.Missing, "": sources.Missing} {
		if _, err := b.Group(t.Context(), groupsToo(), ref); sources.ClassOf(err) != want {
			t.Errorf("Group(%q): %v, want class %v", ref, err, want)
		}
	}
	b.org.Inject(oktatest.Fault{Kind: oktatest.CutBody, Endpoint: "/api/v1/groups/{id}/users", Skip: 1})
	if g, err := b.Group(t.Context(), groupsToo(), group); err == nil {
		t.Errorf("a group whose members were cut off: %+v", g)
	}
}

// TestAssignedApp tells an app that doesn't exist from a user who isn't assigned.
func TestAssignedApp(t *testing.T) {
	b := open(t, 0)
	seeded(b, 3)
	who := sources.Assignment{Kind: sources.KindUser, ID: sources.ID(b.org.UserID(0))}
	q := groupsToo()
	q.App = "0oa00000000000000099"
	_, err := b.Assigned(t.Context(), q, who)
	if sources.ClassOf(err) != sources.Missing || !strings.Contains(sources.HintOf(err), "scope.app") {
		t.Errorf("Assigned with an unknown app: hint %q: %v", sources.HintOf(err), err)
	}
	if err := b.Check(t.Context(), q); sources.ClassOf(err) != sources.Missing || !strings.Contains(sources.HintOf(err), "scope.app") {
		t.Errorf("Check with an unknown app: hint %q: %v", sources.HintOf(err), err)
	}
	q.App = b.org.AddApp()
	if yes, err := b.Assigned(t.Context(), q, who); yes || err != nil {
		t.Errorf("Assigned = %v, %v", yes, err)
	}
	b.org.Assign(q.App, "00g00000000000000000") // Everyone
	if yes, err := b.Assigned(t.Context(), q, who); !yes || err != nil {
		t.Errorf("Assigned through Everyone = %v, %v", yes, err)
	}
}

// TestAssignedEveryone: a group that isn't read itself still puts its members in scope.
func TestAssignedEveryone(t *testing.T) {
	b := open(t, 2)
	seeded(b, 3)
	q := groupsToo()
	q.App = b.org.AddApp()
	b.org.Assign(q.App, "00g00000000000000000")
	users := map[sources.ID]bool{}
	pages, _ := b.round(q, "")
	for _, p := range pages {
		for _, a := range p.Assignments {
			if a.Kind == sources.KindUser {
				users[a.ID] = true
			}
		}
	}
	if len(users) != 3 {
		t.Errorf("%d users are assigned, want 3", len(users))
	}
}
