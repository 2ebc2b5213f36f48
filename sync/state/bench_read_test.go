package state_test

import (
	"math/rand/v2"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/state"
)

// benchPeople is how many users are in the file where only some are read.
const benchPeople = 50_000

// employee is user i with as many values as a directory tells of one. Every third has a
// manager.
func employee(i int) state.Entry {
	e := person(i)
	id := guid(i)
	e.SourceID = sources.ID(id)
	e.Desired = mapping.Encode([]any{
		e.UserName, true, e.DisplayName, "Engineer", e.Mail, "User", "Number " + id[:6], "Research", "+1 555 0100", "en-US",
		"Main Street 1", "Springfield", "12345", "US", id, "Building 5", "Employee", "Europe/Berlin",
	})
	if i%3 == 0 {
		e.Manager.ID = sources.ID(guid(i / 8))
	}
	return e
}

// hire imports benchPeople users, and groups of some of them.
func (x *bench) hire(groups, size int) {
	x.b.Helper()
	im := x.importer()
	var entries []state.Entry
	flush := func() {
		x.must(im.Import(x.b.Context(), state.Batch{Entries: entries, Full: true, Cursor: "c"}))
		entries = entries[:0]
	}
	for i := range benchPeople {
		if entries = append(entries, employee(i)); len(entries) == benchPage {
			flush()
		}
	}
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same in every run
	for i := range groups {
		g := team(i)
		for _, j := range r.Perm(benchPeople)[:size] {
			g.Members = append(g.Members, sources.Member{User: sources.ID(guid(j))})
		}
		entries = append(entries, g)
	}
	flush()
}

// BenchmarkClaim claims people who are new, among many.
func BenchmarkClaim(b *testing.B) {
	const batch = 256
	x := newBench(b)
	x.hire(0, 0)
	lease, err := x.s.LeaseCycle(b.Context(), x.job)
	x.must(err)
	q := state.ClaimQuery{Job: x.job.ID, Holder: lease.Holder, Resource: sinks.User, Limit: batch, What: state.Dirty}
	for b.Loop() {
		claimed, err := x.s.Claim(b.Context(), q)
		x.must(err)
		b.StopTimer()
		q.After = claimed[len(claimed)-1].ID
		if len(claimed) != batch || q.After > benchPeople-batch {
			q.After = 0
		}
		x.must(x.s.Record(b.Context(), kept(claimed)))
		b.StartTimer()
	}
	x.each(batch)
	x.must(lease.Release(b.Context()))
}

// kept are the results of objects that nothing was tried for.
func kept(claimed []state.Object) []state.Result {
	out := make([]state.Result, len(claimed))
	for i := range claimed {
		out[i] = claimed[i].Unchanged()
		out[i].Keep = true
	}
	return out
}

// BenchmarkMemberChanges reads the members of groups whose users all have accounts.
func BenchmarkMemberChanges(b *testing.B) {
	const groups, size = 40, 250
	x := newBench(b)
	x.hire(groups, size)
	x.employ()
	lease, err := x.s.LeaseCycle(b.Context(), x.job)
	x.must(err)
	teams, err := x.s.Claim(b.Context(), state.ClaimQuery{Job: x.job.ID, Holder: lease.Holder, Resource: sinks.Group, Limit: groups, What: state.Dirty})
	x.must(err)
	for i := 0; b.Loop(); i++ {
		members, err := x.s.MemberChanges(b.Context(), state.MemberQuery{Group: teams[i%groups].ID, Limit: 1000})
		x.must(err)
		if len(members) != size || !members[0].Wanted() {
			b.Fatalf("%d members", len(members))
		}
	}
	x.each(size)
	x.must(lease.Release(b.Context()))
}

// employ gives everyone an account.
func (x *bench) employ() {
	x.b.Helper()
	lease, err := x.s.LeaseCycle(x.b.Context(), x.job)
	x.must(err)
	q := state.ClaimQuery{Job: x.job.ID, Holder: lease.Holder, Resource: sinks.User, Limit: 1000, What: state.Dirty}
	for {
		claimed, err := x.s.Claim(x.b.Context(), q)
		x.must(err)
		if len(claimed) == 0 {
			break
		}
		x.must(x.s.Record(x.b.Context(), made(claimed)))
	}
	x.must(lease.Release(x.b.Context()))
}

// each reports the time for each of the n things that a run reads.
func (x *bench) each(n int) {
	x.b.ReportMetric(float64(x.b.Elapsed().Nanoseconds())/float64(x.b.N*n), "ns/each")
}
