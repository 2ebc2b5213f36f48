package state_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// rig is a state file with one job and a clock that stands still.
type rig struct {
	t     *testing.T
	s     *state.Store
	job   *state.Job
	file  string
	now   time.Time
	table [3]int64
	print string // the job's fingerprint
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, file: filepath.Join(t.TempDir(), "state.db"), now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), print: "v1"}
	r.s = r.open()
	r.job = r.reload()
	for _, resource := range []sinks.Resource{sinks.User, sinks.Group} {
		n, err := r.s.Table(t.Context(), r.job.ID, resource, []string{sinks.PathUserName})
		must(t, err)
		r.table[resource] = n
	}
	return r
}

// open opens the file once more, as another process would.
func (r *rig) open() *state.Store {
	r.t.Helper()
	s, err := state.Open(r.t.Context(), state.Options{Path: r.file, Now: func() time.Time { return r.now }})
	must(r.t, err)
	r.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (r *rig) reload() *state.Job {
	r.t.Helper()
	j, err := r.s.Job(r.t.Context(), "job")
	must(r.t, err)
	return j
}

// begin begins or continues a round.
func (r *rig) begin(full bool) (*state.Importer, sources.Cursor) {
	r.t.Helper()
	round, cursor, err := r.s.BeginRound(r.t.Context(), r.job.ID, full, r.print)
	must(r.t, err)
	return r.importer(round), cursor
}

func (r *rig) importer(round state.Round) *state.Importer {
	r.t.Helper()
	im, err := r.s.Importer(r.t.Context(), state.ImportOptions{
		Job: r.job.ID, UserTable: r.table[sinks.User], GroupTable: r.table[sinks.Group], Groups: true, Round: round,
	})
	must(r.t, err)
	return im
}

// read imports a full round of one page.
func (r *rig) read(entries ...state.Entry) {
	r.t.Helper()
	im, _ := r.begin(true)
	must(r.t, im.Import(r.t.Context(), state.Batch{Entries: entries, Full: true, Done: true, Cursor: "end"}))
}

// person makes user i.
func person(i int) state.Entry {
	name := fmt.Sprintf("user%d@example.com", i)
	return state.Entry{
		Resource: sinks.User, SourceID: sources.ID(fmt.Sprintf("u%d", i)), UserName: name, Mail: name, DisplayName: fmt.Sprintf("User %d", i),
		Presence: plan.Active, Filtered: true, Desired: mapping.Encode([]any{name}), Manager: sources.Reference{Known: true},
	}
}

func people(n int) []state.Entry {
	out := make([]state.Entry, n)
	for i := range out {
		out[i] = person(i)
	}
	return out
}

func team(i int, members ...int) state.Entry {
	e := state.Entry{
		Resource: sinks.Group, SourceID: sources.ID(fmt.Sprintf("g%d", i)), DisplayName: fmt.Sprintf("Group %d", i),
		Presence: plan.Active, Filtered: true, Desired: mapping.Encode([]any{fmt.Sprintf("Group %d", i)}),
	}
	for _, m := range members {
		e.Members = append(e.Members, sources.Member{User: person(m).SourceID})
	}
	return e
}

// find returns user i as stored, or nil.
func (r *rig) find(i int) *state.Object { return r.object(sinks.User, string(person(i).SourceID)) }

func (r *rig) object(resource sinks.Resource, id string) *state.Object {
	r.t.Helper()
	found, err := r.s.FindObjects(r.t.Context(), state.ClaimQuery{Job: r.job.ID, Resource: resource}, id)
	must(r.t, err)
	if len(found) == 0 {
		return nil
	}
	return &found[0]
}

func (r *rig) lease() *state.Lease {
	r.t.Helper()
	l, err := r.s.LeaseCycle(r.t.Context(), r.job)
	must(r.t, err)
	r.t.Cleanup(func() { _ = l.Release(r.t.Context()) })
	return l
}

func (r *rig) query(holder string, resource sinks.Resource, what state.What) state.ClaimQuery {
	return state.ClaimQuery{Job: r.job.ID, Holder: holder, Resource: resource, Limit: 1000, What: what}
}

func (r *rig) claim(q state.ClaimQuery) []state.Object {
	r.t.Helper()
	out, err := r.s.Claim(r.t.Context(), q)
	must(r.t, err)
	return out
}

func (r *rig) record(results ...state.Result) {
	r.t.Helper()
	must(r.t, r.s.Record(r.t.Context(), results))
}

// link gives everyone who is claimable an account.
func (r *rig) link() {
	r.t.Helper()
	l, err := r.s.LeaseProvision(r.t.Context(), r.job)
	must(r.t, err)
	for _, resource := range []sinks.Resource{sinks.User, sinks.Group} {
		for _, o := range r.claim(r.query(l.Holder, resource, state.Dirty)) {
			r.record(linked(&o))
		}
	}
	must(r.t, l.Release(r.t.Context()))
}

// sending claims group i, and returns it with its memberships as they are about to be sent.
func (r *rig) sending(i int) (*state.Object, []state.MemberChange) {
	r.t.Helper()
	l := r.lease()
	for _, g := range r.claim(r.query(l.Holder, sinks.Group, state.Membership)) {
		if g.SourceID == team(i).SourceID {
			changes, err := r.s.MemberChanges(r.t.Context(), state.MemberQuery{Group: g.ID, Limit: 1000})
			must(r.t, err)
			return &g, changes
		}
	}
	r.t.Fatalf("nothing to send of group %d", i)
	return nil, nil
}

// linked is the result of a successful creation.
func linked(o *state.Object) state.Result {
	res := o.Unchanged()
	res.SinkID, res.Account = sinks.ID("app-"+string(o.SourceID)), plan.Enabled
	res.Acked = &state.Acked{Table: o.Table, Values: o.Desired}
	return res
}

func names(objects []state.Object) []string {
	out := []string{}
	for _, o := range objects {
		out = append(out, string(o.SourceID))
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
