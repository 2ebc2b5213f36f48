package state_test

import (
	"errors"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/state"
)

// A set has one name, whatever its order, and another when anything is different. What is
// decided does not belong to it.
func TestWaitingSet(t *testing.T) {
	t.Parallel()
	ada := state.Staged{Object: 1, Resource: sinks.User, SourceID: "1", Action: "disable"}
	bob := state.Staged{Object: 2, Resource: sinks.User, SourceID: "2", Action: "disable"}
	change := func(s state.Staged, f func(*state.Staged)) state.Staged { f(&s); return s }
	denied := change(bob, func(s *state.Staged) { s.Decision = state.Denied })
	set := state.WaitingSet([]state.Staged{ada, bob})
	equal(t, "length", len(set), 16)
	equal(t, "another order", state.WaitingSet([]state.Staged{bob, ada}), set)
	equal(t, "one that is decided beside them", state.WaitingSet([]state.Staged{ada, change(denied, func(s *state.Staged) { s.SourceID = "3" }), bob}), set)
	equal(t, "nothing waits", state.WaitingSet([]state.Staged{denied}), "")
	for what, other := range map[string][]state.Staged{
		"one less":       {ada},
		"one is decided": {ada, denied},
		"one more":       {ada, bob, change(bob, func(s *state.Staged) { s.SourceID = "3" })},
		"deleted":        {ada, change(bob, func(s *state.Staged) { s.Action = "delete" })},
		"a group":        {ada, change(bob, func(s *state.Staged) { s.Resource = sinks.Group })},
		"somebody else":  {ada, change(bob, func(s *state.Staged) { s.SourceID = "1" })},
	} {
		if got := state.WaitingSet(other); got == set || len(got) != 16 {
			t.Errorf("%s: %q, and it was %q", what, got, set)
		}
	}
}

// A decision that names a set is for this set or for none.
func TestDecideOnSet(t *testing.T) {
	r := newRig(t)
	r.read(people(3)...)
	r.link()
	l := r.lease()
	r.stage(l, 0)
	seen := r.waiting()
	r.stage(l, 1)
	grown := r.waiting()
	for _, set := range []string{seen, "0123456789abcdef"} {
		n, err := r.s.Decide(t.Context(), r.job.ID, state.Ruling{Decision: state.Approved, Set: set})
		changed, ok := errors.AsType[*state.SetChangedError](err)
		if !ok || n != 0 {
			t.Fatalf("an approval of set %s, when %s waits: %d, %v", set, grown, n, err)
		}
		equal(t, "error", *changed, state.SetChangedError{Set: set, Now: grown})
	}
	equal(t, "after refusals", r.decision(0), state.Waiting)
	n, err := r.s.Decide(t.Context(), r.job.ID, state.Ruling{Decision: state.Approved, Set: grown})
	must(t, err)
	equal(t, "approved", n, 2)
	_, err = r.s.Decide(t.Context(), r.job.ID, state.Ruling{Decision: state.Denied, Set: grown})
	if changed, ok := errors.AsType[*state.SetChangedError](err); !ok || changed.Now != "" {
		t.Errorf("a second decision on the set: %v", err)
	}
	equal(t, "decided once", r.decision(1), state.Approved)
}

// waiting is the set that waits.
func (r *rig) waiting() string {
	r.t.Helper()
	staged, err := r.s.StagedDeletions(r.t.Context(), r.job.ID)
	must(r.t, err)
	return state.WaitingSet(staged)
}
