package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// fate is something that happened to somebody, and what comes of provisioning them.
type fate struct {
	name    string
	happens func(r *rig) // after a first cycle with the rig's people
	user    string
	want    provisioned
}

// provisioned is what an answer says.
type provisioned struct {
	Result, Action, Code string
	// Failed is the step that failed first.
	Failed string
	// Account is the person's in the application: "", "active" or "disabled".
	Account string
}

// fates are those of the people of a job whose scope is everybody but guests.
func fates() []fate {
	const ada = "u1,ada@example.com,Ada Lovelace,ada@example.com,true\n"
	becomes := func(row string) func(*rig) {
		return func(r *rig) { r.people(strings.Replace(people, ada, row, 1)) }
	}
	hire := func(name string) func(*rig) {
		return func(r *rig) { r.people(people + "u9,new@example.com," + name + ",new@example.com,true\n") }
	}
	refuse := func(f scimtest.Fault) func(*rig) {
		return func(r *rig) {
			hire("New Person")(r)
			r.sink.Inject(f)
		}
	}
	notPatch := func(q scimtest.Request) bool { return q.Method != http.MethodPatch } // those are of the cycle beside it
	return []fate{
		{"new", hire("New Person"), "new@example.com", provisioned{"success", "create", "", "", "active"}},
		{"changed", becomes("u1,ada@example.com,Ada King,ada@example.com,true\n"), "u1", provisioned{"success", "update", "", "", "active"}},
		{"equal", func(*rig) {}, "ADA@example.com", provisioned{"skipped", "none", "", "", "active"}},
		{"disabled", becomes("u1,ada@example.com,Ada Lovelace,ada@example.com,false\n"), "u1", provisioned{"success", "disable", "", "", "disabled"}},
		{"deleted", becomes(""), "u1", provisioned{"success", "disable", "", "", "disabled"}},
		{"out of scope", becomes("u1,ada@example.com,Guest,ada@example.com,true\n"), "u1", provisioned{"success", "disable", "", "", "disabled"}},
		{"never in scope", hire("Guest"), "new@example.com", provisioned{"skipped", "none", "", "", ""}},
		{"ambiguous match", func(r *rig) {
			hire("New Person")(r)
			r.sink.AddUser(map[string]any{"userName": "new@example.com", "active": true})
			r.sink.AddUser(map[string]any{"userName": "new@example.com", "active": true})
		}, "u9", provisioned{"failure", "create", "ambiguous_match", "match", "active"}},
		{"sink 400", refuse(scimtest.Fault{Method: "POST", Status: 400}), "u9", provisioned{"failure", "create", "rejected", "act", ""}},
		{"sink 401", refuse(scimtest.Fault{Match: notPatch, Status: 401}), "u9", provisioned{"failure", "create", "credentials", "connect", ""}},
		{"unknown", func(*rig) {}, "nobody@example.com", provisioned{"failure", "none", "unknown_reference", "import", ""}},
	}
}

// conditions are what a job may be in meanwhile. What they return ends it.
func conditions() map[string]func(*rig) (end func()) {
	return map[string]func(*rig) func(){
		"healthy":        func(*rig) func() { return func() {} },
		"quarantined":    (*rig).quarantined,
		"during a cycle": (*rig).busy,
	}
}

// quarantined puts the job into quarantine, where it has to stay.
func (r *rig) quarantined() (end func()) {
	r.sink.Inject(scimtest.Fault{Status: http.StatusUnauthorized})
	r.people(strings.Replace(people, "Joan", "Jane", 1))
	r.cycle("", `{}`)
	r.sink.ClearFaults()
	r.people(people)
	return func() {
		if job := r.must(200, ask{method: "GET", path: jobPath}); job["state"] != "quarantined" {
			r.t.Errorf("the job is %v", job["state"])
		}
	}
}

// busy holds a cycle up in the middle of a request.
func (r *rig) busy() (end func()) {
	r.sink.ResetCounts()
	r.sink.Inject(scimtest.Fault{Method: http.MethodPatch, Times: 1, DelayBefore: 500 * time.Millisecond})
	r.people(strings.Replace(people, "Joan", "Jane", 1))
	location := r.started("", `{}`)
	for until := time.Now().Add(10 * time.Second); r.sink.Counts().Of(http.MethodPatch) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			r.t.Fatal("the cycle sends nothing")
		}
	}
	r.people(people)
	return func() { r.ended("", location) }
}

// Whatever happened to somebody, provisioning them on demand says how it went, in every
// state of the job.
func TestProvision(t *testing.T) {
	t.Parallel()
	doc := loadDocument(t)
	for condition, begin := range conditions() {
		for _, f := range fates() {
			t.Run(condition+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, setup{job: "    scope: {users: 'user.displayName != \"Guest\"'}\n"})
				r.cycle("", `{}`)
				end := begin(r)
				f.happens(r)
				got := r.do(ask{method: "POST", path: jobPath + "/provision", body: `{"user":"` + f.user + `"}`})
				for _, o := range doc.operations(t) {
					if o.id == "provision" {
						doc.verify(t, o, got)
					}
				}
				if diff := cmp.Diff(f.want, r.provisioned(got, f.user)); got.status != http.StatusOK || diff != "" {
					t.Errorf("%d (-want +got):\n%s\n%s", got.status, diff, got.body)
				}
				r.logged(got, f.want)
				end()
			})
		}
	}
}

// provisioned reads an answer, and looks for the person's account.
func (r *rig) provisioned(got answer, user string) provisioned {
	r.t.Helper()
	var p struct {
		Result, Action string
		Steps          []struct{ Name, Status string }
		Error          struct{ Code string }
	}
	if err := json.Unmarshal(got.body, &p); err != nil {
		r.t.Fatal(err)
	}
	out := provisioned{Result: p.Result, Action: p.Action, Code: p.Error.Code}
	for _, s := range p.Steps {
		if s.Status == "failure" && out.Failed == "" {
			out.Failed = s.Name
		}
	}
	name := map[string]string{"u1": "ada@example.com", "u9": "new@example.com"}[user]
	if name == "" {
		name = strings.ToLower(user)
	}
	for _, u := range r.sink.UsersNamed(name) {
		if out.Account = "disabled"; u.Active {
			out.Account = "active"
		}
	}
	return out
}

// logged demands the one record of the change, as made over the API.
func (r *rig) logged(got answer, want provisioned) {
	r.t.Helper()
	r.sink.ClearFaults()
	id := got.object(r.t)["change_id"]
	n := 0
	for _, rec := range r.must(200, ask{method: "GET", path: jobPath + "/logs"})["records"].([]any) {
		rec := rec.(map[string]any)
		if rec["change_id"] == id {
			n++
			if rec["status"] != want.Result || rec["action"] != want.Action || rec["trigger"] != "api" {
				r.t.Errorf("logged: %v %v by %v", rec["status"], rec["action"], rec["trigger"])
			}
		}
	}
	if n != 1 {
		r.t.Errorf("%d records of the change", n)
	}
}
