package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// causes are the ways in which a user's account can be unwanted, with the policy that
// decides.
func causes() map[string]struct {
	facts  plan.Facts
	policy func(*plan.Policy, plan.Deprovision)
} {
	type cause = struct {
		facts  plan.Facts
		policy func(*plan.Policy, plan.Deprovision)
	}
	return map[string]cause{
		plan.OutOfScope: {plan.Facts{Presence: plan.Active}, func(p *plan.Policy, d plan.Deprovision) { p.OutOfScope = d }},
		plan.NotActive:  {plan.Facts{Presence: plan.Disabled, InScope: true}, func(p *plan.Policy, d plan.Deprovision) { p.Disabled = d }},
		plan.Deleted:    {plan.Facts{Presence: plan.Gone, InScope: true}, func(p *plan.Policy, d plan.Deprovision) { p.Deleted = d }},
	}
}

// TestTruthTable goes through every cell of the table of Object: cause × policy × what
// there is.
func TestTruthTable(t *testing.T) {
	type cell struct{ unlinked, enabled, blocked plan.Kind }
	want := map[plan.Deprovision]cell{
		plan.Disable: {plan.Look, plan.StepDisable, plan.Skip},
		plan.Delete:  {plan.Look, plan.StepDelete, plan.StepDelete},
		plan.Keep:    {plan.Skip, plan.Skip, plan.Skip},
	}
	for reason, c := range causes() {
		for policy, cells := range want {
			p := plan.Default()
			p.OutOfScope, p.Disabled, p.Deleted = plan.Keep, plan.Keep, plan.Keep
			c.policy(&p, policy)
			if reason == plan.Deleted {
				cells.unlinked = plan.Skip // nobody is looked for who is gone
			}
			if reason == plan.NotActive && policy == plan.Disable {
				cells.blocked = plan.Nothing // in scope still: attributes are kept equal
			}
			for account, kind := range map[plan.Account]plan.Kind{plan.NoAccount: cells.unlinked, plan.Enabled: cells.enabled, plan.Blocked: cells.blocked} {
				check(t, fmt.Sprintf("%s, %s, account %d", reason, policy, account), p, at(c.facts, account), plan.Step{Kind: kind, Reason: reason})
			}
		}
	}
}

// at completes facts with an account whose values are equal.
func at(f plan.Facts, a plan.Account) plan.Facts {
	if f.Resource == 0 {
		f.Resource = sinks.User
	}
	f.Account, f.Linked = a, a != plan.NoAccount
	f.Paths, f.CreateOnly, f.Desired = []string{"userName"}, []bool{false}, []any{"a"}
	f.Acked, f.Manager.Same = map[string]any{"userName": "a"}, true
	return f
}

func check(t *testing.T, name string, p plan.Policy, f plan.Facts, want plan.Step) {
	t.Helper()
	got := plan.Object(p, f)
	if got.Kind != want.Kind || got.Reason != want.Reason {
		t.Errorf("%s: %s (%s), want %s (%s)", name, got.Kind, got.Reason, want.Kind, want.Reason)
	}
}

// TestWanted covers the rows of the table that are wanted, and what stands beside it.
func TestWanted(t *testing.T) {
	active := plan.Facts{Presence: plan.Active, InScope: true}
	group := func(presence plan.Presence, inScope bool) plan.Facts {
		return plan.Facts{Resource: sinks.Group, Presence: presence, InScope: inScope}
	}
	probed := plan.Facts{Presence: plan.Active, Probed: true}
	due := plan.Facts{Presence: plan.Active, DeleteDue: true}
	back := plan.Facts{Presence: plan.Active, InScope: true, DeleteDue: true}
	both := plan.Facts{Presence: plan.Disabled}
	after := plan.Default()
	after.DeleteAfter = time.Hour
	severe := plan.Default()
	severe.OutOfScope = plan.Delete
	empty := plan.Default()
	empty.Groups = plan.EmptyGroup
	for name, c := range map[string]struct {
		policy plan.Policy
		facts  plan.Facts
		want   plan.Step
	}{
		"new":                           {plan.Default(), at(active, plan.NoAccount), plan.Step{Kind: plan.Create}},
		"equal":                         {plan.Default(), at(active, plan.Enabled), plan.Step{Kind: plan.Nothing}},
		"back":                          {plan.Default(), at(active, plan.Blocked), plan.Step{Kind: plan.Update}},
		"known by name only":            {plan.Default(), at(plan.Facts{}, plan.Enabled), plan.Step{Kind: plan.Skip}},
		"looked for before":             {plan.Default(), at(probed, plan.NoAccount), plan.Step{Kind: plan.Skip, Reason: plan.OutOfScope}},
		"delete_after":                  {after, at(due, plan.Blocked), plan.Step{Kind: plan.StepDelete, Reason: plan.DeleteAfter}},
		"delete_after, back in time":    {after, at(back, plan.Blocked), plan.Step{Kind: plan.Update}},
		"delete_after, still enabled":   {after, at(due, plan.Enabled), plan.Step{Kind: plan.StepDisable, Reason: plan.OutOfScope}},
		"two causes, the severer":       {severe, at(both, plan.Enabled), plan.Step{Kind: plan.StepDelete, Reason: plan.NotActive}},
		"soft deletion":                 {plan.Default(), at(plan.Facts{Presence: plan.DeletedSoft}, plan.Enabled), plan.Step{Kind: plan.StepDisable, Reason: plan.Deleted}},
		"group, new":                    {plan.Default(), at(group(plan.Active, true), plan.NoAccount), plan.Step{Kind: plan.Create}},
		"group, gone":                   {plan.Default(), at(group(plan.Gone, true), plan.Enabled), plan.Step{Kind: plan.StepDelete, Reason: plan.Deleted}},
		"group, out of scope":           {plan.Default(), at(group(plan.Active, false), plan.Enabled), plan.Step{Kind: plan.StepDelete, Reason: plan.OutOfScope}},
		"group, gone, to be emptied":    {empty, at(group(plan.Gone, true), plan.Enabled), plan.Step{Kind: plan.StepEmpty, Reason: plan.Deleted}},
		"group, gone, emptied":          {empty, at(group(plan.Gone, true), plan.Blocked), plan.Step{Kind: plan.Skip, Reason: plan.Deleted}},
		"group, back after it was that": {empty, at(group(plan.Active, true), plan.Blocked), plan.Step{Kind: plan.Update}},
	} {
		check(t, name, c.policy, c.facts, c.want)
	}
}

// TestActiveByMapping: a row for `active` that gives false disables like the source's own
// word.
func TestActiveByMapping(t *testing.T) {
	f := at(plan.Facts{Presence: plan.Active, InScope: true}, plan.Enabled)
	f.ActivePath = sinks.PathActive
	f.Paths, f.CreateOnly, f.Desired = append(f.Paths, sinks.PathActive), append(f.CreateOnly, false), append(f.Desired, false)
	check(t, "mapped to false", plan.Default(), f, plan.Step{Kind: plan.StepDisable, Reason: plan.NotActive})
}

// TestManagerWaits: a manager without an account is not sent; the former one is taken
// away.
func TestManagerWaits(t *testing.T) {
	f := at(plan.Facts{Presence: plan.Active, InScope: true}, plan.Enabled)
	f.Manager = plan.Manager{Waiting: true}
	check(t, "waiting", plan.Default(), f, plan.Step{Kind: plan.Nothing})
	f.Manager = plan.Manager{}
	step := plan.Object(plan.Default(), f)
	if len(step.Attributes) != 1 || step.Attributes[0].Path != sinks.PathManager || step.Attributes[0].Value != nil {
		t.Errorf("attributes %+v, want the manager cleared", step.Attributes)
	}
}

// TestWords: each policy reads the words that it writes, and no others.
func TestWords(t *testing.T) {
	for _, w := range plan.Existing(0).Words() {
		var v plan.Existing
		roundTrip(t, w, &v)
	}
	for _, w := range plan.Deprovision(0).Words() {
		var v plan.Deprovision
		roundTrip(t, w, &v)
	}
	for _, w := range plan.GroupRemoval(0).Words() {
		var v plan.GroupRemoval
		roundTrip(t, w, &v)
	}
}

func roundTrip(t *testing.T, word string, v interface {
	UnmarshalText([]byte) error
	fmt.Stringer
},
) {
	t.Helper()
	if err := v.UnmarshalText([]byte("nonsense")); err == nil {
		t.Errorf("%T reads nonsense", v)
	}
	if err := v.UnmarshalText([]byte(word)); err != nil || v.String() != word {
		t.Errorf("%T reads %q as %q: %v", v, word, v, err)
	}
}
