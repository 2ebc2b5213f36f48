package scim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

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

// TestFilterOnTheWire: a filter is percent-encoded, its spaces too: not every server reads
// a plus sign as a space.
func TestFilterOnTheWire(t *testing.T) {
	t.Parallel()
	srv, sink := setup{}.start(t)
	if err := find("userName", `a+b "c" & d`)(t, srv, sink, nil); err != nil {
		t.Fatal(err)
	}
	const want = `filter=userName%20eq%20%22a%2Bb%20%5C%22c%5C%22%20%26%20d%22`
	if got := srv.Requests()[0].Query; got != want {
		t.Errorf("query %s, want %s", got, want)
	}
}

// TestMembersAreNotFetched: members that nobody wants are left out of the answer, except
// where the application never shows them and may refuse the parameter.
func TestMembersAreNotFetched(t *testing.T) {
	t.Parallel()
	const excluded = "excludedAttributes=members"
	for _, tt := range []struct {
		setup   setup
		members bool
		want    bool
	}{{setup{}, false, true}, {setup{}, true, false}, {setup{}.with(scim.Override{MembersUnreadable: new(true)}), false, false}} {
		srv, sink := tt.setup.start(t)
		id := sinks.ID(srv.AddGroup("Staff"))
		q := sinks.Query{Resource: sinks.Group, Members: tt.members}
		_, getErr := sink.Get(t.Context(), q, id)
		_, listErr := sink.List(t.Context(), q, "")
		_, findErr := sink.Find(t.Context(), q, "displayName", "Staff")
		if err := errors.Join(getErr, listErr, findErr); err != nil {
			t.Fatal(err)
		}
		for _, req := range srv.Requests() {
			if got := strings.Contains(req.Query, excluded); got != tt.want && strings.HasPrefix(req.Path, "/Groups") {
				t.Errorf("members wanted %t: %s?%s", tt.members, req.Path, req.Query)
			}
		}
	}
}

// TestPageSize: a page is never larger than the application says it allows.
func TestPageSize(t *testing.T) {
	t.Parallel()
	for most, want := range map[int]string{7: "count=7", 500: "count=100"} {
		srv, sink := setup{options: scimtest.Options{MaxResults: most}}.start(t)
		if err := listAll(t, srv, sink, nil); err != nil {
			t.Fatal(err)
		}
		if got := srv.Requests()[1].Query; !strings.Contains(got, want) {
			t.Errorf("maxResults %d: %s, want %s", most, got, want)
		}
	}
}

// TestConcurrentMembers: a server that trips over two changes of one group at a time is
// asked again.
func TestConcurrentMembers(t *testing.T) {
	t.Parallel()
	srv, sink := quirk(scimtest.Quirks{ConcurrentGroupPatch: scimtest.Precondition, RaceGap: 10 * time.Millisecond}).start(t)
	id := populate(srv)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			if err := membership(200+i, -1)(t, srv, sink, id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(srv.Groups()[0].Members); n != 122 {
		t.Errorf("%d members, want 122", n)
	}
}

// TestCountWithoutObjects: a filter that counts a hit and shows none is no "not found".
func TestCountWithoutObjects(t *testing.T) {
	t.Parallel()
	srv, sink := setup{}.start(t)
	srv.Inject(scimtest.Fault{Status: 200, Body: `{"totalResults":1,"Resources":[]}`})
	if err := find("userName", "ada")(t, srv, sink, nil); sinks.ClassOf(err) != sinks.Incompatible {
		t.Errorf("%v", err)
	}
}

// TestLongAnswer: an answer may be as long as megabytes, and the next one is short again.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	srv, sink := setup{}.start(t)
	q := sinks.Query{Resource: sinks.User, Paths: []string{"title"}}
	for _, title := range []string{strings.Repeat("long ", 500_000), "short"} {
		srv.ClearFaults()
		srv.Inject(scimtest.Fault{Status: http.StatusOK, Body: fmt.Sprintf(`{"id":"1","title":%q}`, title)})
		o, err := sink.Get(t.Context(), q, "1")
		if err != nil {
			t.Fatal(err)
		}
		if o.Values["title"] != title {
			t.Errorf("a title of %d bytes came as %.20v", len(title), o.Values["title"])
		}
	}
}

// TestBudgetCovers: a budget is for requests of a verb, a resource and a size.
func TestBudgetCovers(t *testing.T) {
	t.Parallel()
	patches := scim.Budget{Methods: []string{http.MethodPatch}, Resource: sinks.User}
	for name, tt := range map[string]struct {
		budget       scim.Budget
		method, path string
		bytes        int
		want         bool
	}{
		"verb and resource":  {patches, http.MethodPatch, "/scim/v2/Users/1", 10, true},
		"another verb":       {patches, http.MethodPut, "/scim/v2/Users/1", 10, false},
		"another resource":   {patches, http.MethodPatch, "/scim/v2/Groups/1", 10, false},
		"an id like a name":  {patches, http.MethodPatch, "/scim/v2/Groups/Users", 10, false},
		"everything":         {scim.Budget{}, http.MethodGet, "/scim/v2/Schemas", 0, true},
		"a collection":       {scim.Budget{Resource: sinks.Group}, http.MethodGet, "/Groups", 0, true},
		"too small":          {scim.Budget{MinBytes: 11}, http.MethodPost, "/Users", 10, false},
		"large enough":       {scim.Budget{MinBytes: 10}, http.MethodPost, "/Users", 10, true},
		"no resource at all": {scim.Budget{Resource: sinks.User}, http.MethodPost, "/Bulk", 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), tt.method, "https://wiki.example"+tt.path, strings.NewReader(strings.Repeat("x", tt.bytes)))
			if got := tt.budget.Covers(r); got != tt.want {
				t.Errorf("covers %t, want %t", got, tt.want)
			}
		})
	}
}

// refuser answers every write with an error after asking the application.
type refuser struct {
	next http.RoundTripper
	err  error
}

func (r refuser) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if req.Method == http.MethodGet || err != nil {
		return resp, err
	}
	_ = resp.Body.Close()
	return nil, r.err
}

type readOnlyError struct{ error }

func (readOnlyError) ReadOnly() bool { return true }

type unsentError struct{ error }

func (unsentError) NotSent() bool { return true }

type laterError struct{ error }

func (laterError) RetryAfter() time.Duration { return time.Hour }

// TestClientErrors: what the HTTP client says of its own errors is kept, though a
// connection was there.
func TestClientErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for _, tt := range []struct {
		err  error
		want sinks.Class
	}{
		{readOnlyError{unsentError{cause}}, sinks.ReadOnly},
		{fmt.Errorf("wrapped: %w", unsentError{cause}), sinks.Unreachable},
		{laterError{cause}, sinks.Throttled},
		{cause, sinks.Unclear},
	} {
		srv := scimtest.New(scimtest.Options{})
		sink, err := scim.New(scim.Config{BaseURL: srv.Start(t), Auth: scim.Auth{Type: "bearer", Token: token}}, &http.Client{Transport: refuser{http.DefaultTransport, tt.err}}, discard())
		if err != nil {
			t.Fatal(err)
		}
		for verb, want := range map[string]sinks.Class{http.MethodPost: tt.want, http.MethodPatch: tt.want, http.MethodDelete: tt.want, "LIST": 0} {
			err := verbs[verb](t.Context(), sink, "1")
			if sinks.ClassOf(err) != want || want != 0 && sinks.HintOf(err) == "" {
				t.Errorf("%s: class %s, want %s: %v", verb, sinks.ClassOf(err), want, err)
			}
			if want != 0 && !errors.Is(err, tt.err) {
				t.Errorf("%s: the cause is lost in %v", verb, err)
			}
		}
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
	srv.AddGroup("Staff", id)
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
	for _, req := range srv.Requests() {
		if req.Method == http.MethodPut && (strings.Contains(req.Body, `"meta"`) || strings.Contains(req.Body, `"groups"`) || !strings.Contains(req.Body, `"id"`)) {
			t.Errorf("read-only attributes, or no id, in %s", req.Body)
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
