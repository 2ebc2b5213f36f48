package scimtest

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestMemberEdits checks, for random edits, that the member list is what a plain list would
// be, that taking them back restores order and all, and that the reverse look-up agrees.
func TestMemberEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStore(&Quirks{})
		g := &resource{id: "g", members: newMemberList()}
		var plain []string
		for range rapid.IntRange(1, 12).Draw(t, "requests") {
			e := &memberEdit{store: s, group: g}
			after := edit(t, e, slices.Clone(plain))
			if diff := cmp.Diff(after, g.members.ids(), cmp.Transformer("nil", func(l []string) []string { return append([]string{}, l...) })); diff != "" {
				t.Fatalf("after the edits (-want +got):\n%s", diff)
			}
			if rapid.Bool().Draw(t, "fails") {
				e.rollback()
			} else {
				e.commit()
				plain = after
			}
			check(t, s, g, plain)
		}
	})
}

// edit does some random edits on the group and on the plain list.
func edit(t *rapid.T, e *memberEdit, plain []string) []string {
	for range rapid.IntRange(0, 200).Draw(t, "edits") {
		id := strconv.Itoa(rapid.IntRange(0, 150).Draw(t, "id"))
		switch rapid.IntRange(0, 60).Draw(t, "edit") {
		case 0:
			e.clear()
			plain = nil
		default:
			if rapid.Bool().Draw(t, "add") {
				e.add(member{value: id, typ: "User"}) // also a second time: duplicates
				plain = append(plain, id)
				continue
			}
			e.remove(id)
			plain = slices.DeleteFunc(plain, func(o string) bool { return o == id })
		}
	}
	return plain
}

func check(t *rapid.T, s *store, g *resource, plain []string) {
	if got := g.members.ids(); !slices.Equal(got, plain) || g.members.len() != len(plain) {
		t.Fatalf("members %v (%d), want %v", got, g.members.len(), plain)
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(plain)))
	if len(s.groupsOf) != len(distinct) {
		t.Fatalf("%d users have groups, want %d", len(s.groupsOf), len(distinct))
	}
	for _, id := range distinct {
		if groups := s.groupsOf[id]; len(groups) != 1 || groups[0] != g {
			t.Fatalf("groups of %s: %d", id, len(groups))
		}
	}
}

func TestMemberListClosesGaps(t *testing.T) {
	s := newStore(&Quirks{})
	g := &resource{id: "g", members: newMemberList()}
	for i := range 100_000 {
		e := &memberEdit{store: s, group: g}
		e.add(member{value: strconv.Itoa(i)})
		e.remove(strconv.Itoa(i - 10))
		e.commit()
	}
	if got := len(g.members.entries); g.members.len() != 10 || got > 200 {
		t.Errorf("%d entries are kept for %d members", got, g.members.len())
	}
}
