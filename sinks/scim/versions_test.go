package scim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// meddle changes an account just before the application sees each of a number of requests
// with that method: another client is quicker.
func meddle(t *testing.T, srv *scimtest.Server, method string, times int) {
	srv.Inject(scimtest.Fault{Method: method, Match: func(r scimtest.Request) bool {
		id, ok := strings.CutPrefix(r.Path, "/Users/")
		if ok && times > 0 {
			times--
			if err := srv.Edit(id, "nickName", strings.Repeat("x", times+1)); err != nil {
				t.Error(err)
			}
		}
		return false
	}})
}

// TestVersions is what writes with a version cost and do: an account is made, changed with
// the version of its creation, and changed again with the version of the first change.
func TestVersions(t *testing.T) {
	t.Parallel()
	put := scim.UpdatePut
	title := sinks.Attribute{Path: "title", Value: "Director"}
	phone := sinks.Attribute{Path: `phoneNumbers[type eq "mobile"].value`, Value: "1"}
	tests := map[string]struct {
		setup  setup
		change sinks.Attribute
		method string // before which somebody else changes the account
		times  int    // how often that happens
		want   []string
		sent   []bool // whether each write had If-Match
		class  sinks.Class
	}{
		"undisturbed":          {setup{}, title, "", 0, []string{"PATCH 200", "PATCH 200"}, []bool{true, true}, 0},
		"in several steps":     {setup{}, phone, "", 0, []string{"PATCH 400", "GET 200", "PATCH 200", "PATCH 200"}, []bool{true, true, true}, 0},
		"in steps, unrefused":  {quirk(scimtest.Quirks{AbsentValue: scimtest.Ignore}), phone, "", 0, []string{"PATCH 200", "PATCH 200", "PATCH 200"}, []bool{true, true, true}, 0},
		"strong":               {quirk(scimtest.Quirks{ETagStrong: true}), title, "", 0, []string{"PATCH 200", "PATCH 200"}, []bool{true, true}, 0},
		"in meta":              {quirk(scimtest.Quirks{ETagInMetaOnly: true}), title, "", 0, []string{"PATCH 200", "PATCH 200"}, []bool{true, true}, 0},
		"204 with a version":   {quirk(scimtest.Quirks{PatchUserNoContent: true}), title, "", 0, []string{"PATCH 204", "PATCH 204"}, []bool{true, true}, 0},
		"204 without":          {quirk(scimtest.Quirks{PatchUserNoContent: true, NoContentNoETag: true}), title, "", 0, []string{"PATCH 204", "PATCH 204"}, []bool{true, false}, 0},
		"none":                 {quirk(scimtest.Quirks{NoETag: true}), title, "", 0, []string{"PATCH 200", "PATCH 200"}, []bool{false, false}, 0},
		"told, not announced":  {quirk(scimtest.Quirks{ConfigDenies: []string{"etag"}}), title, "", 0, []string{"PATCH 200", "PATCH 200"}, []bool{false, false}, 0},
		"wrong at first":       {quirk(scimtest.Quirks{IfMatchFails: scimtest.First}), title, "", 0, []string{"PATCH 412", "GET 200", "PATCH 200", "PATCH 200"}, []bool{true, true, true}, 0},
		"always wrong":         {quirk(scimtest.Quirks{IfMatchFails: scimtest.Precondition}), title, "", 0, []string{"PATCH 412", "GET 200", "PATCH 412", "GET 200", "PATCH 200", "PATCH 200"}, []bool{true, true, false, false}, 0},
		"overtaken":            {setup{}, title, "PATCH", 1, []string{"PATCH 412", "GET 200", "PATCH 200", "PATCH 200"}, []bool{true, true, true}, 0},
		"overtaken twice":      {setup{}, title, "PATCH", 2, []string{"PATCH 412", "GET 200", "PATCH 412", "GET 200"}, []bool{true, true}, sinks.Throttled},
		"switched off":         {setup{}.with(scim.Override{IfMatch: new(scim.IfMatchNever)}), title, "PATCH", 1, []string{"PATCH 200", "PATCH 200"}, []bool{false, false}, 0},
		"PUT":                  {setup{}.with(scim.Override{UserUpdate: &put}), title, "", 0, []string{"GET 200", "PUT 200", "GET 200", "PUT 200"}, []bool{true, true}, 0},
		"PUT, overtaken":       {setup{}.with(scim.Override{UserUpdate: &put}), title, "PUT", 1, []string{"GET 200", "PUT 412", "GET 200", "PUT 200", "GET 200", "PUT 200"}, []bool{true, true, true}, 0},
		"PUT, overtaken twice": {setup{}.with(scim.Override{UserUpdate: &put}), title, "PUT", 2, []string{"GET 200", "PUT 412", "GET 200", "PUT 412", "GET 200"}, []bool{true, true}, sinks.Throttled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := tt.setup.start(t)
			receipt, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: "ada"}}})
			if err != nil {
				t.Fatal(err)
			}
			if name == "told, not announced" { // as a cycle does that lists the application
				if _, err := sink.List(t.Context(), sinks.Query{Resource: sinks.User}, ""); err != nil {
					t.Fatal(err)
				}
			}
			id := receipt.ID
			if tt.times > 0 {
				meddle(t, srv, tt.method, tt.times)
			}
			for _, change := range []sinks.Attribute{tt.change, {Path: "title", Value: "Chief"}} {
				op := sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: id, Version: receipt.Version, Attributes: []sinks.Attribute{change}}
				if receipt, err = sink.Do(t.Context(), op); err != nil {
					break
				}
			}
			if got := sinks.ClassOf(err); got != tt.class || tt.class != 0 && !strings.Contains(err.Error(), "somebody else changed") {
				t.Errorf("class %s, want %s: %v", got, tt.class, err)
			}
			if diff := cmp.Diff(tt.want, exchange(srv, id)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.sent, conditional(srv)); diff != "" {
				t.Errorf("If-Match (-want +got):\n%s", diff)
			}
			u, _ := srv.User(string(id))
			title, nick := any("Chief"), any(nil)
			if tt.class != 0 {
				title = nil
			}
			if tt.times > 0 {
				nick = "x"
			}
			if diff := cmp.Diff([]any{title, nick}, []any{u.Values["title"], u.Values["nickName"]}); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
		})
	}
}

// conditional says of each change whether it carried a version.
func conditional(srv *scimtest.Server) []bool {
	var out []bool
	for _, r := range srv.Requests() {
		if r.Method == http.MethodPatch || r.Method == http.MethodPut || r.Method == http.MethodDelete {
			out = append(out, r.Header.Get("If-Match") != "")
		}
	}
	return out
}

// TestVersionsOfDeletions: what somebody else has changed is deleted all the same, and
// what somebody else has deleted is gone.
func TestVersionsOfDeletions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		meddle func(srv *scimtest.Server, id string) error
		want   []string
		gone   bool
	}{
		"changed": {func(srv *scimtest.Server, id string) error { return srv.Edit(id, "title", "x") }, []string{"DELETE 412", "GET 200", "DELETE 204"}, false},
		"deleted": {(*scimtest.Server).Remove, []string{"DELETE 404", "GET 404"}, true},
		"changed, then deleted": {func(srv *scimtest.Server, id string) error {
			srv.Inject(scimtest.Fault{Method: http.MethodGet, Path: "/Users/{id}", Match: func(scimtest.Request) bool { return srv.Remove(id) != nil }})
			return srv.Edit(id, "title", "x")
		}, []string{"DELETE 412", "GET 404"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := setup{}.start(t)
			made, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: "ada"}}})
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.meddle(srv, string(made.ID)); err != nil {
				t.Fatal(err)
			}
			receipt, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: made.ID, Version: made.Version})
			if err != nil || receipt.Gone != tt.gone {
				t.Errorf("%+v, %v; want gone %t", receipt, err, tt.gone)
			}
			if diff := cmp.Diff(tt.want, exchange(srv, made.ID)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestVersionsThatWereRead: a PATCH that was made to fit what was read a moment ago depends
// on that version, though none was known before.
func TestVersionsThatWereRead(t *testing.T) {
	t.Parallel()
	srv, sink := setup{}.start(t)
	id := populate(srv)
	if err := update(sinks.User, sinks.Attribute{Path: `phoneNumbers[type eq "mobile"].value`, Value: "1"})(t, srv, sink, id); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]bool{false, true}, conditional(srv)); diff != "" {
		t.Errorf("If-Match (-want +got):\n%s", diff)
	}
}

// TestVersionsThatCantBeSent: a version that is no header value is none; an update that
// sends nothing keeps the version it was given.
func TestVersionsThatCantBeSent(t *testing.T) {
	t.Parallel()
	srv, sink := setup{}.start(t)
	srv.Inject(scimtest.Fault{Method: http.MethodPost, Status: 201, Body: `{"id":"1","meta":{"version":"a\nb"}}`})
	made, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: "ada"}}})
	if err != nil || made.Version != "" {
		t.Errorf("%+v, %v", made, err)
	}
	same, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: "1", Version: `W/"7"`})
	if err != nil || same.Version != `W/"7"` {
		t.Errorf("%+v, %v", same, err)
	}
}

// TestVersionsInBulk: operations of a bulk request carry versions, too. One that somebody
// else was quicker than goes alone.
func TestVersionsInBulk(t *testing.T) {
	t.Parallel()
	srv, sink := setup{options: scimtest.Options{BulkOperations: 10}}.start(t)
	var ops []sinks.Op
	for _, name := range []string{"a", "b", "c"} {
		ops = append(ops, sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: name}}})
	}
	made := sink.DoAll(t.Context(), ops)
	for i := range ops {
		ops[i] = sinks.Op{
			Action: sinks.Update, Resource: sinks.User, ID: made[i].Receipt.ID, Version: made[i].Receipt.Version,
			Attributes: []sinks.Attribute{{Path: "title", Value: "x"}},
		}
	}
	if err := srv.Edit(string(ops[1].ID), "nickName", "theirs"); err != nil {
		t.Fatal(err)
	}
	srv.ResetCounts()
	for i, r := range sink.DoAll(t.Context(), ops) {
		u, _ := srv.User(string(ops[i].ID))
		if r.Err != nil || r.Receipt.Version == "" || r.Receipt.Version == ops[i].Version || u.Values["title"] != "x" {
			t.Errorf("op %d: %+v, %v", i, r, u.Values)
		}
	}
	if diff := cmp.Diff([]string{"PATCH 412", "GET 200", "PATCH 200"}, exchange(srv, ops[1].ID)); diff != "" {
		t.Errorf("requests for the one that was overtaken (-want +got):\n%s", diff)
	}
	if n := srv.Counts()["POST /Bulk"]; n != 1 {
		t.Errorf("%d bulk requests", n)
	}
}
