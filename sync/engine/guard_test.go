package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// TestGuard: by count, by percent, and the floor below which a percentage says nothing.
func TestGuard(t *testing.T) {
	for name, c := range map[string]struct {
		guard               engine.Guard
		deletions, accounts int
		want                bool
	}{
		"none":                      {engine.Guard{MaxCount: 500, MaxPercent: 20}, 0, 0, true},
		"few":                       {engine.Guard{MaxCount: 500, MaxPercent: 20}, 20, 100, true},
		"one percent too many":      {engine.Guard{MaxCount: 500, MaxPercent: 20}, 21, 100, false},
		"one too many":              {engine.Guard{MaxCount: 500, MaxPercent: 20}, 501, 1_000_000, false},
		"as many as may":            {engine.Guard{MaxCount: 500, MaxPercent: 20}, 500, 1_000_000, true},
		"two of a small directory":  {engine.Guard{MaxCount: 500, MaxPercent: 20}, 2, 2, true},
		"three of a small one":      {engine.Guard{MaxCount: 500, MaxPercent: 20}, 3, 3, false},
		"no count":                  {engine.Guard{MaxCount: 0, MaxPercent: 100}, 1, 100, false},
		"no percent":                {engine.Guard{MaxCount: 500, MaxPercent: 0}, 1, 100, false},
		"switched off by hundreds":  {engine.Guard{MaxCount: 1 << 30, MaxPercent: 100}, 100, 100, true},
		"nobody is enabled anymore": {engine.Guard{MaxCount: 500, MaxPercent: 20}, 5, 0, false},
	} {
		if got := c.guard.Passes(c.deletions, c.accounts); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

// TestUsersAndGroupsApart: many users who leave hold back no group, and the other way
// round.
func TestUsersAndGroupsApart(t *testing.T) {
	for _, many := range []sinks.Resource{sinks.User, sinks.Group} {
		t.Run(many.String(), func(t *testing.T) {
			r := newRig(t, options{})
			r.fill(20)
			for i := range 10 {
				r.dir.PutGroup(group(i, 19))
			}
			r.run("succeeded", engine.Request{})
			users, groups := 8, 1
			if many == sinks.Group {
				users, groups = 1, 8
			}
			r.leave(0, users)
			for i := range groups {
				r.dir.RemoveGroup(group(i).ID)
			}
			c := r.run("held", engine.Request{})
			equal(t, "staged", c.StagedDeletions, 8)
			equal(t, "disabled and deleted", c.Users.Disabled+c.Groups.Deleted, 1)
		})
	}
}

// leave removes users i … j-1 from the directory.
func (r *rig) leave(i, j int) {
	for ; i < j; i++ {
		r.dir.RemoveUser(user(i).ID, sources.RemovedHard)
	}
}

func (r *rig) decide(d state.Decision) int {
	r.t.Helper()
	j, err := r.store.Job(r.t.Context(), r.job.Name)
	must(r.t, err)
	n, err := r.store.Decide(r.t.Context(), j.ID, state.Ruling{Decision: d})
	must(r.t, err)
	return n
}

// disabled are the users whose accounts are not active, by their ids.
func (r *rig) disabled() []string {
	out := []string{}
	for _, u := range r.app.Users() {
		if !u.Active {
			out = append(out, u.ExternalID)
		}
	}
	slices.Sort(out)
	return out
}

// TestApproval covers the set that was held, and not who leaves later.
func TestApproval(t *testing.T) {
	r := newRig(t, options{})
	r.fill(20)
	r.run("succeeded", engine.Request{})
	r.leave(0, 6)
	r.run("held", engine.Request{})
	equal(t, "approved", r.decide(state.Approved), 6)
	r.leave(10, 15)
	c := r.run("held", engine.Request{})
	equal(t, "disabled", r.disabled(), []string{"u0", "u1", "u2", "u3", "u4", "u5"})
	equal(t, "staged", c.StagedDeletions, 5)
}

// TestApprovalRunsOut: after three days it is asked again.
func TestApprovalRunsOut(t *testing.T) {
	r := newRig(t, options{})
	r.fill(20)
	r.run("succeeded", engine.Request{})
	r.leave(0, 6)
	r.run("held", engine.Request{})
	r.decide(state.Approved)
	r.now = r.now.Add(state.ApprovalTTL + time.Hour)
	r.run("held", engine.Request{})
	equal(t, "disabled", r.disabled(), []string{})
}

// newHeldRig returns a rig in which six of twenty disables are held.
func newHeldRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, options{})
	r.fill(20)
	r.run("succeeded", engine.Request{})
	for i := range 6 {
		r.dir.PutUser(user(i, "active", false))
	}
	r.run("held", engine.Request{})
	return r
}

// TestRejection: what was rejected stays, however many cycles run, until the source says
// something else.
func TestRejection(t *testing.T) {
	r := newHeldRig(t)
	equal(t, "rejected", r.decide(state.Denied), 6)
	r.run("succeeded", engine.Request{})
	r.run("succeeded", engine.Request{Full: true, AllowDeletions: true})
	equal(t, "disabled", r.disabled(), []string{})
	r.leave(0, 1) // for another reason
	r.run("succeeded", engine.Request{})
	equal(t, "disabled", r.disabled(), []string{"u0"})
}

// TestApprovedAndBack: who is back before an approved deletion was carried out keeps the
// account.
func TestApprovedAndBack(t *testing.T) {
	r := newRig(t, options{})
	r.fill(20)
	r.run("succeeded", engine.Request{})
	r.leave(0, 6)
	r.run("held", engine.Request{})
	r.decide(state.Approved)
	r.dir.PutUser(user(3))
	r.run("succeeded", engine.Request{})
	equal(t, "disabled", r.disabled(), []string{"u0", "u1", "u2", "u4", "u5"})
}

// TestAdoptedThenDisabledCounts: accounts that are found for people who should have none
// are disabled, and the guard counts them.
func TestAdoptedThenDisabledCounts(t *testing.T) {
	r := newRig(t, options{})
	r.fill(10)
	for i := 10; i < 16; i++ {
		r.dir.PutUser(user(i, "active", false))
		r.app.AddUser(map[string]any{"userName": user(i).UserName, "externalId": string(user(i).ID), "active": true})
	}
	c := r.run("held", engine.Request{})
	equal(t, "staged", c.StagedDeletions, 6)
	equal(t, "disabled", r.disabled(), []string{})
	r.run("succeeded", engine.Request{AllowDeletions: true})
	equal(t, "disabled", len(r.disabled()), 6)
	equal(t, "accounts", len(r.app.Users()), 16)
}

// TestApprovedWaitsForACompleteRead: even what was approved is not carried out in a cycle
// that could not read the source to its end.
func TestApprovedWaitsForACompleteRead(t *testing.T) {
	r := newHeldRig(t)
	r.decide(state.Approved)
	for i := range 6 {
		r.dir.PutUser(user(i, "active", false, "title", "Former"))
	}
	for i := 20; i < 100; i++ {
		r.dir.PutUser(user(i))
	}
	r.dir.FailRead(2, &sources.Error{Class: sources.Transient, Op: "test"})
	r.run("failed", engine.Request{})
	equal(t, "disabled", r.disabled(), []string{})
	r.run("succeeded", engine.Request{})
	equal(t, "disabled", len(r.disabled()), 6)
}

// final is an app whose disabled accounts can't be enabled again.
type final struct{ engine.Sink }

func (f final) Limits() sinks.Limits {
	l := f.Sink.Limits()
	l.DisableIsFinal = true
	return l
}

// TestFinalDisableIsADeletion: people are told what they approve.
func TestFinalDisableIsADeletion(t *testing.T) {
	r := newRig(t, options{})
	r.job.Sink = final{r.job.Sink}
	r.fill(20)
	r.run("succeeded", engine.Request{})
	r.leave(0, 6)
	r.run("held", engine.Request{})
	j, err := r.store.Job(t.Context(), r.job.Name)
	must(t, err)
	staged, err := r.store.StagedDeletions(t.Context(), j.ID)
	must(t, err)
	for _, s := range staged {
		equal(t, "action", s.Action, "delete")
	}
	r.decide(state.Approved)
	r.run("succeeded", engine.Request{})
	equal(t, "disabled", len(r.disabled()), 6)
}

// TestDeprovisioning goes through policy × cause, and back again: the person returns to
// the same account and the same groups where there is one still.
func TestDeprovisioning(t *testing.T) {
	causes := map[string]struct {
		policy func(*plan.Policy, plan.Deprovision)
		leave  func(*rig)
	}{
		"out of scope": {func(p *plan.Policy, d plan.Deprovision) { p.OutOfScope = d }, func(r *rig) { r.dir.PutUser(user(1, "department", "Sales")) }},
		"disabled":     {func(p *plan.Policy, d plan.Deprovision) { p.Disabled = d }, func(r *rig) { r.dir.PutUser(user(1, "active", false)) }},
		"deleted":      {func(p *plan.Policy, d plan.Deprovision) { p.Deleted = d }, func(r *rig) { r.leave(1, 2) }},
	}
	for cause, c := range causes {
		for _, policy := range []plan.Deprovision{plan.Disable, plan.Delete, plan.Keep} {
			t.Run(cause+"/"+policy.String(), func(t *testing.T) {
				r := newRig(t, options{scope: salesOnly, policy: func(p *plan.Policy) { c.policy(p, policy) }})
				r.fill(10)
				r.dir.PutGroup(group(1, 1, 2))
				r.run("succeeded", engine.Request{})
				id := r.account(1).ID
				c.leave(r)
				r.run("succeeded", engine.Request{})
				a := r.account(1)
				switch policy {
				case plan.Disable:
					equal(t, "active", a.Active, false)
				case plan.Delete:
					equal(t, "deleted", a == nil, true)
				default:
					equal(t, "active", a.Active, true)
				}
				r.dir.PutUser(user(1))
				r.dir.PutGroup(group(1, 1, 2))
				r.run("succeeded", engine.Request{})
				equal(t, "active again", r.account(1).Active, true)
				equal(t, "same account", r.account(1).ID == id, policy != plan.Delete)
				equal(t, "members", r.members(1), []string{"u1", "u2"})
			})
		}
	}
}

// TestLinkOutlivesScope: somebody disabled on leaving the scope is deleted when the
// directory deletes them.
func TestLinkOutlivesScope(t *testing.T) {
	r := newRig(t, options{scope: salesOnly, policy: func(p *plan.Policy) { p.Deleted = plan.Delete }})
	r.fill(5)
	r.run("succeeded", engine.Request{})
	r.dir.PutUser(user(1, "department", "Sales"))
	r.run("succeeded", engine.Request{})
	equal(t, "disabled", r.disabled(), []string{"u1"})
	r.dir.RemoveUser("u1", sources.RemovedSoft)
	r.run("succeeded", engine.Request{})
	equal(t, "disabled", r.disabled(), []string{"u1"}) // it may come back still
	r.leave(1, 2)
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", len(r.app.Users()), 4)
}

// TestDeleteAfter: a disabled account is deleted when its time is over, and not when the
// person is back before.
func TestDeleteAfter(t *testing.T) {
	r := newRig(t, options{policy: func(p *plan.Policy) { p.DeleteAfter = 30 * 24 * time.Hour }})
	r.fill(10)
	r.run("succeeded", engine.Request{})
	r.dir.PutUser(user(1, "active", false))
	r.dir.PutUser(user(2, "active", false))
	r.run("succeeded", engine.Request{})
	r.now = r.now.Add(29 * 24 * time.Hour)
	r.dir.PutUser(user(2))
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", len(r.app.Users()), 10)
	r.now = r.now.Add(25 * time.Hour)
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", len(r.app.Users()), 9)
	equal(t, "deleted", r.account(1) == nil, true)
	equal(t, "back", r.account(2).Active, true)
}

// TestDeleteAfterObservedDisable: an account that somebody disabled in the app before the
// person left is counted from the cycle that would have disabled it.
func TestDeleteAfterObservedDisable(t *testing.T) {
	r := newRig(t, options{policy: func(p *plan.Policy) { p.DeleteAfter = 30 * 24 * time.Hour }})
	r.fill(10)
	r.run("succeeded", engine.Request{})
	must(t, r.app.Edit(r.account(1).ID, "active", false))
	r.dir.PutUser(user(1, "active", false))
	c := r.run("succeeded", engine.Request{Reconcile: true})
	equal(t, "disabled by us", c.Users.Disabled, 0)
	r.now = r.now.Add(29 * 24 * time.Hour)
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", len(r.app.Users()), 10)
	r.now = r.now.Add(25 * time.Hour)
	r.run("succeeded", engine.Request{})
	equal(t, "deleted", r.account(1) == nil, true)
}
