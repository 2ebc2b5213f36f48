package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/cmd/internal/api"
)

// operation is one route of the document.
type operation struct {
	id, method, path, role string
	spec                   map[string]any
}

// operations returns every route of the document, in a fixed order.
func (d document) operations(t *testing.T) []operation {
	t.Helper()
	var out []operation
	for path, methods := range d.at("paths").(map[string]any) {
		for method, spec := range methods.(map[string]any) {
			s := spec.(map[string]any)
			out = append(out, operation{
				id: s["operationId"].(string), method: strings.ToUpper(method), path: path, role: s["x-role"].(string), spec: s,
			})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	if len(out) < 15 {
		t.Fatalf("the document has %d operations alone", len(out))
	}
	return out
}

// concrete is the operation's path for a job and a cycle.
func (o operation) concrete(job, cycle string) string {
	return strings.NewReplacer("{job}", job, "{cycle_id}", cycle).Replace(o.path)
}

// verify holds an answer against the document.
func (d document) verify(t *testing.T, o operation, got answer) {
	t.Helper()
	response, ok := document(o.spec).at("responses", fmt.Sprint(got.status)).(map[string]any)
	if !ok {
		t.Errorf("%s: the document has no answer %d: %s", o.id, got.status, got.body)
		return
	}
	content := got.header.Get("Content-Type")
	want := "application/json"
	if got.status >= 400 {
		want = "application/problem+json"
	}
	if content != want {
		t.Errorf("%s: Content-Type %q with %d", o.id, content, got.status)
	}
	schema, ok := document(response).at("content", content, "schema").(map[string]any)
	if !ok {
		t.Errorf("%s: the document has no schema of %d", o.id, got.status)
		return
	}
	var body any
	if err := json.Unmarshal(got.body, &body); err != nil {
		t.Errorf("%s: %v", o.id, err)
		return
	}
	for _, bad := range d.check(o.id, schema, body) {
		t.Errorf("%d: %s", got.status, bad)
	}
	if problem, _ := body.(map[string]any); got.status >= 400 &&
		(problem["status"] != float64(got.status) || problem["title"] == nil || problem["detail"] == nil) {
		t.Errorf("%s: not a whole problem document: %s", o.id, got.body)
	}
	for header, value := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
		if got.header.Get(header) != value {
			t.Errorf("%s: %s is %q", o.id, header, got.header.Get(header))
		}
	}
	if got.header.Get("X-Request-Id") == "" {
		t.Errorf("%s: no request id", o.id)
	}
}

// good is the body of a request that succeeds; operations without one need none.
var good = map[string]string{
	"run-cycle":   `{"dry_run":true}`,
	"provision":   `{"user":"ada@example.com"}`,
	"restart-job": `{"escrows":true}`,
}

// query is what a request that succeeds asks for.
var query = map[string]string{"explain": "?user=ada@example.com"}

// wants says what an operation answers to a caller.
func (o operation) wants(caller string) int {
	rank := []string{"viewer", "operator", "admin"}
	have := slices.Index(rank, caller)
	switch {
	case have < 0:
		return http.StatusUnauthorized
	case have < slices.Index(rank, o.role):
		return http.StatusForbidden
	case o.id == "run-cycle":
		return http.StatusAccepted
	default:
		return http.StatusOK
	}
}

// Every route answers every kind of caller as the document says.
func TestRoles(t *testing.T) {
	t.Parallel()
	doc := loadDocument(t)
	for _, o := range doc.operations(t) {
		t.Run(o.id, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{tokens: true})
			cycle := r.cycle("admin", `{}`)["cycle_id"].(string)
			for _, caller := range []string{"", "nobody", "late", "viewer", "operator", "admin"} {
				got := r.do(ask{as: caller, method: o.method, path: o.concrete("hr-to-wiki", cycle) + query[o.id], body: good[o.id]})
				if want := o.wants(caller); got.status != want {
					t.Errorf("%q: %d, not %d: %s", caller, got.status, want, got.body)
				}
				doc.verify(t, o, got)
				challenge := got.header.Get("WWW-Authenticate")
				if (got.status == http.StatusUnauthorized || got.status == http.StatusForbidden) != strings.HasPrefix(challenge, "Bearer ") {
					t.Errorf("%q: %d with WWW-Authenticate %q", caller, got.status, challenge)
				}
			}
			if o.id == "run-cycle" {
				r.cycle("admin", `{"dry_run":true}`) // the others have ended too, once this one has
			}
		})
	}
}

// badInput is a request that can't succeed.
type badInput struct {
	name  string
	ask   ask
	wants int
}

// badInputs derives bad requests from what the document says of an operation.
func badInputs(o operation) []badInput {
	good := ask{as: "admin", method: o.method, path: o.concrete("hr-to-wiki", "none"), body: good[o.id]}
	with := func(change func(*ask)) ask {
		a := good
		change(&a)
		return a
	}
	out := []badInput{{"unknown query parameter", with(func(a *ask) { a.path += "?nonsense=1" }), 422}}
	if strings.Contains(o.path, "{job}") {
		out = append(out, badInput{"unknown job", with(func(a *ask) { a.path = o.concrete("no-such-job", "none") }), 404})
		out = append(out, badInput{"endless job", with(func(a *ask) { a.path = o.concrete(strings.Repeat("j", 300), "none") }), 422})
	}
	if strings.Contains(o.path, "{cycle_id}") {
		out = append(out, badInput{"unknown cycle", good, 404})
	}
	if o.id == "explain" {
		for name, query := range map[string]string{"nobody": "", "both": "?user=u1&group=g1", "empty": "?user="} {
			out = append(out, badInput{name, with(func(a *ask) { a.path += query }), 422})
		}
		out = append(out, badInput{"unknown user", with(func(a *ask) { a.path += "?user=u9" }), 404})
	}
	for _, p := range o.params("query") {
		for _, value := range badValues(p) {
			out = append(out, badInput{fmt.Sprintf("%s=%.20s", p["name"], value), with(func(a *ask) { a.path += "?" + p["name"].(string) + "=" + value }), 422})
		}
	}
	if _, ok := o.spec["requestBody"]; ok {
		out = append(out, badBodies(o, with)...)
	}
	return out
}

func badBodies(o operation, with func(func(*ask)) ask) []badInput {
	body := func(text string) ask { return with(func(a *ask) { a.body = text }) }
	out := []badInput{
		{"no JSON", body(`{"`), 400},
		{"two values", body(`{} {}`), 400},
		{"unknown field", body(`{"nonsense":true}`), 422},
		{"wrong case", body(`{"DRY_RUN":true,"FULL":true,"Watermark":true}`), 422},
		{"a list", body(`[]`), 422},
		{"wrong type", body(`{"dry_run":"yes","watermark":"yes"}`), 422},
		{"too large", body(`{"user":"` + strings.Repeat("a", 70_000) + `"}`), 413},
		{"not JSON at all", with(func(a *ask) { a.header = map[string]string{"Content-Type": "text/plain"}; a.body = "{}" }), 415},
		{"a form", with(func(a *ask) {
			a.header = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
			a.body = "dry_run=true"
		}), 415},
	}
	if o.id == "provision" {
		out = append(out, badInput{"empty", body(`{}`), 422}, badInput{"none", body(``), 400},
			badInput{"both", body(`{"user":"a","group":"b"}`), 422}, badInput{"members of a user", body(`{"user":"a","members":["b"]}`), 422})
	}
	return out
}

func (o operation) params(in string) []map[string]any {
	var out []map[string]any
	list, _ := o.spec["parameters"].([]any)
	for _, p := range list {
		if p := p.(map[string]any); p["in"] == in {
			out = append(out, p)
		}
	}
	return out
}

// badValues are values that a parameter may not have.
func badValues(p map[string]any) []string {
	schema := p["schema"].(map[string]any)
	var out []string
	if schema["type"] == "integer" {
		out = append(out, "many", "1.5", fmt.Sprint(schema["minimum"].(float64)-1), fmt.Sprint(schema["maximum"].(float64)+1))
	}
	if schema["enum"] != nil {
		out = append(out, "nonsense")
	}
	if n, ok := schema["maxLength"].(float64); ok {
		out = append(out, strings.Repeat("a", int(n)+1))
	}
	switch p["name"] {
	case "since":
		out = append(out, "yesterday", "-1h")
	case "cursor":
		out = append(out, "1", "c2VxIA", "c2VxIC0x")
	}
	return out
}

// Every route answers bad input with a problem document, and does nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	doc := loadDocument(t)
	r := newRig(t, setup{tokens: true})
	before := r.must(http.StatusOK, ask{as: "admin", method: "GET", path: jobPath})
	for _, o := range doc.operations(t) {
		for _, bad := range badInputs(o) {
			got := r.do(bad.ask)
			if got.status != bad.wants {
				t.Errorf("%s, %s: %d, not %d: %s", o.id, bad.name, got.status, bad.wants, got.body)
			}
			doc.verify(t, o, got)
		}
	}
	after := r.must(http.StatusOK, ask{as: "admin", method: "GET", path: jobPath})
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("bad input changed the job:\n%v\n%v", before, after)
	}
	if n := r.sink.Counts().Total(); n != 0 {
		t.Errorf("bad input led to %d requests to the application", n)
	}
}

// What has no route is a problem document as well, and needs a token like all else.
func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{tokens: true})
	for _, test := range []struct {
		ask   ask
		wants int
		allow string
	}{
		{ask{as: "viewer", method: "GET", path: api.Prefix}, 404, ""},
		{ask{as: "viewer", method: "GET", path: "/api/v2/jobs"}, 404, ""},
		{ask{as: "viewer", method: "GET", path: jobPath + "/nonsense"}, 404, ""},
		{ask{method: "GET", path: jobPath + "/nonsense"}, 401, ""},
		{ask{as: "viewer", method: "PUT", path: jobPath}, 405, "GET, HEAD"},
		{ask{as: "viewer", method: "PATCH", path: jobPath + "/pause"}, 405, "POST"},
		{ask{as: "viewer", method: "POST", path: jobPath + "/quarantine"}, 405, "DELETE"},
		{ask{as: "viewer", method: "DELETE", path: api.Prefix + "/openapi.json"}, 405, "GET, HEAD"},
	} {
		got := r.do(test.ask)
		if got.status != test.wants || got.header.Get("Allow") != test.allow {
			t.Errorf("%s %s: %d Allow %q, not %d %q", test.ask.method, test.ask.path, got.status, got.header.Get("Allow"), test.wants, test.allow)
		}
		if ct := got.header.Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s %s: Content-Type %q", test.ask.method, test.ask.path, ct)
		}
		if problem := got.object(t); problem["status"] != float64(test.wants) || problem["detail"] == "" {
			t.Errorf("%s %s: %s", test.ask.method, test.ask.path, got.body)
		}
	}
}
