package scim

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
)

// FuzzList: whatever a server sends as a list, the result is an error or distinct objects
// with ids, and the list is never called complete while its own total says otherwise.
func FuzzList(f *testing.F) {
	for _, s := range []string{
		`{"totalResults":1,"Resources":[{"id":"1"}]}`, `{"totalResults":"2","Resources":[{"id":1},{"id":"1"}]}`, `{"totalResults":0}`,
		`{"Resources":[{}]}`, `{"Resources":[null]}`, `{"totalResults":-1}`, `{"totalResults":1e99}`, `[]`, ``, `null`, `<html>`, `{"totalResults":0,"Resources":null,"nextCursor":"x"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		req := request{method: http.MethodGet, resource: sinks.User}
		l, err := readList(req, &answer{op: req.op(), status: 200, body: []byte(body)}, true)
		if err != nil {
			if c := sinks.ClassOf(err); c != sinks.Incompatible {
				t.Fatalf("class %s", c)
			}
			return
		}
		for _, paging := range []Paging{PageByIndex, PageByCursor, PageNone} {
			w := newWalk()
			w.paging, w.next = paging, 1
			fresh, done, err := w.add(req, list{total: l.total, cursor: l.cursor, resources: append([]*document(nil), l.resources...)})
			if err != nil {
				continue
			}
			seen := map[sinks.ID]bool{}
			for _, r := range fresh {
				if r.id() == "" || seen[r.id()] {
					t.Fatalf("id %q twice or empty", r.id())
				}
				seen[r.id()] = true
			}
			if done && l.total >= 0 && len(fresh) != l.total {
				t.Fatalf("%s: %d objects called complete, the total is %d", paging, len(fresh), l.total)
			}
		}
	})
}

// FuzzFault: whatever an error body holds, it becomes one short line, and only a SCIM
// error proves that an object is missing.
func FuzzFault(f *testing.F) {
	for _, s := range []string{
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404","detail":"gone"}`, `{"status":404,"detail":"x"}`, `{"message":"Not Found"}`,
		`{"Errors":[{"description":"x","code":"404"}]}`, `{"error":{"message":"x"}}`, `<html>`, ``, `null`, "\x00\x1b[31m", `{"schemas":"x","status":{}}`,
	} {
		f.Add(s)
	}
	s := &Sink{profile: rfc7644()}
	f.Fuzz(func(t *testing.T, body string) {
		req := request{method: http.MethodGet, resource: sinks.User, id: "1"}
		e := s.refusal(req, &answer{op: req.op(), status: http.StatusNotFound, body: []byte(body)})
		if strings.ContainsAny(e.Error(), "\r\n\x00\x1b") || len([]rune(e.Message)) > 520 {
			t.Errorf("message %q", e.Message)
		}
		if e.Class == sinks.Missing && !strings.Contains(strings.ToLower(body), "status") && !strings.Contains(strings.ToLower(body), ":error") {
			t.Errorf("%q proves that the object is missing", body)
		}
		if e.Hint == "" {
			t.Error("no advice")
		}
	})
}

// FuzzPatch: any path and value give either an error before anything is sent, or one JSON
// document whose operations are complete.
func FuzzPatch(f *testing.F) {
	f.Add("userName", "ada", false)
	f.Add(`emails[type eq "work"].value`, `a"b\c`, true)
	f.Add(schemaEnterprise+":manager", "😀", false)
	f.Add("members", "\xff", true)
	f.Add("title", strings.Repeat("\xe0", 5000), false) // more than one read of the body
	var sent []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	f.Cleanup(srv.Close)
	sink, err := New(Config{BaseURL: srv.URL, Auth: Auth{Type: "bearer", Token: "t"}}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, attribute, value string, clearing bool) {
		sent = nil
		op := sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: "1", Attributes: []sinks.Attribute{{Path: attribute, Value: value}}}
		if clearing {
			op.Attributes[0].Value = nil
		}
		if _, err := sink.Do(context.Background(), op); err != nil {
			if CheckPath(attribute) == nil || sent != nil {
				t.Fatalf("%q: %v, sent %q", attribute, err, sent)
			}
			return
		}
		var body struct {
			Schemas    []string
			Operations []operation
		}
		if err := json.Unmarshal(sent, &body); err != nil || len(body.Operations) != 1 || len(body.Schemas) != 1 {
			t.Fatalf("%q: %v: %s", attribute, err, sent)
		}
		o := body.Operations[0]
		if _, err := parsePath(o.Path); err != nil || (o.Op == "remove") != (o.Value == nil) {
			t.Fatalf("%q: operation %+v: %v", attribute, o, err)
		}
	})
}
