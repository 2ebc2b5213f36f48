package scimtest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBehindTheBack changes things without requests and reads them with requests.
func TestBehindTheBack(t *testing.T) {
	c := serve(t, Options{})
	id := c.s.AddUser(map[string]any{"userName": "alice", "active": true})
	bob := c.user("bob", "")
	g := c.s.AddGroup("staff", id)
	for _, err := range []error{
		c.s.Edit(id, "title", "Boss"),
		c.s.Edit(id, `emails[type eq "work"].value`, "a@example.com"),
		c.s.Edit(id, enterpriseURN+":manager.value", bob),
		c.s.AddMember(g, bob), c.s.AddMember(g, bob), c.s.RemoveMember(g, id),
		c.s.Edit(g, "displayName", "people"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]any{"userName": "alice", "active": true, "title": "Boss", `emails[type eq "work"].value`: "a@example.com", enterpriseURN + ":manager.value": bob}
	if diff := cmp.Diff(want, core(c.must(200, "GET", "/Users/"+id, "").flat())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, names := c.names("/Groups", `displayName eq "people"`); !slices.Equal(names, []string{"people"}) {
		t.Errorf("renamed group is not found: %q", names)
	}
	snap := c.s.Snapshot()
	if got := snap.Users["alice"][enterpriseURN+":manager.value"]; got != "bob" {
		t.Errorf("manager in the snapshot: %v", got)
	}
	if diff := cmp.Diff(map[string][]string{"people": {"bob"}}, snap.Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if err := c.s.Remove(bob); err != nil {
		t.Fatal(err)
	}
	c.must(404, "GET", "/Users/"+bob, "")
	if got := c.s.Members("people"); len(got) != 0 {
		t.Errorf("members %q", got)
	}
	if n := c.s.Counts().Writes(); n != 1 {
		t.Errorf("%d writes counted, want the POST of bob only", n)
	}
	for _, err := range []error{c.s.Remove("x"), c.s.Edit("x", "title", "y"), c.s.AddMember("x", id), c.s.RemoveMember("x", id)} {
		if !errors.Is(err, ErrNoSuch) {
			t.Errorf("error %v", err)
		}
	}
	if err := c.s.Edit(id, "nosuch", "y"); err == nil {
		t.Error("Edit of an unknown path says nothing")
	}
}

func TestSnapshotKeepsTwins(t *testing.T) {
	s := New(Options{})
	for range 3 {
		s.AddUser(map[string]any{"userName": "Same"})
		s.AddGroup("same")
	}
	snap := s.Snapshot()
	if len(snap.Users) != 3 || len(snap.Groups) != 3 || len(s.UsersNamed("sAME")) != 3 || len(s.GroupsNamed("SAME")) != 3 {
		t.Errorf("%v", snap)
	}
}

func TestCounts(t *testing.T) {
	c := serve(t, Options{KeepBodies: true, Auth: Auth{Bearer: "x", OAuth: OAuth{ClientID: "i", ClientSecret: "s"}}})
	c.do("GET", "/Users?filter=userName+eq+%22a%22", "", "Authorization", "Bearer x")
	c.do("GET", "/Users?startIndex=1", "", "Authorization", "Bearer x")
	c.do("POST", "/Users", `{"schemas":["`+userURN+`"],"userName":"a"}`, "Authorization", "Bearer x")
	c.do("PATCH", "/Users/nobody", patchBody(`{"op":"remove","path":"title"}`), "Authorization", "Bearer x")
	c.do("GET", "/Groups", "")
	resp, err := c.http.Post(c.s.TokenURL(c.base), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want := Counts{"GET /Users?filter": 1, "GET /Users": 1, "POST /Users": 1, "PATCH /Users/{id}": 1, "GET /Groups": 1, "POST /oauth/token": 1}
	got := c.s.Counts()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Total() != 6 || got.Writes() != 2 || got.Of("GET") != 3 {
		t.Errorf("total %d, writes %d, GETs %d", got.Total(), got.Writes(), got.Of("GET"))
	}
	if diff := cmp.Diff(map[int]int{200: 2, 201: 1, 404: 1, 401: 2}, c.s.Statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	log := c.s.Requests()
	if len(log) != 6 || log[2].Body == "" || log[2].Answer == "" || log[2].Status != 201 || log[3].Path != "/Users/nobody" || log[1].Query != "startIndex=1" {
		t.Errorf("log %+v", log)
	}
	c.s.ResetCounts()
	if c.s.Counts().Total() != 0 || len(c.s.Requests()) != 0 {
		t.Error("counts are not reset")
	}
}
