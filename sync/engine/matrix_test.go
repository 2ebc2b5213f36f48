package engine_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/transport"
)

// patience is the time-out of one request here, and sloth longer than that.
const (
	patience = 120 * time.Millisecond
	sloth    = 300 * time.Millisecond
)

// sinkFaults are the ways an app fails, by name.
func sinkFaults() map[string]scimtest.Fault {
	return map[string]scimtest.Fault{
		"500":                           {Status: 500},
		"500 after the effect":          {Status: 500, Effect: true},
		"502 after the effect":          {Status: 502, Effect: true, ContentType: "text/html", Body: "<html>"},
		"503":                           {Status: 503},
		"503 with seconds":              scimtest.RetryAfter(503, "1"),
		"503 with a date":               scimtest.RetryAfter(503, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)),
		"429 with seconds":              scimtest.RetryAfter(429, "1"),
		"429 with nothing":              {Status: 429},
		"time-out before the effect":    {DelayBefore: sloth},
		"time-out after the effect":     {DelayAfter: sloth},
		"dropped before the effect":     {DropBefore: true},
		"dropped after the effect":      {DropAfter: true},
		"404 with a web page":           scimtest.WebPage404(),
		"409 without a match":           {Status: 409},
		"409 with a match":              {Status: 409, Effect: true},
		"400":                           {Status: 400},
		"403":                           {Status: 403},
		"412":                           {Status: 412},
		"success that changed nothing":  {NoEffect: true},
		"success without an id":         {NoID: true},
		"success with half of its body": {CutBody: 10},
	}
}

// TestSinkMatrix: whatever an app answers to the first request of a kind, or to all of
// them for a whole cycle, on servers with and without unique names: in the end every
// person has one account with the right values, every group its members, and until then
// it has none or is in escrow. Never two.
func TestSinkMatrix(t *testing.T) {
	for _, method := range []string{"POST", "PATCH", "DELETE", "GET"} {
		for name, fault := range sinkFaults() {
			for _, unique := range []bool{true, false} {
				for _, times := range []int{1, 0} {
					t.Run(fmt.Sprintf("%s/%s/unique %t/times %d", method, name, unique, times), func(t *testing.T) {
						t.Parallel()
						fault := fault // each case has its own
						fault.Method, fault.Times = method, times
						sinkCase(t, fault, unique)
					})
				}
			}
		}
	}
}

func sinkCase(t *testing.T, fault scimtest.Fault, unique bool) {
	t.Helper()
	way := &process{}
	way.start()
	r := newRig(t, options{
		app:     scimtest.Options{Quirks: scimtest.Quirks{UserNameNotUnique: !unique, GroupNameUnique: unique, MemberAddAgain: appendUnless(unique)}},
		policy:  func(p *plan.Policy) { p.Deleted, p.MaxCount, p.MaxPercent = plan.Delete, 1000, 100 },
		clients: func(http.RoundTripper) http.RoundTripper { return way },
	})
	r.fill(4)
	r.dir.PutGroup(group(1, 0, 1))
	if fault.Method == "PATCH" || fault.Method == "DELETE" {
		r.run("succeeded", engine.Request{})
	}
	r.dir.PutUser(user(0, "title", "Director"))
	r.dir.PutGroup(group(1, 0, 1, 2))
	r.dir.PutGroup(group(2, 3))
	r.dir.RemoveUser("u3", sources.RemovedHard)
	r.app.Inject(fault)
	_, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual"})
	must(t, err)
	r.onePerPerson(t, "after the fault")
	r.app.ClearFaults()
	way.start()        // another process, which has no memory of what the app could bear
	for i := range 3 { // the first goes by what was acknowledged, the others look
		r.now = r.now.Add(13 * time.Hour)
		_, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual", Reconcile: i > 0})
		must(t, err)
		r.onePerPerson(t, "later")
	}
	r.run("succeeded", engine.Request{Reconcile: true})
	equal(t, "writes", r.app.Counts().Writes(), 0)
	r.settled(t, fault.NoEffect && fault.Method == "DELETE")
}

// process is the way to the app, as the program has it, with little patience.
type process struct{ http.RoundTripper }

func (p *process) start() {
	p.RoundTripper = transport.Client(transport.Options{
		Peer: transport.Sink, Name: "app", Timeout: patience, MaxWait: 150 * time.Millisecond,
	}).Transport
}

func appendUnless(unique bool) scimtest.Behaviour {
	if unique {
		return 0
	}
	return scimtest.Append
}

// onePerPerson demands that nobody has two accounts, and no group is there twice.
func (r *rig) onePerPerson(t *testing.T, when string) {
	t.Helper()
	seen := map[string]int{}
	for _, u := range r.app.Users() {
		seen[u.ExternalID]++
	}
	for _, g := range r.app.Groups() {
		seen[g.ExternalID]++
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("%s: %s is there %d times", when, id, n)
		}
	}
	for _, g := range r.app.Groups() {
		if in := slices.Compact(slices.Sorted(slices.Values(g.Members))); len(in) != len(g.Members) {
			t.Errorf("%s: somebody is in %s twice", when, g.ExternalID)
		}
	}
}

// settled demands that the app holds what the directory holds. A deletion that the app
// only claimed to have carried out can't be seen by us but as an account that nobody
// manages.
func (r *rig) settled(t *testing.T, ghost bool) {
	t.Helper()
	got := []string{}
	for _, u := range r.app.Users() {
		if u.ExternalID != "u3" || !ghost {
			got = append(got, fmt.Sprint(u.ExternalID, " ", u.Active, " ", u.Values["title"]))
		}
	}
	slices.Sort(got)
	equal(t, "accounts", strings.Join(got, "\n"), "u0 true Director\nu1 true Engineer\nu2 true Engineer")
	equal(t, "members", r.members(1), []string{"u0", "u1", "u2"})
	if m := r.members(2); len(m) > 1 || len(m) == 1 && !ghost {
		t.Errorf("members of group 2: %v", m)
	}
}
