package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/engine"
)

// staff fills the directory with people and groups of 40 members.
func (r *rig) staff(people, groups int) {
	r.fill(people)
	for g := range groups {
		var members []int
		for i := range 40 {
			members = append(members, (g*7+i)%people)
		}
		r.dir.PutGroup(group(g, members...))
	}
}

// equalsStaff demands that the app holds what staff made, each once.
func (r *rig) equalsStaff(people, groups int) {
	r.t.Helper()
	users, gs, memberships := r.app.Len()
	equal(r.t, "accounts, groups, memberships", []int{users, gs, memberships}, []int{people, groups, groups * 40})
	seen := map[string]int{}
	for _, u := range r.app.Users() {
		seen[u.ExternalID]++
		if u.Values["title"] != "Engineer" || !u.Active {
			r.t.Errorf("%s: %v", u.ExternalID, u.Values)
		}
	}
	for i := range people {
		equal(r.t, "accounts of one person", seen[fmt.Sprintf("u%d", i)], 1)
	}
	for g := range groups {
		equal(r.t, "members", len(r.members(g)), 40)
	}
}

// TestBulkRequests counts what an app with /Bulk is asked: hardly more requests than fit
// the changes, and none for a few of them.
func TestBulkRequests(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{app: scimtest.Options{BulkOperations: 100, Latency: 5 * time.Millisecond}})
	r.staff(1000, 100)
	r.run("succeeded", engine.Request{})
	r.equalsStaff(1000, 100)
	counts := r.app.Counts()
	// Ten and one at least; a batch may leave early where the machine is slow.
	if n := counts["POST /Bulk"]; n < 11 || n > 40 {
		t.Errorf("%d bulk requests for 1000 users and 100 groups: %v", n, counts)
	}
	if n := counts.Writes() - counts["POST /Bulk"]; n > 20 {
		t.Errorf("%d single writes: %v", n, counts)
	}
	r.dir.PutUser(user(3, "title", "Director"))
	r.run("succeeded", engine.Request{})
	equal(t, "one change", fmt.Sprint(r.app.Counts()), "map[PATCH /Users/{id}:1]")
	r.run("succeeded", engine.Request{})
	equal(t, "nothing", r.app.Counts().Total(), 0)
}

// TestBulkUnasked: a process that has a few changes to send does not ask for /Bulk first.
func TestBulkUnasked(t *testing.T) {
	t.Parallel()
	app := scimtest.Options{BulkOperations: 100}
	r := newRig(t, options{app: app})
	r.staff(50, 0)
	r.run("succeeded", engine.Request{})
	again := *r.job
	sink, err := scim.New(scim.Config{BaseURL: r.url, Auth: bearer()}, nil, nil)
	must(t, err)
	again.Sink = sink
	r.job = &again
	r.dir.PutUser(user(3, "title", "Director"))
	r.run("succeeded", engine.Request{})
	equal(t, "requests of a new process", fmt.Sprint(r.app.Counts()), "map[PATCH /Users/{id}:1]")
}

// TestBulkOff: the override keeps from /Bulk.
func TestBulkOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{app: scimtest.Options{BulkOperations: 100}, sink: scim.Config{Override: scim.Override{NoBulk: new(true)}}})
	r.staff(100, 0)
	r.run("succeeded", engine.Request{})
	equal(t, "bulk requests", r.app.Counts()["POST /Bulk"], 0)
	r.equalsStaff(100, 0)
}

// TestBulkCut kills connections in bulk requests, before and after their effect, on apps
// with and without unique names: nobody gets two accounts, and in the end everybody has
// one.
func TestBulkCut(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]scimtest.Fault{
		"before the effect": {DropBefore: true}, "after the effect": {DropAfter: true}, "half an answer": {CutBody: 300},
		"every second": {DropAfter: true, Match: everySecond()},
	} {
		for _, unique := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/unique %t", name, unique), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, options{app: scimtest.Options{
					BulkOperations: 50, Quirks: scimtest.Quirks{UserNameNotUnique: !unique, GroupNameUnique: unique, MemberAddAgain: appendUnless(unique)},
				}})
				r.staff(300, 60)
				fault.Path, fault.Times = "/Bulk", 3
				hit := r.app.Inject(fault)
				_, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual"})
				must(t, err)
				if hit() == 0 {
					t.Fatal("no bulk request was hit")
				}
				r.onePerPerson(t, "after the cut")
				r.app.ClearFaults()
				r.now = r.now.Add(13 * time.Hour)
				r.run("succeeded", engine.Request{})
				r.equalsStaff(300, 60)
				r.run("succeeded", engine.Request{})
				equal(t, "requests when all is done", r.app.Counts().Total(), 0)
			})
		}
	}
}

func everySecond() func(scimtest.Request) bool {
	n := 0
	return func(scimtest.Request) bool { n++; return n%2 == 0 }
}

// TestBulkBroken: an app whose /Bulk is broken in any way ends up right by single requests.
func TestBulkBroken(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]scimtest.Behaviour{
		"refused": scimtest.Refuse, "fails": scimtest.Fail, "answers 501": scimtest.NotImplemented,
		"web page": scimtest.HTML, "lies": scimtest.Ignore,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{app: scimtest.Options{BulkOperations: 50, Quirks: scimtest.Quirks{BulkBroken: b, UserNameNotUnique: true}}})
			r.staff(200, 30)
			_, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual"})
			must(t, err)
			if n := r.app.Counts()["POST /Bulk"]; n < 1 || n > 3 {
				t.Errorf("%d bulk requests, want as many as were under way when the first failed", n)
			}
			r.now = r.now.Add(13 * time.Hour)
			r.run("succeeded", engine.Request{})
			r.equalsStaff(200, 30)
		})
	}
}
