package plan_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// account is an app's account in the test's own words.
type account struct {
	exists, enabled bool
	values          map[string]any
	manager         sinks.ID
	members         bool // of a group: it has those that it should have
}

// paths are the attributes of the law's mapping. The last is written on creation alone.
func paths() ([]string, []bool) {
	return []string{"userName", "title", sinks.PathActive, "nickName"}, []bool{false, false, false, true}
}

// situation is what the source wants and what the app has.
type situation struct {
	policy  plan.Policy
	facts   plan.Facts
	account account
}

func drawSituation(t *rapid.T) situation {
	value := rapid.SampledFrom([]any{nil, "", "a", "b", true, 1.5})
	deprovision := rapid.SampledFrom([]plan.Deprovision{plan.Disable, plan.Delete, plan.Keep})
	s := situation{policy: plan.Default(), account: account{values: map[string]any{}}}
	s.policy.OutOfScope, s.policy.Disabled, s.policy.Deleted = deprovision.Draw(t, "out of scope"), deprovision.Draw(t, "disabled"), deprovision.Draw(t, "deleted")
	s.policy.Groups = rapid.SampledFrom([]plan.GroupRemoval{plan.DeleteGroup, plan.EmptyGroup, plan.KeepGroup}).Draw(t, "groups")
	names, once := paths()
	s.facts = plan.Facts{
		Resource: rapid.SampledFrom([]sinks.Resource{sinks.User, sinks.Group}).Draw(t, "resource"),
		Presence: rapid.SampledFrom([]plan.Presence{plan.Referred, plan.Active, plan.Disabled, plan.DeletedSoft, plan.Gone}).Draw(t, "presence"),
		InScope:  rapid.Bool().Draw(t, "in scope"), Paths: names, CreateOnly: once, ActivePath: sinks.PathActive,
		DeleteDue: rapid.Bool().Draw(t, "delete due"), Probed: rapid.Bool().Draw(t, "probed"),
		Manager: plan.Manager{Want: rapid.SampledFrom([]sinks.ID{"", "m1", "m2"}).Draw(t, "manager")},
	}
	for range names {
		s.facts.Desired = append(s.facts.Desired, value.Draw(t, "desired"))
	}
	s.account.exists = rapid.Bool().Draw(t, "exists")
	if s.account.exists {
		s.account.enabled, s.account.members = rapid.Bool().Draw(t, "enabled"), true
		s.account.manager = rapid.SampledFrom([]sinks.ID{"", "m1", "m2"}).Draw(t, "has manager")
		for _, p := range names {
			if p != sinks.PathActive {
				s.account.values[p] = value.Draw(t, "has")
			}
		}
	}
	return s
}

// look takes the account into the facts, as the engine does after every answer.
func (s *situation) look() plan.Facts {
	f := s.facts
	f.Linked, f.Account = s.account.exists, plan.NoAccount
	if s.account.exists {
		f.Account = plan.Blocked
		if s.account.enabled {
			f.Account = plan.Enabled
		}
	}
	f.DeleteDue = f.DeleteDue && f.Account == plan.Blocked
	f.Acked = maps.Clone(s.account.values)
	f.Manager.Same = s.account.manager == f.Manager.Want
	return f
}

// apply does to the account what a step says.
func (a *account) apply(s plan.Step, r sinks.Resource) {
	switch s.Kind {
	case plan.Create:
		*a = account{exists: true, enabled: true, values: map[string]any{}, members: true}
	case plan.StepDelete:
		*a = account{values: map[string]any{}}
		return
	case plan.StepEmpty:
		a.enabled, a.members = false, false
	case plan.Update:
		if r == sinks.Group {
			a.enabled, a.members = true, true // which comes back if it was empty
		}
	case plan.Nothing, plan.Skip, plan.Look, plan.StepDisable:
	}
	for _, at := range s.Attributes {
		switch at.Path {
		case sinks.PathActive:
			a.enabled = at.Value == true
		case sinks.PathManager:
			id, _ := at.Value.(string)
			a.manager = sinks.ID(id)
		default:
			a.values[at.Path] = at.Value
		}
	}
}

// TestLawReach: after the step, the app holds what the source wants, and the next plan has
// nothing to do: apply(plan(want, have)) = want, and plan(x, x) is nothing.
func TestLawReach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		step := plan.Object(s.policy, s.look())
		before := s.account.exists
		s.account.apply(step, s.facts.Resource)
		if step.Kind == plan.Look || step.Kind == plan.StepDelete {
			s.facts.Probed = true // and nobody was found, or is left
		}
		if step.Kind == plan.StepDisable {
			s.facts.DeleteDue = false // its time begins now
		}
		next := plan.Object(s.policy, s.look())
		if next.Kind != plan.Nothing && next.Kind != plan.Skip {
			t.Fatalf("after %s (%+v) comes %s (%+v) for %+v", step.Kind, step.Attributes, next.Kind, next.Attributes, s.look())
		}
		wantEnabled := s.facts.Presence == plan.Active && s.facts.InScope && (s.facts.Resource == sinks.Group || s.facts.Desired[2] != false)
		if wantEnabled {
			s.reached(t, before)
		} else if s.account.exists && !before {
			t.Fatalf("%s made an account for somebody who should have none", step.Kind)
		}
	})
}

// reached demands that an account that should be enabled is, with every value.
func (s *situation) reached(t *rapid.T, before bool) {
	if !s.account.exists || !s.account.enabled {
		t.Fatalf("account %+v, want an enabled one", s.account)
	}
	for i, p := range s.facts.Paths {
		if p == sinks.PathActive || s.facts.CreateOnly[i] && before {
			continue
		}
		if !plan.Equal(s.account.values[p], s.facts.Desired[i]) {
			t.Fatalf("%s is %v, want %v", p, s.account.values[p], s.facts.Desired[i])
		}
	}
	if s.facts.Resource == sinks.User && s.account.manager != s.facts.Manager.Want {
		t.Fatalf("manager %q, want %q", s.account.manager, s.facts.Manager.Want)
	}
}

// TestLawStable: the same facts give the same step in the same order.
func TestLawStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		first := plan.Object(s.policy, s.look())
		for range 5 {
			if d := cmp.Diff(first, plan.Object(s.policy, s.look())); d != "" {
				t.Fatal(d)
			}
		}
	})
}

// TestLawKeepTakesNothing: a policy of keep alone never takes anything away.
func TestLawKeepTakesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		s.policy.OutOfScope, s.policy.Disabled, s.policy.Deleted, s.policy.Groups = plan.Keep, plan.Keep, plan.Keep, plan.KeepGroup
		s.facts.DeleteDue = false
		if step := plan.Object(s.policy, s.look()); step.Kind.Takes() {
			t.Fatalf("%s by a policy that keeps everything", step.Kind)
		}
	})
}

// TestLawRestorableIsNotDeleted: what can be restored in the source is never deleted for
// that alone.
func TestLawRestorableIsNotDeleted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		s.facts.Resource, s.facts.Presence, s.facts.DeleteDue = sinks.User, plan.DeletedSoft, false
		if step := plan.Object(s.policy, s.look()); step.Kind == plan.StepDelete {
			t.Fatalf("a restorable user is deleted (%+v)", s.policy)
		}
	})
}

func ExampleObject() {
	f := plan.Facts{
		Resource: sinks.User, Presence: plan.Active, InScope: true, Linked: true, Account: plan.Enabled,
		Paths: []string{"userName", "title"}, CreateOnly: []bool{false, false},
		Desired: []any{"alice@example.com", nil},
		Acked:   map[string]any{"userName": "alice@example.com", "title": "Engineer"},
		Manager: plan.Manager{Same: true},
	}
	step := plan.Object(plan.Default(), f)
	fmt.Println(step.Kind, step.Attributes)

	f.InScope = false
	step = plan.Object(plan.Default(), f)
	fmt.Println(step.Kind, step.Attributes, step.Reason)
	// Output:
	// update [{title <nil>}]
	// disable [{active false}] out_of_scope
}
