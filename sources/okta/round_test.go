package okta_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

// groupsToo asks for users with their title, and groups.
func groupsToo() sources.Query {
	return sources.Query{UserAttributes: []string{"title"}, GroupAttributes: []string{"name"}, Groups: true}
}

// seeded fills an org with n users and a group of the first three, long ago.
func seeded(b *bench, n int) (group string) {
	for i := range n {
		b.org.AddUser(person(fmt.Sprintf("p%03d", i)))
	}
	group = b.org.AddGroup(oktatest.OktaGroup, map[string]any{"name": "Sales"})
	b.org.AddMembers(group, b.org.UserID(0), b.org.UserID(1), b.org.UserID(2))
	b.clock.Add(24 * time.Hour)
	b.org.ForgetRequests()
	return group
}

// TestRequests counts every request of rounds in which little or nothing happens.
func TestRequests(t *testing.T) {
	b := open(t, 0)
	group := seeded(b, 450)
	members := "/api/v1/groups/" + group + "/users"
	_, at := b.round(groupsToo(), "")
	want := []string{"/api/v1/users", "/api/v1/users", "/api/v1/users", "/api/v1/groups", members, "/api/v1/logs"}
	if diff := cmp.Diff(want, b.asked()); diff != "" {
		t.Errorf("full round (-want +got):\n%s", diff)
	}

	quiet := []string{"/api/v1/users", "/api/v1/users", "/api/v1/groups", "/api/v1/users", "/api/v1/logs"}
	for range 3 {
		b.clock.Add(40 * time.Minute)
		_, at = b.round(groupsToo(), at)
		if diff := cmp.Diff(quiet, b.asked()); diff != "" {
			t.Errorf("nothing changed (-want +got):\n%s", diff)
		}
	}

	b.clock.Add(40 * time.Minute)
	b.org.UpdateUser(b.org.UserID(7), map[string]any{"title": "Director"})
	b.clock.Add(time.Minute)
	_, at = b.round(groupsToo(), at)
	if diff := cmp.Diff([]string{"/api/v1/users", "/api/v1/groups", "/api/v1/users", "/api/v1/logs"}, b.asked()); diff != "" {
		t.Errorf("one user changed (-want +got):\n%s", diff)
	}

	b.clock.Add(40 * time.Minute)
	b.org.AddMembers(group, b.org.UserID(9))
	b.clock.Add(time.Minute)
	_, at = b.round(groupsToo(), at)
	// (the user above shows once more, within the overlap)
	changed := []string{"/api/v1/users", "/api/v1/groups", members, "/api/v1/logs", "/api/v1/logs"}
	if diff := cmp.Diff(changed, b.asked()); diff != "" {
		t.Errorf("one member added (-want +got):\n%s", diff)
	}

	// Within the overlap the group is listed again, but its members are not.
	b.clock.Add(time.Minute)
	b.round(groupsToo(), at)
	if got := b.asked(); slices.Contains(got, members) {
		t.Errorf("a group that was read is read again: %q", got)
	}
}

// TestRequestsScoped counts what an app adds.
func TestRequestsScoped(t *testing.T) {
	b := open(t, 0)
	group := seeded(b, 5)
	app := b.org.AddApp()
	b.org.Assign(app, group)
	b.clock.Add(time.Hour)
	q := groupsToo()
	q.App = app
	_, at := b.round(q, "")
	b.asked()
	b.clock.Add(time.Hour)
	b.round(q, at)
	want := []string{
		"/api/v1/users", "/api/v1/users", "/api/v1/groups", "/api/v1/users",
		"/api/v1/apps/" + app + "/users", "/api/v1/apps/" + app + "/groups", "/api/v1/logs",
	}
	if diff := cmp.Diff(want, b.asked()); diff != "" {
		t.Errorf("nothing changed (-want +got):\n%s", diff)
	}
}

// TestWithoutGroups proves that a job without groups asks for none.
func TestWithoutGroups(t *testing.T) {
	b := open(t, 0)
	group := seeded(b, 3)
	_, at := b.round(sources.Query{}, "")
	b.clock.Add(time.Hour)
	b.org.AddMembers(group, b.org.AddUser(person("new")))
	b.round(sources.Query{}, at)
	for _, path := range b.asked() {
		if strings.Contains(path, "groups") {
			t.Errorf("asked for %s", path)
		}
	}
}

// members returns who was given as a member of a group, and whether the list was
// complete.
func members(pages []*sources.Page, group string) (users []string, complete bool) {
	for _, p := range pages {
		for _, g := range p.Groups {
			if string(g.ID) == group {
				for _, m := range g.Members {
					users = append(users, string(m.User))
				}
			}
		}
		complete = complete || slices.Contains(p.CompleteGroups, sources.ID(group))
	}
	return users, complete
}

// TestMembershipFeeds changes members in ways of which only one feed tells.
func TestMembershipFeeds(t *testing.T) {
	for name, change := range map[string]func(b *bench, group, user string){
		"import that moves the time and has no event": func(b *bench, group, user string) { b.org.ImportMembers(group, true, user) },
		"event while the time stands still":           func(b *bench, group, user string) { b.org.LogOnlyMember(group, user) },
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, 0)
			group := seeded(b, 6)
			_, at := b.round(groupsToo(), "")
			b.clock.Add(time.Hour)
			change(b, group, b.org.UserID(5))
			b.clock.Add(time.Minute)
			pages, _ := b.round(groupsToo(), at)
			got, complete := members(pages, group)
			want := []string{b.org.UserID(0), b.org.UserID(1), b.org.UserID(2), b.org.UserID(5)}
			if diff := cmp.Diff(want, got); diff != "" || !complete {
				t.Errorf("complete %v, members (-want +got):\n%s", complete, diff)
			}
		})
	}
}

// TestLastWords changes a group after its list was read: the round isn't done before the
// group that the log names has been read.
func TestLastWords(t *testing.T) {
	b := open(t, 0)
	group := seeded(b, 6)
	_, at := b.round(groupsToo(), "")
	b.clock.Add(time.Hour)
	first, err := b.Read(t.Context(), groupsToo(), at)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Add(time.Minute)
	second, err := b.Read(t.Context(), groupsToo(), first.Cursor)
	if err != nil {
		t.Fatal(err)
	}
	b.org.AddMembers(group, b.org.UserID(5))
	b.clock.Add(time.Minute)
	pages, _ := b.round(groupsToo(), second.Cursor)
	if got, complete := members(pages, group); len(got) != 4 || !complete {
		t.Errorf("complete %v, members %v", complete, got)
	}
}

// TestGroupVanishes deletes a group after it was listed and before its members are read.
func TestGroupVanishes(t *testing.T) {
	b := open(t, 0)
	group := seeded(b, 6)
	at := sources.Cursor("")
	for range 2 { // users, groups
		p, err := b.Read(t.Context(), groupsToo(), at)
		if err != nil {
			t.Fatal(err)
		}
		at = p.Cursor
	}
	b.org.DeleteGroup(group)
	pages, _ := b.round(groupsToo(), at)
	if g := pages[0].Groups; len(g) != 1 || string(g[0].ID) != group || g[0].Removal != sources.RemovedHard {
		t.Errorf("the page after the deletion has %+v, want a removal", g)
	}
}

// TestLateEvent proves that a deletion whose event is stored late and bears an old time is
// not missed.
func TestLateEvent(t *testing.T) {
	b := open(t, 0)
	seeded(b, 3)
	_, at := b.round(groupsToo(), "")
	b.clock.Add(time.Hour)
	_, at = b.round(groupsToo(), at)
	b.org.LogLate("user.lifecycle.delete.completed", "User", b.org.UserID(1), 30*time.Minute)
	b.clock.Add(time.Hour)
	pages, _ := b.round(groupsToo(), at)
	for _, p := range pages {
		for _, u := range p.Users {
			if string(u.ID) == b.org.UserID(1) && u.Removal == sources.RemovedHard {
				return
			}
		}
	}
	t.Error("the deletion was not told")
}

// TestBuiltIn proves that Everyone is left out unless it is asked for.
func TestBuiltIn(t *testing.T) {
	b := open(t, 0)
	seeded(b, 4)
	everyone := "00g00000000000000000"
	q := groupsToo()
	pages, _ := b.round(q, "")
	if got, complete := members(pages, everyone); len(got) > 0 || complete {
		t.Errorf("Everyone was given: %v", got)
	}
	q.BuiltInGroups = true
	pages, _ = b.round(q, "")
	if got, complete := members(pages, everyone); len(got) != 4 || !complete {
		t.Errorf("Everyone: complete %v, members %v", complete, got)
	}
}

// TestStatus is the table of statuses, with SUSPENDED both ways.
func TestStatus(t *testing.T) {
	b := open(t, 0)
	want := map[string]bool{
		oktatest.Active: true, oktatest.PasswordExpired: true, oktatest.LockedOut: true, oktatest.Recovery: true,
		oktatest.Provisioned: true, oktatest.Staged: false, oktatest.Suspended: false, oktatest.Deprovisioned: false,
	}
	ids := map[string]string{}
	for status := range want {
		ids[b.org.AddUser(person(status))] = status
		b.org.SetStatus(b.org.UserID(len(ids)-1), status)
	}
	check := func(when string) {
		t.Helper()
		pages, _ := b.round(sources.Query{}, "")
		got := map[string]bool{}
		for _, p := range pages {
			for _, u := range p.Users {
				got[ids[string(u.ID)]] = u.Active
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: active (-want +got):\n%s", when, diff)
		}
	}
	check("by default")
	b.cfg.Suspended = "active"
	b.Source = b.source(b.cfg)
	want[oktatest.Suspended] = true
	check("with suspended: active")
}

// TestAttributes shows what expressions see, null apart from absent.
func TestAttributes(t *testing.T) {
	b := open(t, 0)
	profile := person("ada")
	profile["badge"] = 7
	profile["tags"] = []any{"a", nil, true}
	profile["status"] = "of the profile: hidden"
	profile["motto"] = "“Ünïcode” \\ \"quoted\""
	b.org.AddUser(profile)
	q := sources.Query{UserAttributes: []string{"badge", "displayName", "id", "login", "motto", "nowhere", "status", "tags", "type"}}
	pages, _ := b.round(q, "")
	want := sources.User{
		ID: "00u00000000000000000", UserName: "ada@example.com", Mail: "ada@mail.example.com", DisplayName: "ada Example", Active: true,
		Attributes: map[string]any{
			"badge": 7.0, "displayName": nil, "id": "00u00000000000000000", "login": "ada@example.com", "motto": "“Ünïcode” \\ \"quoted\"",
			"status": "ACTIVE", "tags": []any{"a", nil, true}, "type": "oty00000000000000000",
		},
	}
	if diff := cmp.Diff(want, pages[0].Users[0]); diff != "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
}
