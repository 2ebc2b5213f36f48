package scim_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// referring makes three accounts, the second with a taken name; a group with an existing
// member and the first account, one with the first two, and one of existing members; and
// puts the third account into the group that exists.
func referring(id func(int) sinks.ID, existing sinks.ID) []sinks.Op {
	user := func(name string) sinks.Op {
		return sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: name}}}
	}
	group := func(name string, members ...sinks.ID) sinks.Op {
		return sinks.Op{Action: sinks.Create, Resource: sinks.Group, AddMembers: members, Attributes: []sinks.Attribute{{Path: "displayName", Value: name}}}
	}
	return []sinks.Op{
		user("new0"), user("ua"), user("new2"),
		group("mixed", id(200), sinks.Made(0)), group("short", sinks.Made(0), sinks.Made(1)), group("known", id(201), id(202)),
		{Action: sinks.Update, Resource: sinks.Group, ID: existing, AddMembers: []sinks.ID{sinks.Made(2), id(203)}, RemoveMembers: []sinks.ID{id(0)}},
		{Action: sinks.Update, Resource: sinks.Group, ID: existing, AddMembers: []sinks.ID{sinks.Made(1)}},
	}
}

// groupsHeld are the groups by name with the names of their members, of 120 the last three.
func groupsHeld(srv *scimtest.Server) map[string]string {
	out := map[string]string{}
	for _, g := range srv.Groups() {
		var in []string
		for _, m := range g.Members {
			name := m
			if u, ok := srv.User(m); ok {
				name = u.UserName
			}
			in = append(in, name)
		}
		out[g.DisplayName] = fmt.Sprint(len(in), " ", strings.Join(in[max(0, len(in)-3):], " "))
	}
	return out
}

// finish adds what receipts leave to the caller, as the engine does: with ids.
func finish(t *testing.T, sink *scim.Sink, ops []sinks.Op, results []sinks.Result) {
	t.Helper()
	for i, r := range results {
		if ops[i].Resource != sinks.Group || ops[i].Action != sinks.Create || r.Receipt.MembersDone || r.Err != nil {
			continue
		}
		add := sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: r.Receipt.ID}
		for _, m := range ops[i].AddMembers {
			if j, ok := m.MadeBy(); ok {
				m = results[j].Receipt.ID
			}
			if m != "" {
				add.AddMembers = append(add.AddMembers, m)
			}
		}
		if _, err := sink.Do(t.Context(), add); err != nil {
			t.Error(err)
		}
	}
}

// TestBulkReferences: whatever an application makes of references, the groups have their
// members in the end, each once, and a receipt that says so is right. done is which groups
// needed nothing more.
func TestBulkReferences(t *testing.T) {
	t.Parallel()
	bulk := func(n int, q scimtest.Quirks) setup {
		q.MemberAddAgain = scimtest.Append // nothing may be added twice
		return setup{options: scimtest.Options{BulkOperations: n, Quirks: q}}
	}
	bulkFault := scimtest.Fault{Path: "/Bulk", Method: http.MethodPost, Status: 501}
	all, none := "known mixed", ""
	tests := map[string]struct {
		setup setup
		fault *scimtest.Fault
		done  string
	}{
		"resolved":             {bulk(100, scimtest.Quirks{}), nil, all},
		"over several":         {bulk(3, scimtest.Quirks{}), nil, all},
		"PATCH answers 204":    {bulk(100, scimtest.Quirks{PatchGroupNoContent: true}), nil, all},
		"refused":              {bulk(100, scimtest.Quirks{BulkRefs: scimtest.Refuse}), nil, all},
		"taken for ids":        {bulk(100, scimtest.Quirks{BulkRefs: scimtest.Store, UnknownMember: scimtest.Store}), nil, all},
		"one resolved":         {bulk(100, scimtest.Quirks{BulkRefs: scimtest.First, UnknownMember: scimtest.Store}), nil, all},
		"left out":             {bulk(100, scimtest.Quirks{BulkRefs: scimtest.Ignore}), nil, all},
		"no bulk":              {bulk(0, scimtest.Quirks{}), nil, all},
		"bulk answered 501":    {bulk(100, scimtest.Quirks{}), &bulkFault, all},
		"lost on create":       {bulk(100, scimtest.Quirks{MembersOnCreate: scimtest.Ignore}), nil, all},
		"not on create":        {bulk(100, scimtest.Quirks{}).with(scim.Override{MembersOnCreate: new(false)}), nil, none},
		"members shown empty":  {bulk(100, scimtest.Quirks{MembersAlwaysEmpty: true}), nil, all},
		"members never shown":  {bulk(100, scimtest.Quirks{MembersNeverShown: true}).with(scim.Override{MembersUnreadable: new(true)}), nil, none},
		"groups change by PUT": {bulk(100, scimtest.Quirks{}).with(scim.Override{GroupUpdate: new(scim.UpdatePut)}), nil, all},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := tt.setup.start(t)
			id := populate(srv)
			if tt.fault != nil {
				srv.Inject(*tt.fault)
			}
			ops := referring(id, sinks.ID(srv.Groups()[0].ID))
			results := sink.DoAll(t.Context(), ops)
			var done []string
			for i, r := range results {
				want := map[int]sinks.Class{1: sinks.Conflict, 7: sinks.Rejected}[i]
				if got := sinks.ClassOf(r.Err); got != want || (want == 0) != (r.Err == nil) {
					t.Errorf("op %d: class %s, want %s: %v", i, got, want, r.Err)
				}
				if r.Receipt.MembersDone {
					done = append(done, ops[i].Attributes[0].Value.(string))
				}
			}
			if got := slices.Sorted(slices.Values(done)); !cmp.Equal(got, slices.Sorted(slices.Values(strings.Fields(tt.done)))) {
				t.Errorf("groups with their members: %v, want %q", done, tt.done)
			}
			finish(t, sink, ops, results)
			want := map[string]string{"mixed": "2", "short": "1 new0", "known": "2", "Staff": "121"}
			got := groupsHeld(srv)
			for _, g := range []string{"mixed", "known", "Staff"} { // the order of members says nothing
				got[g] = strings.Fields(got[g])[0]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
			for _, g := range srv.Groups() {
				for _, m := range g.Members {
					if _, ok := srv.User(m); !ok {
						t.Errorf("%s has the member %q", g.DisplayName, m)
					}
				}
			}
		})
	}
}

// TestBulkMembersCost: groups with their first members are one request, and a look at one
// the first time; those that refer to accounts of the same request are all looked at.
func TestBulkMembersCost(t *testing.T) {
	t.Parallel()
	srv, sink := setup{options: scimtest.Options{BulkOperations: 100}}.start(t)
	id := populate(srv)
	for _, tt := range []struct {
		member sinks.ID
		want   scimtest.Counts
	}{
		{id(2), scimtest.Counts{"GET /ServiceProviderConfig": 1, "POST /Bulk": 1, "GET /Users/{id}": 1, "GET /Groups/{id}": 1}},
		{id(2), scimtest.Counts{"POST /Bulk": 1}},
		{sinks.Made(0), scimtest.Counts{"POST /Bulk": 1, "GET /Groups/{id}": 20}},
	} {
		users, _, _ := srv.Len()
		srv.ResetCounts()
		ops := []sinks.Op{{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: fmt.Sprint("new", users)}}}}
		for range 20 {
			ops = append(ops, sinks.Op{
				Action: sinks.Create, Resource: sinks.Group, AddMembers: []sinks.ID{id(1), tt.member}, Attributes: []sinks.Attribute{{Path: "displayName", Value: "g"}},
			})
		}
		for i, r := range sink.DoAll(t.Context(), ops) {
			if r.Err != nil || r.Receipt.MembersDone != (i > 0) || r.Receipt.Version == "" {
				t.Errorf("op %d: %+v", i, r)
			}
		}
		if diff := cmp.Diff(tt.want, srv.Counts()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	}
}

// TestReferenceOutsideOfBulk: Do knows nothing that a reference could mean.
func TestReferenceOutsideOfBulk(t *testing.T) {
	t.Parallel()
	srv, sink := quirk(scimtest.Quirks{UnknownMember: scimtest.Store}).start(t)
	_, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: sinks.ID(srv.AddGroup("g")), AddMembers: []sinks.ID{sinks.Made(0)}})
	if err == nil || srv.Counts().Total() != 0 {
		t.Errorf("%v, %v", err, srv.Counts())
	}
}

// TestBulkReferencesStop: an application that refuses references, or takes them for
// something else, gets no more of them; a member that could not be made is not its fault.
func TestBulkReferencesStop(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		quirks scimtest.Quirks
		member string // made together with the first group
		want   bool   // references in a second request
	}{
		"resolved":        {scimtest.Quirks{}, "new", true},
		"member not made": {scimtest.Quirks{}, "ua", true},
		"refused":         {scimtest.Quirks{BulkRefs: scimtest.Refuse}, "new", false},
		"left out":        {scimtest.Quirks{BulkRefs: scimtest.Ignore}, "new", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := setup{options: scimtest.Options{BulkOperations: 100, Quirks: tt.quirks}}.start(t)
			id := populate(srv)
			group := sinks.Op{Action: sinks.Create, Resource: sinks.Group, AddMembers: []sinks.ID{id(1), sinks.Made(0)}, Attributes: []sinks.Attribute{{Path: "displayName", Value: "g"}}}
			for _, member := range []string{tt.member, "other"} {
				srv.ResetCounts()
				user := sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: member}}}
				sink.DoAll(t.Context(), []sinks.Op{user, group})
			}
			refers := slices.ContainsFunc(srv.Requests(), func(r scimtest.Request) bool { return strings.Contains(r.Body, "bulkId:") })
			if refers != tt.want {
				t.Errorf("references in the second request: %t, want %t", refers, tt.want)
			}
		})
	}
}

// TestBulkMembersStop: an application that loses the members of groups made in bulk gets
// the next groups without, and the members afterwards.
func TestBulkMembersStop(t *testing.T) {
	t.Parallel()
	srv, sink := setup{options: scimtest.Options{BulkOperations: 100, Quirks: scimtest.Quirks{MembersOnCreate: scimtest.Ignore}}}.start(t)
	id := populate(srv)
	group := sinks.Op{Action: sinks.Create, Resource: sinks.Group, AddMembers: []sinks.ID{id(1)}, Attributes: []sinks.Attribute{{Path: "displayName", Value: "g"}}}
	for round, want := range []bool{true, false} {
		srv.ResetCounts()
		for _, r := range sink.DoAll(t.Context(), []sinks.Op{group, group}) {
			if r.Err != nil || r.Receipt.MembersDone != want {
				t.Errorf("round %d: %+v", round, r)
			}
		}
		sent := slices.ContainsFunc(srv.Requests(), func(r scimtest.Request) bool { return r.Path == "/Bulk" && strings.Contains(r.Body, `"members"`) })
		if sent != want {
			t.Errorf("round %d: members in the bulk request: %t", round, sent)
		}
	}
}
