package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

func keys(v any) []string {
	var out []string
	for k := range v.(map[string]any) {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func sorted(list string) []string {
	out := strings.Fields(list)
	slices.Sort(out)
	return out
}

// The shapes are those of the public contract, name by name.
func TestShapes(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	cycle := r.cycle("", `{}`)
	provision := r.must(200, ask{method: "POST", path: jobPath + "/provision", body: `{"user":"u1"}`})
	log := r.must(200, ask{method: "GET", path: jobPath + "/logs"})
	job := r.must(200, ask{method: "GET", path: jobPath})
	const cycleKeys = "job cycle_id kind trigger dry_run status started_at ended_at users groups memberships escrowed " +
		"staged_deletions requests quarantined error"
	for name, test := range map[string]struct {
		got  any
		want string
	}{
		"cycle":      {cycle, cycleKeys},
		"counts":     {cycle["users"], "created updated disabled deleted unchanged skipped failed"},
		"members":    {cycle["memberships"], "added removed failed"},
		"job":        {job, "name source sink state interval next_cycle_at running last_cycle last_success_at links escrowed staged_deletions quarantine"},
		"last cycle": {job["last_cycle"], cycleKeys},
		"provision": {provision, "job change_id dry_run result action source_identity target_identity steps modified_properties " +
			"started_at ended_at error"},
		"step":   {provision["steps"].([]any)[0], "name status detail data"},
		"page":   {log, "records next_cursor"},
		"record": {log["records"].([]any)[1], "id time job cycle_id change_id trigger resource action status source_identity target_identity modified_properties duration_ms error"},
	} {
		if diff := cmp.Diff(sorted(test.want), keys(test.got)); diff != "" {
			t.Errorf("%s (-contract +answer):\n%s", name, diff)
		}
	}
}

// A cycle is answered for as soon as it runs, and then runs on its own.
func TestCycleRunsInTheBackground(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	gate := make(chan struct{})
	r.sink.Inject(scimtest.Fault{Method: "POST", Match: func(scimtest.Request) bool { <-gate; return false }})
	started := r.do(ask{method: "POST", path: jobPath + "/cycles", body: `{"full":true}`})
	first := started.object(t)
	if started.status != http.StatusAccepted || first["status"] != "running" || first["trigger"] != "api" || first["ended_at"] != nil {
		t.Fatalf("%d %s", started.status, started.body)
	}
	location := started.header.Get("Location")
	if location != jobPath+"/cycles/"+first["cycle_id"].(string) {
		t.Errorf("Location %q", location)
	}
	if c := r.must(200, ask{method: "GET", path: location}); c["status"] != "running" {
		t.Errorf("at its Location the cycle is %v", c["status"])
	}
	if j := r.must(200, ask{method: "GET", path: jobPath}); j["running"] != true {
		t.Errorf("the job does not run: %v", j)
	}
	second := r.must(409, ask{method: "POST", path: jobPath + "/cycles"})
	if !strings.Contains(second["detail"].(string), "already running") {
		t.Errorf("a second cycle was refused with %v", second)
	}
	r.must(409, ask{method: "POST", path: jobPath + "/restart"})
	r.must(200, ask{method: "POST", path: jobPath + "/restart", body: `{"escrows":true}`})
	close(gate)
	if c := r.ended("", location); c["status"] != "succeeded" || c["users"].(map[string]any)["created"] != 3.0 {
		t.Errorf("it ended %v", c)
	}
	if list := r.must(200, ask{method: "GET", path: jobPath + "/cycles?limit=5"})["cycles"].([]any); len(list) != 1 {
		t.Errorf("%d cycles", len(list))
	}
}

// A dry run has its plan where its Location says, writes nothing, and is no cycle of the job.
func TestDryRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	c := r.cycle("", `{"dry_run":true}`)
	var created []string
	for _, change := range c["plan"].([]any) {
		created = append(created, fmt.Sprint(change.(map[string]any)["action"], " ", change.(map[string]any)["source_id"]))
	}
	slices.Sort(created)
	if diff := cmp.Diff([]string{"create u1", "create u2", "create u3"}, created); diff != "" || c["dry_run"] != true {
		t.Errorf("plan (-want +got):\n%s\n%v", diff, c)
	}
	if n := r.sink.Counts().Writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
	if list := r.must(200, ask{method: "GET", path: jobPath + "/cycles"})["cycles"].([]any); len(list) != 0 {
		t.Errorf("a dry run stands among the cycles: %v", list)
	}
	p := r.must(200, ask{method: "POST", path: jobPath + "/provision", body: `{"user":"ada@example.com","dry_run":true}`})
	if p["action"] != "create" || p["dry_run"] != true || r.sink.Counts().Writes() != 0 {
		t.Errorf("provision: %v, %d writes", p, r.sink.Counts().Writes())
	}
}

// A job whose application refuses the credentials stops; it can be released, not resumed.
func TestQuarantineIsReleased(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	r.sink.Inject(scimtest.Fault{Status: http.StatusUnauthorized})
	if c := r.cycle("", `{}`); c["quarantined"] != true {
		t.Fatalf("the cycle ended %v", c)
	}
	job := r.must(200, ask{method: "GET", path: jobPath})
	if q, _ := job["quarantine"].(map[string]any); job["state"] != "quarantined" || q["reason"] != "credentials" || job["next_cycle_at"] != nil {
		t.Errorf("job: %v", job)
	}
	r.must(409, ask{method: "POST", path: jobPath + "/resume"})
	r.must(409, ask{method: "POST", path: jobPath + "/pause"})
	r.sink.ClearFaults()
	job = r.must(200, ask{method: "DELETE", path: jobPath + "/quarantine"})
	if job["state"] != "active" || job["quarantine"] != nil {
		t.Errorf("released: %v", job)
	}
	next, err := time.Parse(time.RFC3339, job["next_cycle_at"].(string))
	if err != nil || time.Until(next) > time.Second {
		t.Errorf("the next cycle of a released job is at %v", job["next_cycle_at"])
	}
	r.must(200, ask{method: "DELETE", path: jobPath + "/quarantine"}) // once more changes nothing
	if job = r.must(200, ask{method: "POST", path: jobPath + "/pause"}); job["state"] != "paused" {
		t.Errorf("paused: %v", job["state"])
	}
	if job = r.must(200, ask{method: "POST", path: jobPath + "/resume"}); job["state"] != "active" {
		t.Errorf("resumed: %v", job["state"])
	}
}

// Held deletions wait for a decision, which is for these alone.
func TestHeldDeletions(t *testing.T) {
	t.Parallel()
	for decision, left := range map[string]int{"approve": 1, "reject": 3} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{job: "    deprovision: {out_of_scope: delete, disabled: delete, deleted: delete, max_deletions: {count: 1, percent: 100}}\n"})
			r.cycle("", `{}`)
			r.people(people[:strings.Index(people, "u2,")])
			if c := r.cycle("", `{}`); c["status"] != "held" || c["staged_deletions"] != 2.0 {
				t.Fatalf("the cycle ended %v", c)
			}
			staged := r.must(200, ask{method: "GET", path: jobPath + "/staged-deletions"})["staged_deletions"].([]any)
			if len(staged) != 2 || staged[0].(map[string]any)["decision"] != "waiting" {
				t.Errorf("staged: %v", staged)
			}
			got := r.must(200, ask{method: "POST", path: jobPath + "/staged-deletions/" + decision})
			if got["count"] != 2.0 || got["decision"] != strings.TrimSuffix(decision, "e")+"ed" {
				t.Errorf("decided: %v", got)
			}
			r.cycle("", `{}`)
			if n := len(r.sink.Users()); n != left {
				t.Errorf("%d accounts are left, not %d", n, left)
			}
		})
	}
}

// A decision that names the set of an older list is refused, and leaves everything waiting.
func TestHeldDeletionsSet(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{"approve", "reject"} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{job: "    deprovision: {max_deletions: {count: 1, percent: 100}}\n"})
			path := jobPath + "/staged-deletions"
			set := func() string {
				t.Helper()
				name, _ := r.must(200, ask{method: "GET", path: path})["set"].(string)
				return `{"set":"` + name + `"}`
			}
			r.people(people + "u4,alan@example.com,Alan Turing,alan@example.com,true\n")
			r.cycle("", `{}`)
			r.people(people[:strings.Index(people, "u3,")])
			r.cycle("", `{}`)
			seen := set()
			r.people(people[:strings.Index(people, "u2,")])
			r.cycle("", `{}`)
			refused := r.must(409, ask{method: "POST", path: path + "/" + decision, body: seen})
			if detail := refused["detail"].(string); !strings.Contains(detail, "nothing was decided") {
				t.Errorf("refused: %s", detail)
			}
			r.must(422, ask{method: "POST", path: path + "/" + decision, body: `{"set":""}`})
			for _, d := range r.must(200, ask{method: "GET", path: path})["staged_deletions"].([]any) {
				if d.(map[string]any)["decision"] != "waiting" {
					t.Errorf("after a refusal: %v", d)
				}
			}
			grown := set()
			if got := r.must(200, ask{method: "POST", path: path + "/" + decision, body: grown}); got["count"] != 3.0 {
				t.Errorf("decided: %v", got)
			}
			audits := r.log.audits(t)
			if last := audits[len(audits)-1]; `{"set":"`+fmt.Sprint(last["set"])+`"}` != grown || last["count"] != 3.0 {
				t.Errorf("the audit record does not say on what: %v", last)
			}
			if after := r.must(200, ask{method: "GET", path: path}); after["set"] != nil {
				t.Errorf("nothing waits, and its set is %v", after["set"])
			}
		})
	}
}

// The log is read page by page, without a gap and without a repetition, while it grows.
func TestLogPages(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	csv := "id,userName\n"
	for i := range 25 {
		csv += fmt.Sprintf("n%d,n%d@example.com\n", i, i)
	}
	r.people(csv)
	r.cycle("", `{}`)
	seen := map[string]bool{}
	path := jobPath + "/logs?limit=10&action=create&since=1h"
	for pages, cursor := 1, ""; ; pages++ {
		page := r.must(200, ask{method: "GET", path: path + cursor})
		for _, rec := range page["records"].([]any) {
			id := rec.(map[string]any)["id"].(string)
			if seen[id] {
				t.Errorf("record %s came twice", id)
			}
			seen[id] = true
		}
		r.must(200, ask{method: "POST", path: jobPath + "/provision", body: fmt.Sprintf(`{"user":"n%d"}`, pages)})
		next, more := page["next_cursor"].(string)
		if !more {
			break
		}
		if cursor = "&cursor=" + next; pages > 5 {
			t.Fatal("the pages do not end")
		}
	}
	if len(seen) != 25 {
		t.Errorf("%d records of 25", len(seen))
	}
	empty := r.do(ask{method: "GET", path: jobPath + "/logs?since=2999-01-01T00:00:00Z"})
	var page struct {
		Records    *[]any
		NextCursor *string `json:"next_cursor"`
	}
	if err := json.Unmarshal(empty.body, &page); err != nil || page.Records == nil || page.NextCursor != nil {
		t.Errorf("an empty page is %s", empty.body)
	}
}

// Why somebody has an account is told with what the source says now, or else with what it
// said last. Nobody in the application hears of it.
func TestExplain(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	r.people(people + "u4,ada2@example.com,Ada King,ada@example.com,true\n")
	r.cycle("", `{}`)
	requests := r.sink.Counts().Total()
	path := jobPath + "/explain?user="
	x := r.must(200, ask{method: "GET", path: path + "grace@example.com"})
	if x["live"] != true || x["presence"] != "active" || x["link"].(map[string]any)["account"] != "enabled" || x["escrow"] != nil {
		t.Errorf("explained: %v", x)
	}
	want := sorted("job job_state verdict source_identity live source_error presence scope link last_change escrow staged_deletion memberships")
	if diff := cmp.Diff(want, keys(x)); diff != "" {
		t.Errorf("explanation (-command line +answer):\n%s", diff)
	}
	r.must(404, ask{method: "GET", path: path + "nobody@example.com"})
	r.must(404, ask{method: "GET", path: jobPath + "/explain?group=g1"})
	if several := r.must(422, ask{method: "GET", path: path + "ada@example.com"}); !strings.Contains(fmt.Sprint(several["errors"]), "query.user") {
		t.Errorf("an ambiguous name: %v", several)
	}
	r.people("no table")
	x = r.must(200, ask{method: "GET", path: path + "u2"})
	if x["live"] != false || x["source_error"] == nil || x["link"] == nil {
		t.Errorf("without a source: %v", x)
	}
	if silent := r.must(503, ask{method: "GET", path: path + "nobody@example.com"}); silent["detail"] == "" {
		t.Errorf("without a source, of somebody unknown: %v", silent)
	}
	if n := r.sink.Counts().Total() - requests; n != 0 {
		t.Errorf("%d requests to the application", n)
	}
}

// Escrow is listed with what went wrong.
func TestEscrows(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	r.sink.Inject(scimtest.Fault{Method: "POST", Path: "/Users", Times: 1, Status: http.StatusBadRequest})
	if c := r.cycle("", `{}`); c["status"] != "partial" {
		t.Fatalf("the cycle ended %v", c)
	}
	list := r.must(200, ask{method: "GET", path: jobPath + "/escrows"})["escrows"].([]any)
	if len(list) != 1 {
		t.Fatalf("escrow: %v", list)
	}
	want := sorted("resource source_id display_name attempts first_failed_at next_attempt_at error")
	if diff := cmp.Diff(want, keys(list[0])); diff != "" {
		t.Errorf("escrow (-contract +answer):\n%s", diff)
	}
}

// The log is searched by any name of a person: one that is known, one that several have,
// and one whose object is gone and is taken for an id.
func TestLogIdentity(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	r.people(people + "u4,ada2@example.com,Ada King,ada@example.com,true\n")
	r.cycle("", `{}`)
	count := func(identity string) int {
		t.Helper()
		return len(r.must(200, ask{method: "GET", path: jobPath + "/logs?identity=" + identity})["records"].([]any))
	}
	if n := count("GRACE@example.com"); n != 1 {
		t.Errorf("%d records by user name", n)
	}
	if n := count("u9"); n != 0 {
		t.Errorf("%d records of an id that nobody has", n)
	}
	both := r.must(422, ask{method: "GET", path: jobPath + "/logs?identity=ada@example.com"})
	if detail := fmt.Sprint(both["errors"]); !strings.Contains(detail, "u1, u4") {
		t.Errorf("an ambiguous name is answered with %s", detail)
	}
}
