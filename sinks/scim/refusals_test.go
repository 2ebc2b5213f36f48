package scim_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// call is one thing asked of a sink, on an application with 250 users u0…, a group with
// the first 120 of them, and one that is not in it.
type call func(t *testing.T, srv *scimtest.Server, s *scim.Sink, id func(i int) sinks.ID) error

func update(r sinks.Resource, attrs ...sinks.Attribute) call {
	return func(t *testing.T, srv *scimtest.Server, s *scim.Sink, id func(int) sinks.ID) error {
		target := id(0)
		if r == sinks.Group {
			target = sinks.ID(srv.Groups()[0].ID)
		}
		_, err := s.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: r, ID: target, Attributes: attrs})
		return err
	}
}

func membership(add, remove int) call {
	return func(t *testing.T, srv *scimtest.Server, s *scim.Sink, id func(int) sinks.ID) error {
		op := sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: sinks.ID(srv.Groups()[0].ID)}
		if add >= 0 {
			op.AddMembers = []sinks.ID{id(add)}
		}
		if remove >= 0 {
			op.RemoveMembers = []sinks.ID{id(remove)}
		}
		_, err := s.Do(t.Context(), op)
		return err
	}
}

func create(attrs ...sinks.Attribute) call {
	return func(t *testing.T, _ *scimtest.Server, s *scim.Sink, _ func(int) sinks.ID) error {
		_, err := s.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: attrs})
		return err
	}
}

func find(path, value string) call {
	return func(t *testing.T, _ *scimtest.Server, s *scim.Sink, _ func(int) sinks.ID) error {
		_, err := s.Find(t.Context(), sinks.Query{Resource: sinks.User}, path, value)
		return err
	}
}

func listAll(t *testing.T, _ *scimtest.Server, s *scim.Sink, _ func(int) sinks.ID) error {
	cursor := ""
	for {
		page, err := s.List(t.Context(), sinks.Query{Resource: sinks.User}, cursor)
		if err != nil || page.Done {
			return err
		}
		cursor = page.Cursor
	}
}

func deleteUser(t *testing.T, _ *scimtest.Server, s *scim.Sink, id func(int) sinks.ID) error {
	_, err := s.Do(t.Context(), sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: id(0)})
	return err
}

// TestRefusals has the habits under which nothing right can be done. Each must end in an
// error that names the trouble, never in silence.
func TestRefusals(t *testing.T) {
	t.Parallel()
	byValue := scim.RemoveByValue
	title := sinks.Attribute{Path: "title", Value: "Chief"}
	tests := map[string]struct {
		setup setup
		call  call
		class sinks.Class
		words string // in the error or its hint
	}{
		"404 for no hits":          {quirk(scimtest.Quirks{FilterNoHit: scimtest.NotFound}), find("userName", "nobody"), sinks.Incompatible, "not_found_is_empty"},
		"web page for no hits":     {quirk(scimtest.Quirks{FilterNoHit: scimtest.HTML}), find("userName", "nobody"), sinks.Incompatible, "200 and an empty list"},
		"web page, okta":           {quirk(scimtest.Quirks{FilterNoHit: scimtest.HTML}).profile("okta"), find("userName", "nobody"), sinks.Incompatible, "200 and an empty list"},
		"filters refused":          {quirk(scimtest.Quirks{FilterAny: scimtest.Refuse}), find("userName", "nobody"), sinks.Rejected, "override.filterable"},
		"filters answered 501":     {quirk(scimtest.Quirks{FilterAny: scimtest.NotImplemented}), find("userName", "nobody"), sinks.Incompatible, "base_url"},
		"total too high":           {quirk(scimtest.Quirks{TotalResultsOff: 3}), listAll, sinks.Incompatible, "250 of 253"},
		"total too low":            {quirk(scimtest.Quirks{TotalResultsOff: -60}), listAll, sinks.Incompatible, "more objects than the total"},
		"same page again":          {quirk(scimtest.Quirks{IgnoreStartIndex: true}), listAll, sinks.Incompatible, "adds nothing"},
		"inactive directory":       {quirk(scimtest.Quirks{Inactive: true}), listAll, sinks.Incompatible, "neither totalResults nor Resources"},
		"inactive directory, GET":  {quirk(scimtest.Quirks{Inactive: true}), find("userName", "x"), sinks.Incompatible, "no SCIM list"},
		"members shown empty":      {quirk(scimtest.Quirks{MembersAlwaysEmpty: true, NoUserGroups: true, FilterAny: scimtest.Refuse}), membership(200, -1), sinks.Rejected, "members_unreadable"},
		"empty, removal by value":  {quirk(scimtest.Quirks{MembersAlwaysEmpty: true, MemberRemoveValues: scimtest.Select}).with(scim.Override{MemberRemoval: &byValue}), membership(-1, 3), sinks.Rejected, "shows no members to check it by"},
		"unknown member dropped":   {quirk(scimtest.Quirks{MembersNeverShown: false, UnknownMember: scimtest.Ignore, MembersShown: 0}), addUnknown, 0, ""},
		"no removal by filter":     {quirk(scimtest.Quirks{MemberRemoveFilter: scimtest.NotImplemented}), membership(-1, 3), sinks.Incompatible, "member_removal: value"},
		"removal ignored":          {quirk(scimtest.Quirks{MemberRemoveFilter: scimtest.Ignore}), membership(-1, 3), sinks.Rejected, "still in the group"},
		"removal by value clears":  {quirk(scimtest.Quirks{}).with(scim.Override{MemberRemoval: &byValue}), membership(-1, 3), sinks.Incompatible, "took 119 others"},
		"rename refused":           {quirk(scimtest.Quirks{GroupRename: scimtest.Refuse}), update(sinks.Group, sinks.Attribute{Path: "displayName", Value: "New"}), sinks.Rejected, ""},
		"rename ignored":           {quirk(scimtest.Quirks{GroupRename: scimtest.Ignore}), update(sinks.Group, sinks.Attribute{Path: "displayName", Value: "New"}), sinks.Rejected, "displayName did not change"},
		"extension ignored":        {quirk(scimtest.Quirks{EnterprisePath: scimtest.Ignore}), update(sinks.User, sinks.Attribute{Path: enterprisePaths[1], Value: "Sales"}), sinks.Rejected, "department did not change"},
		"extension refused":        {quirk(scimtest.Quirks{EnterprisePath: scimtest.Refuse}), update(sinks.User, sinks.Attribute{Path: enterprisePaths[1], Value: "Sales"}), sinks.Rejected, ""},
		"extension missing":        {quirk(scimtest.Quirks{EnterprisePath: scimtest.NotImplemented}), update(sinks.User, sinks.Attribute{Path: enterprisePaths[1], Value: "Sales"}), sinks.Incompatible, "user_update: put"},
		"clearing ignored":         {quirk(scimtest.Quirks{Clear: scimtest.Ignore}), update(sinks.User, sinks.Attribute{Path: "nickName"}), sinks.Rejected, "nickName did not change"},
		"clearing refused":         {quirk(scimtest.Quirks{Clear: scimtest.Refuse}), update(sinks.User, sinks.Attribute{Path: "nickName"}), sinks.Rejected, ""},
		"PATCH of active only":     {quirk(scimtest.Quirks{PatchActiveOnly: true}), update(sinks.User, title), sinks.Rejected, ""},
		"PATCH is a web page":      {quirk(scimtest.Quirks{Patch: scimtest.HTML}), update(sinks.User, title), sinks.Rejected, "or not this method"},
		"PATCH not allowed":        {quirk(scimtest.Quirks{Patch: scimtest.NotAllowed, ConfigClaims: []string{"patch"}}), update(sinks.User, title), sinks.Incompatible, "user_update: put"},
		"DELETE not allowed":       {quirk(scimtest.Quirks{DeleteUser: scimtest.NotAllowed}), deleteUser, sinks.Incompatible, "deprovision"},
		"DELETE known unsupported": {quirk(scimtest.Quirks{}).profile("salesforce"), deleteUser, sinks.Rejected, "can't delete users"},
		"required, unknown to us":  {quirk(scimtest.Quirks{Required: []string{"displayName"}}), create(sinks.Attribute{Path: "userName", Value: "x"}), sinks.Rejected, ""},
		"required, known":          {quirk(scimtest.Quirks{}).profile("aws-identity-center"), create(sinks.Attribute{Path: "userName", Value: "x"}), sinks.Rejected, "needs a value for name.givenName"},
		"required, told as 409":    {quirk(scimtest.Quirks{Required: []string{"entitlements"}, RequiredConflict: true}), create(sinks.Attribute{Path: "userName", Value: "x"}), sinks.Conflict, ""},
		"id lost":                  {quirk(scimtest.Quirks{UnsafeIDLost: true}), create(sinks.Attribute{Path: "userName", Value: "a/b"}), sinks.Unclear, "a 201 without an id"},
		"SCIM 1.1, list":           {quirk(scimtest.Quirks{Version11: true}), listAll, sinks.Incompatible, "SCIM 1.1"},
		"SCIM 1.1, search":         {quirk(scimtest.Quirks{Version11: true}), find("userName", "x"), sinks.Incompatible, "SCIM 1.1"},
		"bad path":                 {quirk(scimtest.Quirks{}), update(sinks.User, sinks.Attribute{Path: "emails[type", Value: "x"}), sinks.Rejected, "target path"},
		"too many members":         {quirk(scimtest.Quirks{MembersPerGroup: 120}), membership(200, -1), sinks.Rejected, "members_per_request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := tt.setup.start(t)
			id := populate(srv)
			err := tt.call(t, srv, sink, id)
			if sinks.ClassOf(err) != tt.class || (tt.class == 0) != (err == nil) {
				t.Fatalf("class %s, want %s: %v", sinks.ClassOf(err), tt.class, err)
			}
			if err == nil {
				return
			}
			if all := err.Error() + " " + sinks.HintOf(err); !strings.Contains(all, tt.words) || sinks.HintOf(err) == "" {
				t.Errorf("%q not in %q", tt.words, all)
			}
		})
	}
}

func addUnknown(t *testing.T, srv *scimtest.Server, s *scim.Sink, _ func(int) sinks.ID) error {
	g := srv.AddGroup("Small")
	_, err := s.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: sinks.ID(g), AddMembers: []sinks.ID{"nobody"}})
	return err
}

func populate(srv *scimtest.Server) func(int) sinks.ID {
	var ids []string
	for i := range 250 {
		ids = append(ids, srv.AddUser(map[string]any{"userName": "u" + string(rune('a'+i%26)) + strings.Repeat("x", i/26), "nickName": "nick", "active": true}))
	}
	srv.AddGroup("Staff", ids[:120]...)
	return func(i int) sinks.ID { return sinks.ID(ids[i]) }
}

// TestStaysActive: an account that stays active is a failure, though the rest of the
// change took effect; any other attribute that stays as it was is reported.
func TestStaysActive(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]sinks.Class{
		`{"id":"1","title":"new","nickName":"new","active":true}`:  sinks.Rejected,
		`{"id":"1","title":"new","nickName":"old","active":false}`: 0,
	} {
		srv, sink := setup{}.start(t)
		srv.Inject(scimtest.Fault{Status: 200, Body: body})
		receipt, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: "1", Attributes: []sinks.Attribute{
			{Path: "title", Value: "new"}, {Path: "nickName", Value: "new"}, {Path: "active", Value: false},
		}})
		if sinks.ClassOf(err) != want || err == nil && (len(receipt.Ignored) != 1 || receipt.Ignored[0] != "nickName") {
			t.Errorf("%s: %+v, %v", body, receipt, err)
		}
	}
}

// TestHiddenMembersByPut: a server that takes members by PUT and never shows them would
// lose them with the next PUT, so there is none.
func TestHiddenMembersByPut(t *testing.T) {
	t.Parallel()
	for _, quirks := range []scimtest.Quirks{{MembersNeverShown: true}, {MembersAlwaysEmpty: true}} {
		srv, sink := quirk(quirks).with(scim.Override{GroupUpdate: new(scim.UpdatePut)}).start(t)
		id := populate(srv)
		group := sinks.ID(srv.AddGroup("Small"))
		for i := range 2 {
			op := sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: group, AddMembers: []sinks.ID{id(i)}}
			if _, err := sink.Do(t.Context(), op); sinks.ClassOf(err) != sinks.Rejected {
				t.Errorf("%v", err)
			}
		}
		if n := srv.Counts()["PUT /Groups/{id}"]; n != 1 {
			t.Errorf("%d PUTs, want the first alone", n)
		}
	}
}

// TestHarmfulRemoval: the first removal by value empties a group on a strict server. The
// members come back, and no other group is touched.
func TestHarmfulRemoval(t *testing.T) {
	t.Parallel()
	byValue := scim.RemoveByValue
	srv, sink := setup{}.with(scim.Override{MemberRemoval: &byValue}).start(t)
	id := populate(srv)
	if err := membership(-1, 3)(t, srv, sink, id); sinks.ClassOf(err) != sinks.Incompatible {
		t.Fatal(err)
	}
	if n := len(srv.Groups()[0].Members); n != 119 {
		t.Errorf("%d members afterwards, want 119", n)
	}
	srv.ResetCounts()
	for _, c := range []call{membership(-1, 4), membership(200, -1)} {
		if err := c(t, srv, sink, id); sinks.ClassOf(err) != sinks.Incompatible {
			t.Errorf("a later change: %v", err)
		}
	}
	if n := srv.Counts().Total(); n != 0 {
		t.Errorf("%d requests after the stop", n)
	}
}

// TestRemovalByValueProven: on a server that takes it, only the first removal is read back.
func TestRemovalByValueProven(t *testing.T) {
	t.Parallel()
	byValue := scim.RemoveByValue
	srv, sink := quirk(scimtest.Quirks{MemberRemoveValues: scimtest.Select}).with(scim.Override{MemberRemoval: &byValue}).start(t)
	id := populate(srv)
	for i, want := range []int{3, 1, 1} {
		srv.ResetCounts()
		if err := membership(-1, i)(t, srv, sink, id); err != nil {
			t.Fatal(err)
		}
		if n := srv.Counts().Total(); n != want {
			t.Errorf("removal %d cost %d requests, want %d", i, n, want)
		}
	}
}
