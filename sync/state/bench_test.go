package state_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
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
		entries[i].SourceID = sources.ID(guid(n*benchPage + i))
	}
	return entries
}

// guid is an id as directories give them: long, and in no order.
func guid(i int) string {
	r := rand.New(rand.NewPCG(1, uint64(i))) //nolint:gosec // the same in every run
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), uint16(r.Uint32()), uint16(r.Uint32()), uint16(r.Uint32()), r.Uint64()>>16)
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

// BenchmarkLog stores records of accounts that were made, in batches as long as a cycle's.
func BenchmarkLog(b *testing.B) {
	const batch = 512
	x, n := newBench(b), 0
	records := make([]provlog.Record, batch)
	for b.Loop() {
		for i := range records {
			records[i] = creation(guid(n), fmt.Sprintf("User %d", n), fmt.Sprintf("user%d@example.com", n))
			n++
		}
		x.must(x.s.PutRecords(b.Context(), records))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
}

// creation is the record of an account that was made.
func creation(id, name, userName string) provlog.Record {
	return provlog.Record{
		ID: "01M808X5EF3PWKXTVVMH3E22Z1", Job: "job", ChangeID: "01M808X5EF3PWKXTVVMH3E22Z1", CycleID: "01M808X5EF3PWKXTVVMH3E22Z2",
		Trigger: provlog.TriggerManual, Time: time.Unix(1e9, 1e8), Resource: "user", Action: provlog.ActionCreate, Status: provlog.StatusSuccess,
		SourceIdentity: provlog.Identity{ID: id, DisplayName: name, Type: "user"},
		TargetIdentity: provlog.Identity{ID: "account-of-" + id, DisplayName: name, Type: "user"},
		ModifiedProperties: provlog.Properties{
			{Path: sinks.PathUserName, New: userName},
			{Path: "active", New: true},
			{Path: "displayName", New: name},
			{Path: "title", New: "Engineer"},
			{Path: `emails[type eq "work"].value`, New: userName},
			{Path: "name.givenName", New: "User"},
			{Path: "name.familyName", New: "Number"},
			{Path: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", New: "Research"},
		},
	}
}

// made are the results of accounts that were made.
func made(claimed []state.Object) []state.Result {
	out := make([]state.Result, len(claimed))
	for i := range claimed {
		o := &claimed[i]
		r := o.Unchanged()
		r.SinkID, r.Account = sinks.ID(fmt.Sprintf("account-of-%s", o.SourceID)), plan.Enabled
		r.Acked = &state.Acked{Table: o.Table, Values: o.Desired}
		r.Records = []provlog.Record{creation(string(o.SourceID), o.DisplayName, o.UserName)}
		out[i] = r
	}
	return out
}
