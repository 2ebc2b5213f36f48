package state

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// TestIDSetLaws: the sets do what sets of ids do, and leave what they are made of as it was.
func TestIDSetLaws(t *testing.T) {
	ids := rapid.SliceOfN(rapid.Int64Range(1, 40), 0, 30)
	rapid.Check(t, func(t *rapid.T) {
		apart := rapid.SampledFrom([]int64{1, 1_000, 1_000_000_000}).Draw(t, "apart")
		a, b := newIDSet(ids.Draw(t, "a")), newIDSet(ids.Draw(t, "b"))
		for _, set := range []idSet{a, b} {
			for i := range set {
				set[i] *= apart
			}
		}
		was := [2]idSet{slices.Clone(a), slices.Clone(b)}
		both, either, left := a.and(b), a.union(b), a.minus(b)
		for id := range int64(42) {
			id *= apart
			for what, same := range map[string]bool{
				"and":   both.has(id) == (a.has(id) && b.has(id)),
				"union": either.has(id) == (a.has(id) || b.has(id)),
				"minus": left.has(id) == (a.has(id) && !b.has(id)),
				"has":   a.has(id) == slices.Contains(a, id),
			} {
				if !same {
					t.Errorf("%s of %v and %v is wrong about %d", what, a, b, id)
				}
			}
		}
		for _, set := range []idSet{both, either, left} {
			if !slices.IsSorted(set) || len(slices.Compact(slices.Clone(set))) != len(set) {
				t.Errorf("of %v and %v: %v", a, b, set)
			}
			again, err := unpack(set.pack())
			if diff := cmp.Diff(set, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%v packed and unpacked, %v: %s", set, err, diff)
			}
		}
		if diff := cmp.Diff(was, [2]idSet{a, b}); diff != "" {
			t.Error(diff)
		}
		if apart > 1_000 {
			return // bits are for numbers of rows
		}
		if got := a.bits().hasAny(b.pack()); got != (len(both) > 0) {
			t.Errorf("one of %v in %v: %t", b, a, got)
		}
	})
}

// TestCutSet: a set that was not stored whole is an error, and never a smaller set: people
// who are missing in it would be taken for gone.
func TestCutSet(t *testing.T) {
	whole := idSet{3, 1_000_000}.pack()
	if got, err := unpack(whole[:len(whole)-1]); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v, error %v", got, err)
	}
	if !(idSet{7}).bits().hasAny(whole[:len(whole)-1]) {
		t.Error("a look that skips unpacking skips the error")
	}
	var seen bitset
	if err := seen.unpack(whole[:len(whole)-1]); !errors.Is(err, ErrDamaged) {
		t.Errorf("seen: error %v", err)
	}
}
