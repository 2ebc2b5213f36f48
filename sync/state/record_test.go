package state_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// TestClaimKeepsOthersOut: what one process works on, no other one gets while the first
// is alive; after its death it comes back as unclear.
func TestClaimKeepsOthersOut(t *testing.T) {
	r := newRig(t)
	r.read(people(3)...)
	first := r.lease()
	q := r.query(first.Holder, sinks.User, state.Dirty)
	q.Limit = 2
	equal(t, "first", names(r.claim(q)), []string{"u0", "u1"})
	other, err := r.open().LeaseProvision(t.Context(), r.job)
	must(t, err)
	defer func() { must(t, other.Release(t.Context())) }()
	equal(t, "other", names(r.claim(r.query(other.Holder, sinks.User, state.Dirty))), []string{"u2"})
	if _, err := r.s.ClaimOne(t.Context(), r.query(other.Holder, sinks.User, 0), r.find(0).ID); !errors.Is(err, state.ErrBusy) {
		t.Errorf("error %v, want %v", err, state.ErrBusy)
	}
	must(t, first.Release(t.Context()))
	again := r.claim(r.query(other.Holder, sinks.User, state.Dirty))
	equal(t, "after the death", names(again), []string{"u0", "u1", "u2"})
	for _, o := range again {
		equal(t, "unclear "+string(o.SourceID), o.Unclear, true)
	}
}

// TestUnclearUntilSeen: the mark that somebody has to look first survives everything but
// a look that worked.
func TestUnclearUntilSeen(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*state.Result)
		unclear bool
	}{
		"success":         {func(r *state.Result) { *r = linked(r.Object) }, false},
		"not tried":       {func(r *state.Result) { r.Keep = true }, true},
		"failed":          {func(r *state.Result) { r.Failure = &state.Failure{Code: "rejected"} }, true},
		"an answer lost":  {func(r *state.Result) { r.Unclear = true }, true},
		"found to be fit": {func(*state.Result) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.read(people(1)...)
			dead := r.lease()
			r.claim(r.query(dead.Holder, sinks.User, state.Dirty))
			must(t, dead.Release(t.Context()))
			next := r.lease()
			o := r.claim(r.query(next.Holder, sinks.User, state.Dirty))[0]
			res := o.Unchanged()
			res.Object = &o
			c.change(&res)
			r.record(res)
			equal(t, "unclear", r.find(0).Unclear, c.unclear)
		})
	}
}

// TestChangeBesideTheSending: what the source says while an object is being sent is not
// lost when the result is recorded.
func TestChangeBesideTheSending(t *testing.T) {
	r := newRig(t)
	r.read(people(1)...)
	l := r.lease()
	o := r.claim(r.query(l.Holder, sinks.User, state.Dirty))[0]
	renamed := person(0)
	renamed.Desired = mapping.Encode([]any{"new@example.com"})
	im, _ := r.begin(false)
	must(t, im.Import(t.Context(), state.Batch{Entries: []state.Entry{renamed}, Done: true, Cursor: "2"}))
	r.record(linked(&o))
	got := r.find(0)
	equal(t, "to be planned", got.Dirty > 0, true)
	equal(t, "acknowledged", string(got.Acked), string(person(0).Desired))
}

// TestMembersBesideTheSending: the same for memberships.
func TestMembersBesideTheSending(t *testing.T) {
	r := newRig(t)
	r.read(append(people(2), team(1, 0, 1))...)
	r.link()
	g, changes := r.sending(1)
	r.read(append(people(2), team(1, 0))...) // user 1 leaves while being added
	res := g.Unchanged()
	for _, m := range changes {
		res.Members = append(res.Members, m.Result(true))
	}
	r.record(res)
	changes, err := r.s.MemberChanges(t.Context(), state.MemberQuery{Group: g.ID, Limit: 10})
	must(t, err)
	equal(t, "to be sent", len(changes), 1)
	equal(t, "user", changes[0].SourceID, "u1")
	equal(t, "wanted", changes[0].Wanted(), false)
}

// TestOneHolder: an account belongs to one object; the second one that claims it is put
// in escrow, and the other results of the batch are stored.
func TestOneHolder(t *testing.T) {
	r := newRig(t)
	r.read(people(3)...)
	l := r.lease()
	results := []state.Result{}
	objects := r.claim(r.query(l.Holder, sinks.User, state.Dirty))
	for i := range objects {
		res := linked(&objects[i])
		if i == 1 {
			res.SinkID = "app-u0"
		}
		results = append(results, res)
	}
	r.record(results...)
	equal(t, "first", r.find(0).SinkID, sinks.ID("app-u0"))
	equal(t, "second", r.find(1).SinkID, sinks.ID(""))
	equal(t, "third", r.find(2).SinkID, sinks.ID("app-u2"))
	e := r.escrow()
	equal(t, "escrow", len(e), 1)
	equal(t, "code", e[0].Code, "conflict")
}

// TestNotTriedStaysDecided: a decided deletion that could not be tried is tried again.
func TestNotTriedStaysDecided(t *testing.T) {
	r := newRig(t)
	r.read(people(1)...)
	r.link()
	l := r.lease()
	r.stage(l, 0)
	must(t, r.s.PassStaged(t.Context(), r.job.ID, int(sinks.User)))
	o := r.claim(r.query(l.Holder, sinks.User, state.Decided))[0]
	res := o.Unchanged()
	res.Keep, res.Unstage = true, true
	r.record(res)
	equal(t, "decided", names(r.claim(r.query(l.Holder, sinks.User, state.Decided))), []string{"u0"})
}

// stage stages a disable of user i.
func (r *rig) stage(l *state.Lease, i int) {
	r.t.Helper()
	o, err := r.s.ClaimOne(r.t.Context(), r.query(l.Holder, sinks.User, 0), r.find(i).ID)
	must(r.t, err)
	res := o.Unchanged()
	res.Stage = &state.Staged{Action: "disable", Reason: "disabled"}
	r.record(res)
}

func (r *rig) escrow() []state.Escrow {
	r.t.Helper()
	e, err := r.s.Escrows(r.t.Context(), r.job.ID)
	must(r.t, err)
	return e
}

// TestEscrowBackoff: the next cycle, then 6, 12 and 24 hours, then daily, 28 days.
func TestEscrowBackoff(t *testing.T) {
	r := newRig(t)
	r.read(people(1)...)
	l := r.lease()
	start, at := r.now, []time.Duration{}
	for hour := range 24 * 40 {
		r.now = start.Add(time.Duration(hour) * time.Hour)
		must(t, r.s.WakeEscrow(t.Context(), r.job.ID, false))
		for _, o := range r.claim(r.query(l.Holder, sinks.User, state.Dirty)) {
			at = append(at, r.now.Sub(start))
			res := o.Unchanged()
			res.Failure = &state.Failure{Code: "rejected"}
			r.record(res)
		}
	}
	const h = time.Hour
	equal(t, "first tries", at[:6], []time.Duration{0, h, 7 * h, 19 * h, 43 * h, 67 * h})
	equal(t, "last try within 28 days", at[len(at)-1] <= 28*24*h, true)
	equal(t, "tries", len(at), 31)
	e := r.escrow()[0]
	equal(t, "given up", e.GivenUp, true)
	equal(t, "attempts", e.Attempts, len(at))
	must(t, r.s.Restart(t.Context(), r.job.ID, state.Restart{Escrows: true}))
	equal(t, "after a restart", names(r.claim(r.query(l.Holder, sinks.User, state.Dirty))), []string{"u0"})
}

// TestEscrowOfTheSource: an entry that can't be mapped waits for the source to show it
// again, and its account stays as it is.
func TestEscrowOfTheSource(t *testing.T) {
	r := newRig(t)
	r.read(people(2)...)
	r.link()
	broken := person(1)
	broken.Failure = &state.Failure{Code: "mapping_failed", Message: "row 3"}
	r.read(person(0), broken)
	must(t, r.s.WakeEscrow(t.Context(), r.job.ID, false))
	l := r.lease()
	equal(t, "to be planned", names(r.claim(r.query(l.Holder, sinks.User, state.Dirty))), []string{})
	equal(t, "presence", r.find(1).Presence, plan.Active)
	r.read(people(2)...)
	for _, o := range r.claim(r.query(l.Holder, sinks.User, state.Dirty)) {
		r.record(linked(&o))
	}
	equal(t, "escrow", len(r.escrow()), 0)
}

// TestDecisions: an approval covers what was waiting and nothing later, runs out, and
// ends where the reason changes.
func TestDecisions(t *testing.T) {
	r := newRig(t)
	r.read(people(4)...)
	r.link()
	l := r.lease()
	r.stage(l, 0)
	n, err := r.s.Decide(t.Context(), r.job.ID, state.Ruling{Decision: state.Approved})
	must(t, err)
	equal(t, "approved", n, 1)
	r.stage(l, 1)
	equal(t, "decided", names(r.claim(r.query(l.Holder, sinks.User, state.Decided))), []string{"u0"})
	n, err = r.s.Decide(t.Context(), r.job.ID, state.Ruling{Decision: state.Denied})
	must(t, err)
	equal(t, "rejected", n, 1)
	must(t, r.s.PassStaged(t.Context(), r.job.ID, int(sinks.User)))
	equal(t, "after a pass", names(r.claim(r.query(l.Holder, sinks.User, state.Decided))), []string{"u0"})

	r.now = r.now.Add(state.ApprovalTTL + time.Minute)
	must(t, r.s.ExpireApprovals(t.Context(), r.job.ID))
	equal(t, "after it ran out", names(r.claim(r.query(l.Holder, sinks.User, state.Decided))), []string{})
	equal(t, "decision", r.decision(0), state.Waiting)
	equal(t, "rejection", r.decision(1), state.Denied)

	o, err := r.s.ClaimOne(t.Context(), r.query(l.Holder, sinks.User, 0), r.find(1).ID)
	must(t, err)
	res := o.Unchanged()
	res.Stage = &state.Staged{Action: "disable", Reason: "deleted"}
	r.record(res)
	equal(t, "rejected for another reason", r.decision(1), state.Waiting)
}

func (r *rig) decision(i int) state.Decision {
	r.t.Helper()
	all, err := r.s.StagedDeletions(r.t.Context(), r.job.ID)
	must(r.t, err)
	for _, s := range all {
		if s.SourceID == person(i).SourceID {
			return s.Decision
		}
	}
	r.t.Fatalf("user %d is not staged", i)
	return 0
}

// TestLease: one cycle of a job at a time, whoever asks; provisions on demand beside it.
func TestLease(t *testing.T) {
	r := newRig(t)
	first := r.lease()
	other := r.open()
	_, err := other.LeaseCycle(t.Context(), r.job)
	held, ok := errors.AsType[*state.LeasedError](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	host, _ := os.Hostname()
	if want := fmt.Sprintf("%s pid %d", host, os.Getpid()); len(held.Process) < len(want) || held.Process[:len(want)] != want {
		t.Errorf("held by %q, want %q", held.Process, want)
	}
	for range 3 {
		l, err := other.LeaseProvision(t.Context(), r.job)
		must(t, err)
		defer func() { must(t, l.Release(t.Context())) }()
	}
	must(t, first.Release(t.Context()))
	second, err := other.LeaseCycle(t.Context(), r.job)
	must(t, err)
	r.now = r.now.Add(31 * time.Second) // its holder, on a machine that we can't see, is silent
	third, err := r.s.LeaseCycle(t.Context(), r.job)
	must(t, err)
	must(t, errors.Join(second.Release(t.Context()), third.Release(t.Context())))
}

// TestDeadProcessLosesItsLease at once when it ran on this machine: nobody waits for the
// lease to run out.
func TestDeadProcessLosesItsLease(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system has no /proc: leases run out by time alone")
	}
	r := newRig(t)
	r.read(people(1)...)
	lease := r.lease()
	r.claim(r.query(lease.Holder, sinks.User, state.Dirty))
	_, where, _ := strings.Cut(state.Self("/proc"), " boot ")
	host, _ := os.Hostname()
	r.exec(`UPDATE leases SET process = ?`, fmt.Sprintf("%s pid %d start 1 boot %s", host, os.Getpid(), where)) // another process had our number
	holder, err := r.s.Running(t.Context(), r.job.ID)
	must(t, err)
	if holder != nil {
		t.Errorf("%+v is said to run", holder)
	}
	next, err := r.open().LeaseCycle(t.Context(), r.job)
	must(t, err)
	defer func() { must(t, next.Release(t.Context())) }()
	must(t, r.s.WakeUnclear(t.Context(), r.job.ID))
	o := r.claim(r.query(next.Holder, sinks.User, state.Dirty))
	equal(t, "claimed", len(o), 1)
	equal(t, "unclear", o[0].Unclear, true)
}

// exec changes the file behind the store's back.
func (r *rig) exec(query string, args ...any) {
	r.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+r.file+"?_busy_timeout=10000")
	must(r.t, err)
	_, err = db.ExecContext(r.t.Context(), query, args...)
	must(r.t, errors.Join(err, db.Close()))
}

// TestObserve: what a reconcile saw replaces what was acknowledged; members that nobody
// manages are left alone, and a vanished account is matched anew.
func TestObserve(t *testing.T) {
	r := newRig(t)
	r.read(append(people(4), team(1, 0, 1))...)
	r.link()
	r.sendMembers(1)
	g := r.object(sinks.Group, "g1")
	drift, err := r.s.Observe(t.Context(), []state.Observation{
		{Object: g, Account: plan.Enabled, MembersKnown: true, Members: []sinks.ID{"app-u0", "app-u2", "app-stranger"}},
		{Object: r.find(3), Vanished: true},
	})
	must(t, err)
	equal(t, "drift", drift, 2)
	changes, err := r.s.MemberChanges(t.Context(), state.MemberQuery{Group: g.ID, Limit: 10})
	must(t, err)
	got := map[sources.ID]bool{}
	for _, m := range changes {
		got[m.SourceID] = m.Wanted()
	}
	equal(t, "to be sent", got, map[sources.ID]bool{"u1": true, "u2": false})
	equal(t, "vanished", r.find(3).Linked(), false)
	equal(t, "planned anew", r.find(3).Dirty > 0, true)
}

// sendMembers records that the app took all members of a group.
func (r *rig) sendMembers(i int) {
	r.t.Helper()
	g := r.object(sinks.Group, string(team(i).SourceID))
	changes, err := r.s.MemberChanges(r.t.Context(), state.MemberQuery{Group: g.ID, Limit: 100})
	must(r.t, err)
	res := g.Unchanged()
	for _, m := range changes {
		res.Members = append(res.Members, m.Result(m.Wanted()))
	}
	r.record(res)
}

// TestIndex finds without regard to letter case, and shows twins as such.
func TestIndex(t *testing.T) {
	x, err := state.NewIndex(t.Context(), sinks.Query{Resource: sinks.User}, []string{sinks.PathUserName})
	must(t, err)
	defer func() { must(t, x.Close()) }()
	object := func(id, name string) sinks.Object {
		return sinks.Object{ID: sinks.ID(id), Values: map[string]any{sinks.PathUserName: name, "title": "T"}}
	}
	must(t, x.Add(t.Context(), []sinks.Object{object("1", "Alice"), object("2", "bob"), object("3", "BOB")}))
	must(t, x.Add(t.Context(), []sinks.Object{object("1", "alice")})) // shown again on the next page
	for name, want := range map[string]int{"ALICE": 1, "bob": 2, "carol": 0} {
		hits, err := x.Find(t.Context(), sinks.PathUserName, name)
		must(t, err)
		equal(t, name, len(hits), want)
	}
	n, err := x.Len(t.Context())
	must(t, err)
	equal(t, "objects", n, 3)
	o, err := x.Get(t.Context(), "2")
	must(t, err)
	equal(t, "title", o.Values["title"], any("T"))
	if _, err := x.Find(t.Context(), "title", "T"); err == nil {
		t.Error("a search by another attribute must not look like one without hits")
	}
}

// TestSleeper: a process that lost its lease while it slept gets nothing more to do, and
// what it reports late does not take the place of what another one found out.
func TestSleeper(t *testing.T) {
	r := newRig(t)
	r.read(people(2)...)
	sleeper := r.lease()
	asleep := r.claim(r.query(sleeper.Holder, sinks.User, state.Dirty))
	r.now = r.now.Add(31 * time.Second)
	next := r.lease()
	found := r.claim(r.query(next.Holder, sinks.User, state.Dirty))
	r.record(linked(&found[0]), linked(&found[1]))
	late := linked(&asleep[0])
	late.SinkID = "another"
	r.record(late)
	equal(t, "link", r.find(0).SinkID, sinks.ID("app-u0"))
	if _, err := r.s.Claim(t.Context(), r.query(sleeper.Holder, sinks.User, state.Dirty)); !errors.Is(err, state.ErrLeaseLost) {
		t.Errorf("error %v, want %v", err, state.ErrLeaseLost)
	}
}

// TestVersionsFollowTheAccount: the version that the app gave is handed out with the next
// claim, and goes when the account goes.
func TestVersionsFollowTheAccount(t *testing.T) {
	r := newRig(t)
	r.read(people(1)...)
	l := r.lease()
	made := linked(&r.claim(r.query(l.Holder, sinks.User, state.Dirty))[0])
	made.Version = `W/"1"`
	r.record(made)
	equal(t, "version", r.find(0).Version, `W/"1"`)
	gone := r.find(0).Unchanged()
	gone.SinkID, gone.Account = "", plan.NoAccount
	r.record(gone)
	equal(t, "version without an account", r.find(0).Version, "")
}
