package graph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
)

// TestManager: a change is told with the removal of the former manager; an entry without
// a change says nothing about it.
func TestManager(t *testing.T) {
	tenant, s := company(t)
	boss, other, who := id('a', 0), id('a', 1), id('a', 2)
	tenant.SetManager(who, boss)
	page := round(t, s, query(), "")
	reference := func() sources.Reference {
		for _, u := range page.Users {
			if string(u.ID) == who {
				return u.Manager
			}
		}
		t.Fatal("the user did not come")
		return sources.Reference{}
	}
	for _, c := range []struct {
		name   string
		change func()
		want   sources.Reference
	}{
		{"first round", func() {}, sources.Reference{Known: true, ID: sources.ID(boss)}},
		{"another manager", func() { tenant.SetManager(who, other) }, sources.Reference{Known: true, ID: sources.ID(other)}},
		{"another property", func() { tenant.UpdateUser(who, graphtest.Props{"jobTitle": "X"}) }, sources.Reference{}},
		{"no manager", func() { tenant.SetManager(who, "") }, sources.Reference{Known: true}},
	} {
		c.change()
		if c.name != "first round" {
			page = round(t, s, query(), page.Cursor)
		}
		if got := reference(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestRemovals tells the recycle bin from a final deletion.
func TestRemovals(t *testing.T) {
	tenant, s := company(t)
	at := round(t, s, query(), "").Cursor
	tenant.DeleteUser(id('a', 1))
	tenant.DeleteUser(id('a', 2))
	tenant.PurgeUser(id('a', 2))
	tenant.DeleteGroup(id('b', 2))
	page := round(t, s, query(), at)
	want := []sources.User{
		{ID: sources.ID(id('a', 1)), Removal: sources.RemovedSoft, Active: true},
		{ID: sources.ID(id('a', 2)), Removal: sources.RemovedHard, Active: true},
	}
	for i := range want {
		want[i].Active = page.Users[i].Active // of no meaning beside a Removal
	}
	if diff := cmp.Diff(want, page.Users); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
	group := sources.Group{ID: sources.ID(id('b', 2)), Removal: sources.RemovedHard}
	if diff := cmp.Diff(group, page.Groups[len(page.Groups)-1]); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	tenant.RestoreUser(id('a', 1))
	page = round(t, s, query(), page.Cursor)
	if len(page.Users) != 1 || page.Users[0].Removal != sources.NotRemoved || page.Users[0].UserName == "" {
		t.Errorf("restored: %+v", page.Users)
	}
}

// TestMemberTypes: only users are members.
func TestMemberTypes(t *testing.T) {
	tenant, s := company(t)
	at := round(t, s, query(), "").Cursor
	for i, kind := range []string{"group", "device", "orgContact", "servicePrincipal"} {
		tenant.AddMember(id('b', 2), id('f', i), kind)
	}
	tenant.AddMember(id('b', 2), id('a', 0), "user")
	page := round(t, s, query(), at)
	want := []sources.Member{{User: sources.ID(id('a', 0))}}
	var got []sources.Member
	for _, g := range page.Groups {
		got = append(got, g.Members...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	g, err := s.Group(t.Context(), query(), "Empty")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, g.Members); diff != "" {
		t.Errorf("looked up (-want +got):\n%s", diff)
	}
}

// TestGuest: a guest goes by the address at home, as in Entra's provisioning.
func TestGuest(t *testing.T) {
	tenant, s := company(t)
	const upn = "ann_lee_partner.example#EXT#@corp.example.com"
	tenant.AddUser(graphtest.Props{"id": id('a', 20), "userPrincipalName": upn, "displayName": "Ann"})
	q := query()
	q.UserAttributes = []string{"originalUserPrincipalName", "userPrincipalName"}
	want := sources.User{
		ID: sources.ID(id('a', 20)), UserName: "ann_lee@partner.example", DisplayName: "Ann", Active: true,
		Attributes: map[string]any{"userPrincipalName": "ann_lee@partner.example", "originalUserPrincipalName": upn},
	}
	page := round(t, s, q, "")
	if diff := cmp.Diff(want, page.Users[len(page.Users)-1]); diff != "" {
		t.Errorf("in a round (-want +got):\n%s", diff)
	}
	for _, ref := range []string{"ann_lee@partner.example", upn, id('a', 20)} {
		u, err := s.User(t.Context(), q, ref)
		if err != nil {
			t.Fatalf("User(%q): %v", ref, err)
		}
		if diff := cmp.Diff(want, u); diff != "" {
			t.Errorf("User(%q) (-want +got):\n%s", ref, diff)
		}
	}
}

// TestNull: a cleared attribute is a key with nil, one that never had a value is none.
func TestNull(t *testing.T) {
	tenant, s := company(t)
	q := query()
	q.UserAttributes = []string{"businessPhones", "city", "jobTitle"}
	at := round(t, s, q, "").Cursor
	tenant.UpdateUser(id('a', 0), graphtest.Props{"jobTitle": nil, "businessPhones": []string{"+1", "+2"}})
	page := round(t, s, q, at)
	want := map[string]any{"jobTitle": nil, "businessPhones": []any{"+1", "+2"}}
	if diff := cmp.Diff(want, page.Users[0].Attributes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDeletedUser: the recycle bin is searched last, by the names the user had.
func TestDeletedUser(t *testing.T) {
	tenant, s := company(t)
	tenant.DeleteUser(id('a', 4))
	for _, ref := range []string{id('a', 4), "user4@example.com", "USER4@example.com"} {
		u, err := s.User(t.Context(), query(), ref)
		want := sources.User{ID: sources.ID(id('a', 4)), UserName: "user4@example.com", DisplayName: "user4@example.com", Removal: sources.RemovedSoft}
		if diff := cmp.Diff(want, u); diff != "" || err != nil {
			t.Errorf("User(%q): %v (-want +got):\n%s", ref, err, diff)
		}
	}
	tenant.PurgeUser(id('a', 4))
	if _, err := s.User(t.Context(), query(), id('a', 4)); sources.ClassOf(err) != sources.Missing {
		t.Errorf("purged: %v", err)
	}
}

// TestAmbiguous: two hits are an error, never a guess.
func TestAmbiguous(t *testing.T) {
	tenant, s := company(t)
	tenant.AddGroup(graphtest.Props{"displayName": "small"})
	if _, err := s.Group(t.Context(), query(), "Small"); sources.ClassOf(err) != sources.Ambiguous {
		t.Errorf("group: %v", err)
	}
	tenant.UpdateUser(id('a', 0), graphtest.Props{"mail": "shared@example.com"})
	tenant.UpdateUser(id('a', 1), graphtest.Props{"mail": "shared@example.com"})
	if _, err := s.User(t.Context(), query(), "shared@example.com"); sources.ClassOf(err) != sources.Ambiguous || sources.HintOf(err) == "" {
		t.Errorf("user: %v", err)
	}
}

// TestLookUpFaults: a look-up that fails is not "no such user".
func TestLookUpFaults(t *testing.T) {
	for kind, class := range map[graphtest.FaultKind]sources.Class{
		graphtest.Unavailable: sources.Transient, graphtest.Forbidden: sources.Denied, graphtest.WebPage: sources.Incomplete,
		graphtest.TooManyRequests: sources.Throttled, graphtest.CutBody: sources.Incomplete,
	} {
		tenant, s := company(t)
		tenant.Inject(graphtest.Fault{Kind: kind})
		_, userErr := s.User(t.Context(), query(), id('a', 0))
		_, groupErr := s.Group(t.Context(), query(), "Big")
		q := query()
		q.App = app
		_, assignedErr := s.Assigned(t.Context(), q, sources.Assignment{Kind: sources.KindUser, ID: "x"})
		for name, err := range map[string]error{"User": userErr, "Group": groupErr, "Assigned": assignedErr} {
			if sources.ClassOf(err) != class {
				t.Errorf("%s with fault %d: class %v, want %v: %v", name, kind, sources.ClassOf(err), class, err)
			}
		}
	}
}

// TestLookUpManager: a look-up tells the manager as it is, also that there is none.
func TestLookUpManager(t *testing.T) {
	tenant, s := company(t)
	tenant.SetManager(id('a', 1), id('a', 0))
	for who, want := range map[string]sources.Reference{
		id('a', 1): {Known: true, ID: sources.ID(id('a', 0))},
		id('a', 2): {Known: true},
	} {
		u, err := s.User(t.Context(), query(), who)
		if err != nil || u.Manager != want {
			t.Errorf("%s: %+v, %v, want %+v", who, u.Manager, err, want)
		}
	}
}

// TestLongLists: look-ups read lists of more than a page to their end.
func TestLongLists(t *testing.T) {
	tenant, s := company(t)
	for range 1100 {
		tenant.AddMember(id('b', 0), tenant.AddUser(graphtest.Props{"userPrincipalName": "x"}), "user")
	}
	g, err := s.Group(t.Context(), query(), id('b', 0))
	if err != nil || len(g.Members) != 1107 {
		t.Errorf("%d members of 1107, %v", len(g.Members), err)
	}
	q := query()
	q.App = app
	for i := range 1100 {
		tenant.Assign(app, id('e', i), "User")
	}
	last := sources.Assignment{Kind: sources.KindUser, ID: sources.ID(id('e', 1099))}
	if yes, err := s.Assigned(t.Context(), q, last); !yes || err != nil {
		t.Errorf("the last one of 1102 assignments: %v, %v", yes, err)
	}
}
