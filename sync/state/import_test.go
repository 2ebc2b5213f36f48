package state_test

import (
	"errors"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// TestSweep: a full round that was read to its end marks whoever it did not show as gone,
// and nothing else does.
func TestSweep(t *testing.T) {
	bad := func(e state.Entry, id sources.ID) state.Entry {
		e.SourceID, e.Failure = id, &state.Failure{Code: "bad_entry", Message: "line 7"}
		return e
	}
	for name, c := range map[string]struct {
		batch state.Batch
		want  plan.Presence // of user 2, who is not shown
		err   error
	}{
		"full and done":         {state.Batch{Entries: people(2), Full: true, Done: true}, plan.Gone, nil},
		"full, not done":        {state.Batch{Entries: people(2), Full: true}, plan.Active, nil},
		"changes and done":      {state.Batch{Entries: people(2), Done: true}, plan.Active, nil},
		"empty":                 {state.Batch{Full: true, Done: true}, plan.Active, state.ErrEmptyRead},
		"unreadable":            {state.Batch{Entries: people(2), Bad: []state.Entry{bad(person(2), "u2")}, Full: true, Done: true}, plan.Active, nil},
		"unreadable, no id":     {state.Batch{Entries: people(2), Bad: []state.Entry{bad(person(2), "")}, Full: true, Done: true}, plan.Active, nil},
		"removed, as is told":   {state.Batch{Entries: []state.Entry{{Resource: sinks.User, SourceID: "u2", Presence: plan.DeletedSoft}}, Done: true}, plan.DeletedSoft, nil},
		"a list of groups only": {state.Batch{Entries: []state.Entry{team(1)}, Full: true, Done: true}, plan.Active, state.ErrEmptyRead},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.read(people(3)...)
			im, _ := r.begin(c.batch.Full)
			if err := im.Import(t.Context(), c.batch); !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			equal(t, "presence", r.find(2).Presence, c.want)
			equal(t, "presence of who is shown", r.find(1).Presence, plan.Active)
		})
	}
}

// TestEmptyListOfGroups: a directory may lose its last two groups, but not all of many.
func TestEmptyListOfGroups(t *testing.T) {
	for groups, want := range map[int]error{2: nil, 3: state.ErrEmptyRead} {
		r := newRig(t)
		all := people(2)
		for i := range groups {
			all = append(all, team(i, 1))
		}
		r.read(all...)
		im, _ := r.begin(true)
		if err := im.Import(t.Context(), state.Batch{Entries: people(2), Full: true, Done: true}); !errors.Is(err, want) {
			t.Errorf("%d groups: error %v, want %v", groups, err, want)
		}
	}
}

// TestInterruptedRound: the next process goes on behind the last stored page, and who
// stood on the pages before is not missed.
func TestInterruptedRound(t *testing.T) {
	r := newRig(t)
	r.read(people(6)...)
	im, _ := r.begin(true)
	all := people(6)
	must(t, im.Import(t.Context(), state.Batch{Entries: all[:3], Full: true, Cursor: "page 2"}))
	r.s = r.open()
	im, cursor := r.begin(false)
	equal(t, "cursor", cursor, sources.Cursor("page 2"))
	must(t, im.Import(t.Context(), state.Batch{Entries: all[3:5], Full: true, Done: true, Cursor: "end"}))
	equal(t, "on the first page", r.find(0).Presence, plan.Active)
	equal(t, "on the second page", r.find(4).Presence, plan.Active)
	equal(t, "on none", r.find(5).Presence, plan.Gone)
	equal(t, "watermark", r.reload().Cursor, sources.Cursor("end"))
}

// TestPageIsAllOrNothing: a page that can't be stored leaves neither entries nor a cursor.
func TestPageIsAllOrNothing(t *testing.T) {
	r := newRig(t)
	im, _ := r.begin(true)
	assigned := []sources.Assignment{{Kind: sources.KindUser, ID: "u1"}}
	must(t, im.Import(t.Context(), state.Batch{Entries: people(3), Assignments: assigned, CompleteAssignments: true, Full: true, Done: true, Cursor: "one"}))
	im, _ = r.begin(false)
	err := im.Import(t.Context(), state.Batch{Entries: []state.Entry{person(9)}, CompleteAssignments: true, Done: true, Cursor: "two"})
	if !errors.Is(err, state.ErrNoAssignments) {
		t.Fatalf("error %v", err)
	}
	if r.find(9) != nil {
		t.Error("a part of the page was stored")
	}
	equal(t, "watermark", r.reload().Cursor, sources.Cursor("one"))
	equal(t, "assigned", r.find(1).Assigned, true)
}

// TestProvisionDuringARound: somebody provisioned on demand while a round is under way is
// not missed at its end, and does not make an empty read look like a good one.
func TestProvisionDuringARound(t *testing.T) {
	r := newRig(t)
	r.read(people(3)...)
	im, _ := r.begin(true)
	must(t, im.Import(t.Context(), state.Batch{Entries: people(3), Full: true, Cursor: "2"}))
	_, err := r.importer(state.Round{}).One(t.Context(), person(7), false)
	must(t, err)
	must(t, im.Import(t.Context(), state.Batch{Full: true, Done: true}))
	equal(t, "presence", r.find(7).Presence, plan.Active)

	im, _ = r.begin(true)
	_, err = r.importer(state.Round{}).One(t.Context(), person(7), false)
	must(t, err)
	if err := im.Import(t.Context(), state.Batch{Full: true, Done: true}); !errors.Is(err, state.ErrEmptyRead) {
		t.Errorf("error %v, want %v", err, state.ErrEmptyRead)
	}
	im, _ = r.begin(true) // and again after a restart
	if err := im.Import(t.Context(), state.Batch{Full: true, Done: true}); !errors.Is(err, state.ErrEmptyRead) {
		t.Errorf("error after a restart %v, want %v", err, state.ErrEmptyRead)
	}
}

// TestNewFingerprint: another mapping or scope reads everything again, and links stay.
func TestNewFingerprint(t *testing.T) {
	r := newRig(t)
	r.read(people(2)...)
	r.link()
	r.print = "v2"
	im, cursor := r.begin(false)
	equal(t, "cursor", cursor, sources.Cursor(""))
	must(t, im.Import(t.Context(), state.Batch{Entries: people(2), Full: true, Done: true, Cursor: "end"}))
	equal(t, "link", r.find(1).SinkID, sinks.ID("app-u1"))
}

// TestMembersOfARound: what a round says of members, in pieces and in whole.
func TestMembersOfARound(t *testing.T) {
	r := newRig(t)
	r.read(append(people(5), team(1, 0, 1))...)
	im, _ := r.begin(false)
	more := team(1, 2)
	more.MembersOnly = true
	less := team(1)
	less.MembersOnly, less.Members = true, []sources.Member{{User: "u0", Removed: true}}
	must(t, im.Import(t.Context(), state.Batch{Entries: []state.Entry{more, less}, Done: true, Cursor: "2"}))
	equal(t, "members after changes", r.members(1), []string{"u1", "u2"})
	im, _ = r.begin(false)
	must(t, im.Import(t.Context(), state.Batch{Entries: []state.Entry{team(1, 3)}, CompleteGroups: []sources.ID{"g1"}, Done: true, Cursor: "3"}))
	equal(t, "members after a whole list", r.members(1), []string{"u3"})
	r.read(append(people(5), team(1, 4))...)
	equal(t, "members after a full round", r.members(1), []string{"u4"})
}

// members are the users whom the source has in a group.
func (r *rig) members(i int) []string {
	r.t.Helper()
	g := r.object(sinks.Group, string(team(i).SourceID))
	all, err := r.s.MemberChanges(r.t.Context(), state.MemberQuery{Group: g.ID, Limit: 1000, All: true})
	must(r.t, err)
	out := []string{}
	for _, m := range all {
		if m.Want {
			out = append(out, string(m.SourceID))
		}
	}
	return out
}

// TestPurge: who is gone, has no account and is named by nobody is forgotten; everybody
// else is kept.
func TestPurge(t *testing.T) {
	r := newRig(t)
	boss := person(1)
	report := person(2)
	report.Manager.ID = boss.SourceID
	r.read(person(0), boss, report, person(3), person(4), team(1, 4))
	r.link()
	r.read(report, person(9), team(1, 4)) // 0, 1, 3 and 4 are gone
	l := r.lease()
	for _, o := range r.claim(r.query(l.Holder, sinks.User, state.Dirty)) {
		res := o.Unchanged()
		if o.SourceID != "u3" { // whose account is kept
			res.SinkID, res.Account = "", plan.NoAccount
		}
		r.record(res)
	}
	_, err := r.s.Purge(t.Context(), r.job.ID)
	must(t, err)
	kept := []string{}
	for i := range 10 {
		if o := r.find(i); o != nil {
			kept = append(kept, string(o.SourceID))
		}
	}
	equal(t, "kept", kept, []string{"u1", "u2", "u3", "u4", "u9"}) // 1 is a manager, 2 dirty again for it, 4 a member
}

// TestOwnManager: somebody who manages himself, as the head of a company often does in
// directories, is stored like everybody else.
func TestOwnManager(t *testing.T) {
	r := newRig(t)
	boss := person(0)
	boss.Manager = sources.Reference{Known: true, ID: boss.SourceID}
	for range 2 { // as a new object, and as a known one
		r.read(boss)
		equal(t, "manager", r.find(0).Manager.ID, r.find(0).ID)
		boss.DisplayName += " II"
	}
}

// TestLastWordOnAMember: an entry that tells of a member twice means what it says last.
func TestLastWordOnAMember(t *testing.T) {
	r := newRig(t)
	g := team(0, 1, 2, 3, 3)
	g.Members = append(g.Members, sources.Member{User: "u2", Removed: true})
	r.read(append(people(4), g)...)
	equal(t, "members", r.members(0), []string{"u1", "u3"})
	g.Members = []sources.Member{{User: "u1", Removed: true}, {User: "u3", Removed: true}, {User: "u1"}, {User: "u2"}}
	r.read(append(people(4), g)...)
	equal(t, "members afterwards", r.members(0), []string{"u1", "u2"})
}
