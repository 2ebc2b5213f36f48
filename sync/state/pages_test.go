package state_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// TestPagesTogether: pages that are stored in one transaction come to the same as one by one.
func TestPagesTogether(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same pages every time
		full := rng.IntN(2) == 0
		pages := somePages(rng, full)
		alone, together := importSome(t, full, pages, 1), importSome(t, full, pages, 1+rng.IntN(len(pages)))
		equal(t, fmt.Sprintf("seed %d, full %t: together", seed, full), together, alone)
	}
}

// importSome imports pages into a directory that knows some people, so many at a time, and
// tells what stands there afterwards.
func importSome(t *testing.T, full bool, pages []state.Batch, at int) []string {
	r := newRig(t)
	r.read(append(people(6), team(0, 0, 1), team(1, 1, 2, 3))...)
	r.link()
	im, _ := r.begin(full)
	for some := range slices.Chunk(pages, at) {
		must(t, im.Import(t.Context(), some...))
		equal(t, "cursor", r.reload().Cursor, some[len(some)-1].Cursor)
	}
	out := []string{}
	for i := range 8 {
		if o := r.find(i); o != nil {
			out = append(out, fmt.Sprint(o.SourceID, o.Presence, o.Dirty, o.DisplayName))
		}
	}
	for i := range 2 {
		g := r.object(sinks.Group, string(team(i).SourceID))
		out = append(out, fmt.Sprint(g.SourceID, g.Presence, g.Dirty, r.members(i), r.toCompare(i)))
	}
	return append(out, fmt.Sprint(im.Unchanged, im.Outside))
}

// somePages are the pages of a round.
func somePages(rng *rand.Rand, full bool) []state.Batch {
	pages := make([]state.Batch, 2+rng.IntN(4))
	for i := range pages {
		b := &pages[i]
		b.Full, b.Done, b.Cursor = full, i == len(pages)-1, sources.Cursor(fmt.Sprint("page ", i))
		b.Entries = append(b.Entries, person(rng.IntN(6)))
		for range rng.IntN(4) {
			b.Entries = append(b.Entries, someEntry(rng))
		}
		if rng.IntN(3) == 0 {
			b.CompleteGroups = append(b.CompleteGroups, team(rng.IntN(2)).SourceID)
		}
		if rng.IntN(4) == 0 {
			unreadable := someEntry(rng)
			unreadable.Failure = &state.Failure{Code: "bad_entry"}
			b.Bad = append(b.Bad, unreadable)
		}
	}
	return pages
}

func someEntry(rng *rand.Rand) state.Entry {
	if rng.IntN(2) == 0 {
		e := person(rng.IntN(8))
		e.Presence = []plan.Presence{plan.Active, plan.Disabled, plan.DeletedSoft}[rng.IntN(3)]
		return e
	}
	e := team(rng.IntN(2), rng.IntN(8), rng.IntN(8))
	if rng.IntN(2) == 0 {
		e.MembersOnly, e.Members[0].Removed = true, true
	}
	return e
}
