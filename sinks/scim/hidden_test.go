package scim_test

import (
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// known reports whether a group's members can be read, by Get and by List.
func known(t *testing.T, sink *scim.Sink, group sinks.ID) bool {
	t.Helper()
	q := sinks.Query{Resource: sinks.Group, Members: true}
	o, err := sink.Get(t.Context(), q, group)
	if err != nil {
		t.Fatal(err)
	}
	page, err := sink.List(t.Context(), q, "")
	if err != nil {
		t.Fatal(err)
	}
	if page.Objects[0].MembersKnown != o.MembersKnown {
		t.Errorf("members known: by Get %t, by List %t", o.MembersKnown, page.Objects[0].MembersKnown)
	}
	return o.MembersKnown
}

// TestEmptyMembers: an empty list of members is a group without members, unless the
// application says elsewhere that somebody is in it. Only then an addition is believed
// that does not show, and no member is taken for removed.
func TestEmptyMembers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		quirks scimtest.Quirks
		member string // to be added; empty: somebody who exists
		class  sinks.Class
		known  bool
	}{
		"the user names the group": {scimtest.Quirks{}, "", 0, false},
		"a search finds it":        {scimtest.Quirks{NoUserGroups: true}, "", 0, false},
		"nobody says so":           {scimtest.Quirks{NoUserGroups: true, FilterAny: scimtest.Refuse}, "", sinks.Rejected, true},
		"a search finds anything":  {scimtest.Quirks{NoUserGroups: true, FilterAny: scimtest.Everything}, "", sinks.Rejected, true},
		"dropped":                  {scimtest.Quirks{NoUserGroups: true, UnknownMember: scimtest.Ignore}, "nobody", sinks.Rejected, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.quirks.MembersAlwaysEmpty = true
			srv, sink := quirk(tt.quirks).start(t)
			group := sinks.ID(srv.AddGroup("Staff"))
			if tt.member == "" {
				tt.member = srv.AddUser(map[string]any{"userName": "ada"})
			}
			if !known(t, sink, group) {
				t.Error("an empty group is not known to be empty")
			}
			_, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: group, AddMembers: []sinks.ID{sinks.ID(tt.member)}})
			if got := sinks.ClassOf(err); got != tt.class || (tt.class == 0) != (err == nil) {
				t.Errorf("class %s, want %s: %v", got, tt.class, err)
			}
			if got := known(t, sink, group); got != tt.known {
				t.Errorf("members are known: %t, want %t", got, tt.known)
			}
		})
	}
}

// TestEmptyMembersOnCreate: the first members of a group went in when it was made, though
// it shows none, or they did not. The receipt says which.
func TestEmptyMembersOnCreate(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]scimtest.Quirks{"taken": {}, "ignored": {MembersOnCreate: scimtest.Ignore}} {
		q.MembersAlwaysEmpty = true
		srv, sink := quirk(q).start(t)
		ids := []sinks.ID{sinks.ID(srv.AddUser(map[string]any{"userName": "ada"})), sinks.ID(srv.AddUser(map[string]any{"userName": "bob"}))}
		made, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.Group, AddMembers: ids, Attributes: []sinks.Attribute{{Path: "displayName", Value: "g"}}})
		if err != nil || made.MembersDone != (q.MembersOnCreate == 0) {
			t.Errorf("%s: %+v, %v", name, made, err)
		}
	}
}

// TestEmptyMembersFound: a process that has added nobody yet does not take the members
// that it can't see for removed, where a user tells of one.
func TestEmptyMembersFound(t *testing.T) {
	t.Parallel()
	for _, q := range []scimtest.Quirks{{MembersAlwaysEmpty: true}, {MembersAlwaysEmpty: true, NoUserGroups: true}} {
		srv, sink := quirk(q).start(t)
		group := sinks.ID(srv.AddGroup("Staff", srv.AddUser(map[string]any{"userName": "ada"})))
		if got := known(t, sink, group); got != q.NoUserGroups {
			t.Errorf("members are known: %t, and users name their groups: %t", got, !q.NoUserGroups)
		}
	}
}

// TestEmptyMembersAfterAll: a group that shows members ends the belief that none does.
func TestEmptyMembersAfterAll(t *testing.T) {
	t.Parallel()
	srv, sink := quirk(scimtest.Quirks{MembersAlwaysEmpty: true}).start(t)
	group := sinks.ID(srv.AddGroup("Staff", srv.AddUser(map[string]any{"userName": "ada"})))
	if known(t, sink, group) {
		t.Fatal("members are known")
	}
	srv.Inject(scimtest.Fault{Path: "/Groups/{id}", Times: 1, Status: 200, Body: `{"id":"` + string(group) + `","members":[{"value":"x"}]}`})
	q := sinks.Query{Resource: sinks.Group, Members: true}
	if o, err := sink.Get(t.Context(), q, group); err != nil || !o.MembersKnown {
		t.Errorf("%+v, %v", o, err)
	}
	if !known(t, sink, group) {
		t.Error("members are not known any more")
	}
	_, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: group, AddMembers: []sinks.ID{sinks.ID(srv.AddUser(map[string]any{"userName": "bob"}))}})
	if sinks.ClassOf(err) != sinks.Rejected {
		t.Errorf("an addition that does not show: %v", err)
	}
}

// TestEmptyMembersLate: one answer that is behind the times proves nothing.
func TestEmptyMembersLate(t *testing.T) {
	t.Parallel()
	srv, sink := setup{}.start(t)
	group, user := srv.AddGroup("Staff"), srv.AddUser(map[string]any{"userName": "ada"})
	srv.Inject(scimtest.Fault{Method: "PATCH", Times: 1, Effect: true, Status: 200, Body: `{"id":"` + group + `","members":[]}`})
	_, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: sinks.ID(group), AddMembers: []sinks.ID{sinks.ID(user)}})
	if sinks.ClassOf(err) != sinks.Rejected || len(srv.Groups()[0].Members) != 1 {
		t.Errorf("%v, members %v", err, srv.Groups()[0].Members)
	}
	if !known(t, sink, sinks.ID(group)) {
		t.Error("members are not known any more")
	}
}

// TestEmptyMembersCost: an application that proves nothing is not asked for ever.
func TestEmptyMembersCost(t *testing.T) {
	t.Parallel()
	srv, sink := quirk(scimtest.Quirks{MembersAlwaysEmpty: true, NoUserGroups: true, FilterAny: scimtest.Refuse}).start(t)
	id := populate(srv)
	for i := range 5 {
		srv.ResetCounts()
		if err := membership(200+i, -1)(t, srv, sink, id); sinks.ClassOf(err) != sinks.Rejected {
			t.Fatal(err)
		}
		if n := srv.Counts().Total(); n > 4 || i >= 3 && n != 1 {
			t.Errorf("addition %d cost %d requests: %v", i, n, srv.Counts())
		}
	}
}
