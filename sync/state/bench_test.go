package state_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// benchPage is how many users are on a page and in a batch of the benchmarks.
const benchPage = 200

// bench is a state file for benchmarks.
type bench struct {
	b     *testing.B
	s     *state.Store
	job   *state.Job
	table int64
}

func newBench(b *testing.B) *bench {
	b.Helper()
	s, err := state.Open(b.Context(), state.Options{Path: filepath.Join(b.TempDir(), "state.db")})
	b.Cleanup(func() { _ = s.Close() })
	x := &bench{b: b, s: s}
	x.must(err)
	x.job, err = s.Job(b.Context(), "job")
	x.must(err)
	x.table, err = s.Table(b.Context(), x.job.ID, sinks.User, []string{sinks.PathUserName})
	x.must(err)
	return x
}

func (x *bench) must(err error) {
	x.b.Helper()
	if err != nil {
		x.b.Fatal(err)
	}
}

func (x *bench) importer() *state.Importer {
	x.b.Helper()
	round, _, err := x.s.BeginRound(x.b.Context(), x.job.ID, true, "v1")
	x.must(err)
	im, err := x.s.Importer(x.b.Context(), state.ImportOptions{Job: x.job.ID, UserTable: x.table, Round: round})
	x.must(err)
	return im
}

func page(n int) []state.Entry {
	entries := make([]state.Entry, benchPage)
	for i := range entries {
		entries[i] = person(n*benchPage + i)
	}
	return entries
}

func (x *bench) rate() {
	x.b.ReportMetric(float64(x.b.N*benchPage)/x.b.Elapsed().Seconds(), "users/s")
}

// BenchmarkImportNew stores pages of people nobody knew.
func BenchmarkImportNew(b *testing.B) {
	x := newBench(b)
	im, n := x.importer(), 0
	for b.Loop() {
		x.must(im.Import(b.Context(), state.Batch{Entries: page(n), Full: true, Cursor: "c"}))
		n++
	}
	x.rate()
}

// BenchmarkImportUnchanged stores pages that say nothing new.
func BenchmarkImportUnchanged(b *testing.B) {
	x := newBench(b)
	im, entries := x.importer(), page(0)
	for b.Loop() {
		x.must(im.Import(b.Context(), state.Batch{Entries: entries, Full: true, Cursor: "c"}))
	}
	x.rate()
}

// BenchmarkRecord claims people who are new and records that their accounts were made,
// each with a record of the log.
func BenchmarkRecord(b *testing.B) {
	x := newBench(b)
	im, n := x.importer(), 0
	lease, err := x.s.LeaseCycle(b.Context(), x.job)
	x.must(err)
	for b.Loop() {
		b.StopTimer()
		x.must(im.Import(b.Context(), state.Batch{Entries: page(n), Full: true, Cursor: "c"}))
		n++
		b.StartTimer()
		claimed, err := x.s.Claim(b.Context(), state.ClaimQuery{Job: x.job.ID, Holder: lease.Holder, Resource: sinks.User, Limit: benchPage, What: state.Dirty})
		x.must(err)
		if len(claimed) != benchPage {
			b.Fatalf("%d claimed", len(claimed))
		}
		x.must(x.s.Record(b.Context(), made(claimed)))
	}
	x.rate()
	x.must(lease.Release(b.Context()))
}

// made are the results of accounts that were made.
func made(claimed []state.Object) []state.Result {
	out := make([]state.Result, len(claimed))
	for i := range claimed {
		o := &claimed[i]
		r := o.Unchanged()
		r.SinkID, r.Account = sinks.ID(fmt.Sprintf("account-of-%s", o.SourceID)), plan.Enabled
		r.Acked = &state.Acked{Table: o.Table, Values: o.Desired}
		r.Records = []provlog.Record{{
			ID: "01M808X5EF3PWKXTVVMH3E22Z1", Job: "job", ChangeID: "01M808X5EF3PWKXTVVMH3E22Z1", Resource: "user",
			Action: provlog.ActionCreate, Status: provlog.StatusSuccess,
			SourceIdentity:     provlog.Identity{ID: string(o.SourceID), DisplayName: o.DisplayName, Type: "user"},
			ModifiedProperties: provlog.Properties{{Path: sinks.PathUserName, New: o.UserName}},
		}}
		out[i] = r
	}
	return out
}
