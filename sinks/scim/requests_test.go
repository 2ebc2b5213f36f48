package scim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// TestRequestCounts is what calls may cost, counted at the application.
func TestRequestCounts(t *testing.T) {
	t.Parallel()
	phone := sinks.Attribute{Path: `phoneNumbers[type eq "mobile"].value`, Value: "1"}
	tests := map[string]struct {
		call call
		want scimtest.Counts
	}{
		"construction":    {func(*testing.T, *scimtest.Server, *scim.Sink, func(int) sinks.ID) error { return nil }, scimtest.Counts{}},
		"create":          {create(sinks.Attribute{Path: "userName", Value: "new"}), scimtest.Counts{"POST /Users": 1}},
		"one attribute":   {update(sinks.User, sinks.Attribute{Path: "title", Value: "x"}), scimtest.Counts{"PATCH /Users/{id}": 1}},
		"three":           {update(sinks.User, sinks.Attribute{Path: "title", Value: "x"}, sinks.Attribute{Path: "nickName"}, sinks.Attribute{Path: "active", Value: false}), scimtest.Counts{"PATCH /Users/{id}": 1}},
		"an absent entry": {update(sinks.User, phone), scimtest.Counts{"PATCH /Users/{id}": 2, "GET /Users/{id}": 1}},
		"nothing":         {update(sinks.User), scimtest.Counts{}},
		"one member in":   {membership(200, -1), scimtest.Counts{"PATCH /Groups/{id}": 1}},
		"one member out":  {membership(-1, 3), scimtest.Counts{"PATCH /Groups/{id}": 1}},
		"in and out":      {membership(200, 3), scimtest.Counts{"PATCH /Groups/{id}": 1}},
		"delete":          {deleteUser, scimtest.Counts{"DELETE /Users/{id}": 1}},
		"find":            {find("userName", "nobody"), scimtest.Counts{"GET /Users?filter": 1}},
		"find by mail":    {find(`emails[type eq "work"].value`, "nobody"), scimtest.Counts{"GET /Users?filter": 1}},
		"list":            {listAll, scimtest.Counts{"GET /ServiceProviderConfig": 1, "GET /Users": 3}},
		"list twice": {func(t *testing.T, srv *scimtest.Server, s *scim.Sink, id func(int) sinks.ID) error {
			if err := listAll(t, srv, s, id); err != nil {
				return err
			}
			return listAll(t, srv, s, id)
		}, scimtest.Counts{"GET /ServiceProviderConfig": 1, "GET /Users": 6}},
		"probe": {func(t *testing.T, _ *scimtest.Server, s *scim.Sink, _ func(int) sinks.ID) error {
			return s.Probe(t.Context())
		}, scimtest.Counts{"GET /Users?filter": 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := setup{}.start(t)
			id := populate(srv)
			if err := tt.call(t, srv, sink, id); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, srv.Counts()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWire is what goes over the wire, header and body.
func TestWire(t *testing.T) {
	t.Parallel()
	const ent = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	tests := map[string]struct {
		setup setup
		op    sinks.Op
		want  string // Operations
	}{
		"paths": {
			setup{},
			sinks.Op{Resource: sinks.User, Attributes: []sinks.Attribute{
				{Path: "active", Value: "False"},
				{Path: "name.givenName", Value: "Ada <&>"},
				{Path: "title"},
				{Path: `emails[type eq "work"].value`},
				{Path: `addresses[type eq "work"].locality`},
				{Path: ent + ":department", Value: "R&D"},
				{Path: ent + ":manager", Value: "m/1"},
			}},
			`[{"op":"replace","path":"active","value":false},{"op":"replace","path":"name.givenName","value":"Ada <&>"},{"op":"remove","path":"title"},
			{"op":"remove","path":"emails[type eq \"work\"]"},{"op":"remove","path":"addresses[type eq \"work\"].locality"},
			{"op":"replace","path":"` + ent + `:department","value":"R&D"},{"op":"replace","path":"` + ent + `:manager","value":{"value":"m/1"}}]`,
		},
		"members": {
			setup{},
			sinks.Op{Resource: sinks.Group, AddMembers: []sinks.ID{"a", "b"}, RemoveMembers: []sinks.ID{`c"`, "d"}},
			`[{"op":"remove","path":"members[value eq \"c\\\"\"]"},{"op":"remove","path":"members[value eq \"d\"]"},{"op":"add","path":"members","value":[{"value":"a"},{"value":"b"}]}]`,
		},
		"object form": {
			setup{}.with(scim.Override{PatchForm: new(scim.FormObject)}),
			sinks.Op{Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "active", Value: true}, {Path: "displayName", Value: "Ada"}, {Path: "title"}, {Path: "name.givenName", Value: "A"}}},
			`[{"op":"replace","value":{"active":true,"displayName":"Ada"}},{"op":"remove","path":"title"},{"op":"replace","path":"name.givenName","value":"A"}]`,
		},
		"one address": {
			setup{}.profile("aws-identity-center"),
			sinks.Op{Resource: sinks.User, Attributes: []sinks.Attribute{{Path: `emails[type eq "work"].value`, Value: "a@x"}, {Path: `phoneNumbers[type eq "mobile"].value`, Value: "1"}}},
			`[{"op":"replace","path":"emails","value":[{"primary":true,"type":"work","value":"a@x"}]}]`,
		},
		"members by value": {
			setup{}.profile("aws-identity-center"),
			sinks.Op{Resource: sinks.Group, RemoveMembers: []sinks.ID{"a", "b"}},
			`[{"op":"remove","path":"members","value":[{"value":"a"},{"value":"b"}]}]`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := tt.setup.start(t)
			srv.Inject(scimtest.Fault{Status: http.StatusNoContent, NoBody: true})
			tt.op.Action, tt.op.ID = sinks.Update, "a/b?c"
			if _, err := sink.Do(t.Context(), tt.op); err != nil {
				t.Fatal(err)
			}
			req := srv.Requests()[0]
			if want := "/" + map[sinks.Resource]string{sinks.User: "Users", sinks.Group: "Groups"}[tt.op.Resource] + "/a%2Fb%3Fc"; req.Path != want {
				t.Errorf("path %s, want %s", req.Path, want)
			}
			if got := req.Header.Get("Content-Type"); got != "application/scim+json" {
				t.Errorf("content type %s", got)
			}
			if strings.Contains(req.Body, `\u003c`) {
				t.Errorf("escaped for HTML: %s", req.Body)
			}
			var body struct{ Operations any }
			var want any
			if err := json.Unmarshal([]byte(req.Body), &body); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, body.Operations); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
		})
	}
}

// TestIgnored: what the application can't take is named in the receipt, not sent.
func TestIgnored(t *testing.T) {
	t.Parallel()
	two := []sinks.Attribute{{Path: "active", Value: false}, {Path: "title", Value: "x"}}
	srv, sink := setup{}.profile("gitlab").start(t)
	id := populate(srv)
	receipt, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: id(0), Attributes: two})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"title"}, receipt.Ignored); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
	if u, _ := srv.User(string(id(0))); u.Active || u.Values["title"] != nil {
		t.Errorf("account: %v", u)
	}
	srv.ResetCounts()
	if _, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: id(0), Attributes: two[1:]}); err != nil {
		t.Fatal(err)
	}
	if n := srv.Counts().Total(); n != 0 {
		t.Errorf("%d requests for nothing that can be sent", n)
	}
}

// TestCreateIgnored: an attribute that is missing in the answer to a POST is named.
func TestCreateIgnored(t *testing.T) {
	t.Parallel()
	_, sink := quirk(scimtest.Quirks{NoEnterprise: true}).start(t)
	receipt, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{
		{Path: "userName", Value: "ada"}, {Path: enterprisePaths[1], Value: "R&D"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{enterprisePaths[1]}, receipt.Ignored); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
}

// TestPutKeepsTheRest: PUT must not lose what the mapping doesn't own, and a change in
// between must not be overwritten.
func TestPutKeepsTheRest(t *testing.T) {
	t.Parallel()
	put := scim.UpdatePut
	srv, sink := setup{}.with(scim.Override{UserUpdate: &put}).start(t)
	id := srv.AddUser(map[string]any{"userName": "ada", "nickName": "Countess", "emails": []any{map[string]any{"type": "home", "value": "h@x"}}})
	hits := srv.Inject(scimtest.Fault{Method: http.MethodPut, Status: 412, Times: 1, Match: func(r scimtest.Request) bool { return r.Header.Get("If-Match") != "" }})
	_, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: sinks.ID(id), Attributes: []sinks.Attribute{
		{Path: "title", Value: "x"}, {Path: `emails[type eq "work"].value`, Value: "w@x"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := srv.User(id)
	want := map[string]any{"nickName": "Countess", "title": "x", `emails[type eq "home"].value`: "h@x", `emails[type eq "work"].value`: "w@x"}
	for path, v := range want {
		if u.Values[path] != v {
			t.Errorf("%s = %v, want %v", path, u.Values[path], v)
		}
	}
	if hits() != 1 || srv.Counts()["GET /Users/{id}"] != 2 {
		t.Errorf("%d refused PUT, requests %v: want one, and a second read", hits(), srv.Counts())
	}
}

// TestShrinkingList: a total that goes down during a walk may hide an account that moved
// to a page already read.
func TestShrinkingList(t *testing.T) {
	t.Parallel()
	srv, sink := setup{}.start(t)
	id := populate(srv)
	page, err := sink.List(t.Context(), sinks.Query{Resource: sinks.User}, "")
	if err != nil || page.Done {
		t.Fatalf("first page: %v, done %t", err, page.Done)
	}
	if err := srv.Remove(string(id(0))); err != nil {
		t.Fatal(err)
	}
	if _, err = sink.List(t.Context(), sinks.Query{Resource: sinks.User}, page.Cursor); sinks.ClassOf(err) != sinks.Incompatible {
		t.Errorf("second page: %v", err)
	}
	if _, err = sink.List(t.Context(), sinks.Query{Resource: sinks.User}, page.Cursor); err == nil {
		t.Error("a used cursor was taken again")
	}
}
