package scimtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCreateAndRead(t *testing.T) {
	c := serve(t, Options{})
	made := c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`","`+enterpriseURN+`"],"id":"mine","USERNAME":"alice@example.com","nickName":null,
		"password":"secret","shoeSize":44,"emails":[],"meta":{"version":"x"},"`+strings.ToLower(enterpriseURN)+`":{"Department":"Sales"}}`)
	id := made.text("id")
	want := map[string]any{"userName": "alice@example.com", enterpriseURN + ":department": "Sales"}
	if diff := cmp.Diff(want, core(made.flat())); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if id == "mine" || made.header.Get("Location") != c.base+"/Users/"+id || made.header.Get("Content-Type") != scimJSON {
		t.Errorf("id %q, header %v", id, made.header)
	}
	got := c.must(200, "GET", "/Users/"+id, "")
	if diff := cmp.Diff(made.doc, got.doc); diff != "" {
		t.Errorf("read (-created +read):\n%s", diff)
	}
	if f := got.flat(); f["meta.location"] != c.base+"/Users/"+id || f["meta.resourceType"] != "User" || f["meta.version"] != got.header.Get("ETag") {
		t.Errorf("meta %v", f)
	}
	c.must(304, "GET", "/Users/"+id, "", "If-None-Match", got.header.Get("ETag"))
	missing := c.must(404, "GET", "/Users/"+id+"x", "")
	if missing.text("status") != "404" || !strings.Contains(missing.raw, errorURN) {
		t.Errorf("error %s", missing.raw)
	}
}

func TestCreateRefused(t *testing.T) {
	c := serve(t, Options{})
	c.user("Taken", "")
	tests := []struct {
		name, path, body string
		status           int
		kind             string
	}{
		{"no userName", "/Users", `{"schemas":["` + userURN + `"]}`, 400, "invalidValue"},
		{"empty userName", "/Users", `{"schemas":["` + userURN + `"],"userName":""}`, 400, "invalidValue"},
		{"no schemas", "/Users", `{"userName":"x"}`, 400, "invalidSyntax"},
		{"taken but for letter case", "/Users", `{"schemas":["` + userURN + `"],"userName":"tAKEN"}`, 409, "uniqueness"},
		{"wrong type", "/Users", `{"schemas":["` + userURN + `"],"userName":"x","active":"true"}`, 400, "invalidValue"},
		{"no array", "/Users", `{"schemas":["` + userURN + `"],"userName":"x","emails":{"value":"x"}}`, 400, "invalidValue"},
		{"no JSON", "/Users", `userName=x`, 400, "invalidSyntax"},
		{"group without a name", "/Groups", `{"schemas":["` + groupURN + `"]}`, 400, "invalidValue"},
		{"group with an unknown member", "/Groups", groupBody("g", "nobody"), 400, "invalidValue"},
		{"no such endpoint", "/Machines", `{}`, 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := c.do("POST", tt.path, tt.body); r.status != tt.status || r.text("scimType") != tt.kind {
				t.Errorf("%d %s, want %d %s", r.status, r.raw, tt.status, tt.kind)
			}
		})
	}
	if users, groups, _ := c.s.Len(); users != 1 || groups != 0 {
		t.Errorf("%d users, %d groups after refusals", users, groups)
	}
	c.must(415, "POST", "/Users", `{}`, "Content-Type", "text/plain")
	c.must(405, "DELETE", "/Users", "")
	c.must(405, "POST", "/Users/x", `{}`)
}

func TestPut(t *testing.T) {
	c := serve(t, Options{})
	id := c.user("alice", `,"title":"Boss","emails":[{"value":"a@example.com"}]`)
	r := c.must(200, "PUT", "/Users/"+id, `{"schemas":["`+userURN+`"],"id":"`+id+`","userName":"ALICE","nickName":"Al"}`)
	if diff := cmp.Diff(map[string]any{"userName": "ALICE", "nickName": "Al"}, core(r.flat())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.user("bob", "")
	if r := c.must(409, "PUT", "/Users/"+id, `{"schemas":["`+userURN+`"],"userName":"BOB"}`); r.text("scimType") != "uniqueness" {
		t.Error(r.raw)
	}
	c.must(400, "PUT", "/Users/"+id, `{"schemas":["`+userURN+`"],"id":"other","userName":"x"}`)
	c.must(404, "PUT", "/Users/nobody", `{"schemas":["`+userURN+`"],"userName":"x"}`)
	g := c.group("staff", id)
	c.must(400, "PUT", "/Groups/"+g, groupBody("people", "nobody"))
	if got := c.s.Members("staff"); !slices.Equal(got, []string{"ALICE"}) {
		t.Errorf("members after a refused PUT: %q", got)
	}
	c.must(200, "PUT", "/Groups/"+g, `{"schemas":["`+groupURN+`"],"displayName":"people"}`)
	if got := c.s.Members("people"); got == nil || len(got) != 0 {
		t.Errorf("members after a PUT without members: %q", got)
	}
}

func TestDelete(t *testing.T) {
	c := serve(t, Options{})
	id := c.user("alice", "")
	g := c.group("staff", id)
	if r := c.must(204, "DELETE", "/Users/"+id, ""); r.raw != "" {
		t.Errorf("body %q", r.raw)
	}
	c.must(404, "DELETE", "/Users/"+id, "")
	if r := c.must(200, "GET", "/Groups/"+g, ""); strings.Contains(r.raw, id) {
		t.Errorf("deleted user is still a member: %s", r.raw)
	}
	c.user("ALICE", "") // the name is free again
	c.must(204, "DELETE", "/Groups/"+g, "")
	c.must(404, "GET", "/Groups/"+g, "")
}

func TestPreconditions(t *testing.T) {
	c := serve(t, Options{})
	id := c.user("alice", "")
	old := c.must(200, "GET", "/Users/"+id, "").header.Get("ETag")
	c.must(200, "PATCH", "/Users/"+id, patchBody(`{"op":"add","path":"title","value":"x"}`), "If-Match", old)
	for _, tt := range []struct{ method, body string }{
		{"PATCH", patchBody(`{"op":"add","path":"title","value":"y"}`)},
		{"PUT", `{"schemas":["` + userURN + `"],"userName":"alice"}`},
		{"DELETE", ""},
	} {
		c.must(412, tt.method, "/Users/"+id, tt.body, "If-Match", old)
	}
	c.must(204, "DELETE", "/Users/"+id, "", "If-Match", "*")
}

func TestEscapedIDs(t *testing.T) {
	c := serve(t, Options{Quirks: Quirks{IDs: IDUserName}})
	name := "a/b c?d#e%f ü"
	c.user(name, "")
	if r := c.must(200, "GET", "/Users/"+url.PathEscape(name), ""); r.text("id") != name {
		t.Errorf("id %q, want %q", r.text("id"), name)
	}
	c.must(204, "DELETE", "/Users/"+url.PathEscape(name), "")
	if got := c.s.Counts()["DELETE /Users/{id}"]; got != 1 {
		t.Errorf("counts %v", c.s.Counts())
	}
}

func TestProjection(t *testing.T) {
	c := serve(t, Options{})
	id := c.user("alice", `,"title":"Boss","name":{"givenName":"A","familyName":"B"},"emails":[{"type":"work","value":"a@example.com"}],"`+enterpriseURN+`":{"department":"D","division":"V"}`)
	g := c.group("staff", id)
	ent := enterpriseURN + ":"
	keys := func(r result) []string {
		var out []string
		for k := range r.flat() {
			if !strings.HasPrefix(k, "schemas[") {
				out = append(out, k)
			}
		}
		slices.Sort(out)
		return out
	}
	tests := []struct {
		path string
		want []string
	}{
		{"/Users/" + id + "?attributes=userName", []string{"id", "userName"}},
		{"/Users/" + id + "?attributes=NAME.givenName,name.FamilyName,nosuch", []string{"id", "name.familyName", "name.givenName"}},
		{"/Users/" + id + "?attributes=emails.value", []string{"emails[0].value", "id"}},
		{"/Users/" + id + "?attributes=" + ent + "department", []string{"id", ent + "department"}},
		{"/Users/" + id + "?attributes=" + enterpriseURN, []string{"id", ent + "department", ent + "division"}},
		{"/Users/" + id + "?excludedAttributes=meta,groups,name,emails.type," + ent + "division,id", []string{"emails[0].value", "id", "title", ent + "department", "userName"}},
		{"/Users/" + id + "?attributes=userName,title&excludedAttributes=title", []string{"id", "userName"}},
		{"/Groups/" + g + "?excludedAttributes=members,meta", []string{"displayName", "id"}},
		{"/Groups/" + g + "?attributes=members.value", []string{"id", "members[0].value"}},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, keys(c.must(200, "GET", tt.path, ""))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if r := c.must(200, "GET", "/Users/"+id, ""); !strings.Contains(r.raw, `"display":"staff"`) || !strings.Contains(r.raw, `"division":"V"`) {
		t.Errorf("a projection changed what is stored: %s", r.raw)
	}
}

func TestPaging(t *testing.T) {
	c := serve(t, Options{MaxResults: 4, PageSize: 3, Cursors: true})
	var want []string
	for i := range 10 {
		want = append(want, c.user(fmt.Sprint("u", i), ""))
	}
	tests := []struct {
		query        string
		from, to     int
		start, total float64
	}{
		{"", 0, 3, 1, 10},
		{"?count=2", 0, 2, 1, 10},
		{"?count=100", 0, 4, 1, 10},
		{"?startIndex=9", 8, 10, 9, 10},
		{"?startIndex=11", 10, 10, 11, 10},
		{"?startIndex=0&count=1", 0, 1, 1, 10},
		{"?startIndex=-5&count=-5", 0, 0, 1, 10},
		{"?count=0", 0, 0, 1, 10},
		{"?startIndex=2&count=2&filter=userName+sw+%22u%22", 1, 3, 2, 10},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			r := c.must(200, "GET", "/Users"+tt.query, "")
			if !slices.Equal(r.ids(), want[tt.from:tt.to]) || r.doc["startIndex"] != tt.start || r.doc["totalResults"] != tt.total || r.doc["itemsPerPage"] != float64(tt.to-tt.from) {
				t.Errorf("%s", r.raw)
			}
		})
	}
	c.must(400, "GET", "/Users?startIndex=x", "")
	c.must(400, "GET", "/Users?count=x", "")
}

// TestCursor walks with a cursor (RFC 9865) while the list changes.
func TestCursor(t *testing.T) {
	c := serve(t, Options{MaxResults: 3, Cursors: true})
	var want, got []string
	for i := range 10 {
		want = append(want, c.user(fmt.Sprint("u", i), ""))
	}
	next := ""
	for first := true; first || next != ""; first = false {
		r := c.must(200, "GET", "/Users?cursor="+url.QueryEscape(next), "")
		got = append(got, r.ids()...)
		next = r.text("nextCursor")
		if first { // behind the cursor: must not shift what follows
			c.must(204, "DELETE", "/Users/"+want[0], "")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r := c.must(400, "GET", "/Users?cursor=nonsense", ""); r.text("scimType") != "invalidCursor" {
		t.Error(r.raw)
	}
}

func TestSort(t *testing.T) {
	c := people(t, Options{})
	for _, tt := range []struct{ query, want string }{
		{"sortBy=userName", `bjensen JSmith quo"te\ straße`},
		{"sortBy=userName&sortOrder=descending", `straße quo"te\ JSmith bjensen`},
		{"sortBy=name.familyName&sortOrder=descending&count=2", `JSmith bjensen`},
		{"sortBy=title&count=1", `bjensen`},
	} {
		r := c.must(200, "GET", "/Users?"+tt.query, "")
		var got []string
		for _, id := range r.ids() {
			u, _ := c.s.User(id)
			got = append(got, u.UserName)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.query, got, tt.want)
		}
	}
	c.must(400, "GET", "/Users?sortBy=nosuch", "")
	if got := c.s.Users()[0].UserName; got != "bjensen" {
		t.Errorf("sorting changed the order of the store: first is %s", got)
	}
}

func TestDiscovery(t *testing.T) {
	c := serve(t, Options{MaxResults: 50, BulkOperations: 10, Cursors: true, Auth: Auth{Bearer: "t"}})
	get := func(path string) result { t.Helper(); return c.must(200, "GET", path, "", "Authorization", "Bearer t") }
	f := get("/ServiceProviderConfig").flat()
	for path, want := range map[string]any{
		"patch.supported": true, "bulk.supported": true, "bulk.maxOperations": 10.0, "filter.supported": true, "filter.maxResults": 50.0,
		"sort.supported": true, "etag.supported": true, "changePassword.supported": false, "pagination.cursor": true,
	} {
		if f[path] != want {
			t.Errorf("%s = %v, want %v", path, f[path], want)
		}
	}
	schemas := get("/Schemas")
	if got := schemas.ids(); !slices.Equal(got, []string{userURN, enterpriseURN, groupURN}) {
		t.Errorf("schemas %v", got)
	}
	if r := get("/Schemas/" + userURN); r.text("name") != "User" || !strings.Contains(r.raw, `"uniqueness":"server"`) {
		t.Error(r.raw)
	}
	if got := get("/ResourceTypes").ids(); !slices.Equal(got, []string{"User", "Group"}) {
		t.Errorf("types %v", got)
	}
	if r := get("/ResourceTypes/User"); r.text("endpoint") != "/Users" {
		t.Error(r.raw)
	}
	c.must(http.StatusForbidden, "GET", "/Schemas?filter=id+pr", "", "Authorization", "Bearer t")
	c.must(404, "GET", "/Schemas/nosuch", "", "Authorization", "Bearer t")
	c.must(405, "DELETE", "/Schemas", "", "Authorization", "Bearer t")
	c.must(404, "GET", "/ServiceProviderConfigs", "", "Authorization", "Bearer t")
}

// TestDeletedLeaveNoTrace deletes most of a large list: paging and look-ups stay right, and
// the list does not keep the places of the dead.
func TestDeletedLeaveNoTrace(t *testing.T) {
	c := serve(t, Options{NoLog: true})
	var want []string
	for i := range 500 {
		id := c.s.AddUser(map[string]any{"userName": fmt.Sprint("u", i)})
		if i%5 == 0 {
			want = append(want, id)
			continue
		}
		if err := c.s.Remove(id); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.must(200, "GET", "/Users", "").ids(); !slices.Equal(got, want) {
		t.Errorf("%d users listed, want %d", len(got), len(want))
	}
	if kept := len(c.s.store.users.order); kept > 2*len(want) {
		t.Errorf("the list keeps %d places for %d users", kept, len(want))
	}
	for name, n := range map[string]int{"u495": 1, "u496": 0} {
		if _, found := c.names("/Users", `userName eq "`+name+`"`); len(found) != n {
			t.Errorf("%s: found %q", name, found)
		}
	}
}
