package scim_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// bulkOps creates 25 accounts, one of them with a taken name, changes two, adds an entry
// that is absent, deletes one that exists and one that doesn't, and fills a group.
func bulkOps(id func(int) sinks.ID, group sinks.ID) []sinks.Op {
	var ops []sinks.Op
	for i := range 24 {
		ops = append(ops, sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: fmt.Sprintf("bulk%02d", i)}}})
	}
	attr := func(path string, v any) []sinks.Attribute { return []sinks.Attribute{{Path: path, Value: v}} }
	return append(ops,
		sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: attr("userName", "UA")},
		sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: id(1), Attributes: attr("active", false)},
		sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: id(2), Attributes: attr(`phoneNumbers[type eq "mobile"].value`, "1")},
		sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: "nobody", Attributes: attr("title", "x")},
		sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: id(3)},
		sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: "nobody"},
		sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: group, AddMembers: []sinks.ID{id(200)}, RemoveMembers: []sinks.ID{id(4)}},
	)
}

// TestDoAll: the results and what the application holds are the same with bulk, without
// it, and when it is broken in any way but a lie; only the number of requests differs.
func TestDoAll(t *testing.T) {
	t.Parallel()
	bulk := scimtest.Options{BulkOperations: 10}
	broken := func(b scimtest.Behaviour) setup {
		return setup{options: scimtest.Options{BulkOperations: 10, Quirks: scimtest.Quirks{BulkBroken: b}}}
	}
	tests := map[string]struct {
		setup setup
		posts int // requests to /Bulk
	}{
		"bulk":           {setup{options: bulk}, 3},
		"none":           {setup{}, 0},
		"off":            {setup{options: bulk}.with(scim.Override{NoBulk: new(true)}), 0},
		"small requests": {setup{options: scimtest.Options{BulkOperations: 10, BulkPayload: 1000}}, 7},
		"claimed only":   {quirk(scimtest.Quirks{ConfigClaims: []string{"bulk"}}), 0},
		"answered 501":   {broken(scimtest.NotImplemented), 1},
		"web page":       {broken(scimtest.HTML), 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := tt.setup.start(t)
			id := populate(srv)
			ops := bulkOps(id, sinks.ID(srv.Groups()[0].ID))
			results := sink.DoAll(t.Context(), ops)
			for i, r := range results {
				want := sinks.Class(0)
				switch i {
				case 24:
					want = sinks.Conflict
				case 27:
					want = sinks.Missing
				}
				if got := sinks.ClassOf(r.Err); got != want || i < 24 && r.Receipt.ID == "" || r.Receipt.Gone != (i == 29) {
					t.Errorf("op %d: %+v, want class %s", i, r, want)
				}
			}
			if n := len(srv.Users()); n != 250+24-1 {
				t.Errorf("%d accounts, want 273", n)
			}
			u, _ := srv.User(string(id(2)))
			if diff := cmp.Diff("1", u.Values[`phoneNumbers[type eq "mobile"].value`]); diff != "" {
				t.Errorf("phone: %s", diff)
			}
			if u, _ = srv.User(string(id(1))); u.Active {
				t.Error("still active")
			}
			if n := len(srv.Groups()[0].Members); n != 119 { // one in, one out, one deleted
				t.Errorf("%d members, want 119", n)
			}
			if n := srv.Counts()["POST /Bulk"]; n != tt.posts {
				t.Errorf("%d bulk requests, want %d: %v", n, tt.posts, srv.Counts())
			}
		})
	}
}

// TestBulkLies: success without effect leaves every outcome unclear; nothing is called
// done, and bulk is not used again.
func TestBulkLies(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]scimtest.Fault{
		"no effect": {Path: "/Bulk", Method: http.MethodPost, NoEffect: true},
		"fails":     {Path: "/Bulk", Method: http.MethodPost, Status: 500},
	} {
		srv, sink := setup{options: scimtest.Options{BulkOperations: 100}}.start(t)
		id := populate(srv)
		srv.Inject(fault)
		ops := bulkOps(id, sinks.ID(srv.Groups()[0].ID))[:20]
		for i, r := range sink.DoAll(t.Context(), ops) {
			if sinks.ClassOf(r.Err) != sinks.Unclear {
				t.Errorf("%s: op %d: %+v", name, i, r)
			}
		}
		if n := sink.BulkSize(t.Context()); n != 0 {
			t.Errorf("%s: bulk is still used, %d at once", name, n)
		}
		for i, r := range sink.DoAll(t.Context(), ops) {
			if r.Err != nil {
				t.Errorf("%s: op %d alone: %v", name, i, r.Err)
			}
		}
	}
}

// anonymous takes the bulkIds out of answers.
type anonymous struct{ next http.RoundTripper }

var bulkIDs = regexp.MustCompile(`"bulkId":"[^"]*",?`)

func (a anonymous) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, "/Bulk") {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = bulkIDs.ReplaceAll(body, nil)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// TestBulkWithoutIDs: a server that does not give bulkIds back answers in order.
func TestBulkWithoutIDs(t *testing.T) {
	t.Parallel()
	srv := scimtest.New(scimtest.Options{BulkOperations: 100})
	sink, err := scim.New(scim.Config{BaseURL: srv.Start(t), Auth: scim.Auth{Type: "bearer", Token: token}}, &http.Client{Transport: anonymous{http.DefaultTransport}}, discard())
	if err != nil {
		t.Fatal(err)
	}
	id := populate(srv)
	ops := bulkOps(id, sinks.ID(srv.Groups()[0].ID))[:24]
	for i, r := range sink.DoAll(t.Context(), ops) {
		u, _ := srv.User(string(r.Receipt.ID))
		if r.Err != nil || u.UserName != ops[i].Attributes[0].Value {
			t.Errorf("op %d: %+v is %q", i, r, u.UserName)
		}
	}
}
