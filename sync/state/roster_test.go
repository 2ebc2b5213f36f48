package state_test

import (
	"errors"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// pair is a membership as the app should have it, and as it has it.
type pair struct{ Wanted, Have bool }

type pairs = map[sources.ID]pair

// toCompare are the memberships of a group that have to be compared, by the user's source id.
func (r *rig) toCompare(i int) pairs {
	r.t.Helper()
	g := r.object(sinks.Group, string(team(i).SourceID))
	changes, err := r.s.MemberChanges(r.t.Context(), state.MemberQuery{Group: g.ID, Limit: 1000})
	must(r.t, err)
	out := pairs{}
	for _, m := range changes {
		out[m.SourceID] = pair{m.Wanted(), m.Have}
	}
	return out
}

// settled is a rig whose users 0 to 3 have accounts, and whose groups 1 (users 0, 1) and
// 2 (1, 2) have their members.
func settled(t *testing.T) *rig {
	r := newRig(t)
	r.read(append(people(4), team(1, 0, 1), team(2, 1, 2))...)
	r.link()
	r.sendMembers(1)
	r.sendMembers(2)
	return r
}

// TestAccountsWakeMemberships: whatever becomes of an account has its memberships compared,
// in all groups, and nobody else's.
func TestAccountsWakeMemberships(t *testing.T) {
	for name, tt := range map[string]struct {
		user   int
		change func(*state.Result)
		groups [3]pairs
	}{
		"disabled":    {1, disabled, [3]pairs{1: {"u1": {false, true}}, 2: {"u1": {false, true}}}},
		"replaced":    {1, replaced, [3]pairs{1: {"u1": {true, false}}, 2: {"u1": {true, false}}}},
		"lost":        {2, lost, [3]pairs{1: {}, 2: {"u2": {false, false}}}},
		"as it was":   {1, func(*state.Result) {}, [3]pairs{1: {}, 2: {}}},
		"in no group": {3, disabled, [3]pairs{1: {}, 2: {}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := settled(t)
			res := r.find(tt.user).Unchanged()
			tt.change(&res)
			r.record(res)
			equal(t, "group 1", r.toCompare(1), tt.groups[1])
			equal(t, "group 2", r.toCompare(2), tt.groups[2])
		})
	}
}

func disabled(r *state.Result) { r.Account = plan.Blocked }
func replaced(r *state.Result) { r.SinkID = "app-other" }
func lost(r *state.Result)     { r.SinkID, r.Account = "", plan.NoAccount }

// TestLostWhileLeaving: who was to be taken out of a group, and lost the account before, is in
// it no more.
func TestLostWhileLeaving(t *testing.T) {
	r := settled(t)
	r.read(append(people(4), team(1, 0), team(2, 1, 2))...)
	equal(t, "to be compared", r.toCompare(1), pairs{"u1": {false, true}})
	res := r.find(1).Unchanged()
	lost(&res)
	r.record(res)
	equal(t, "to be compared when the account is gone", r.toCompare(1), pairs{})
}

// TestFirstAccountWakesMemberships: who got no account when the group's members were sent
// is sent when the account is there.
func TestFirstAccountWakesMemberships(t *testing.T) {
	r := newRig(t)
	r.read(append(people(2), team(1, 0, 1))...)
	l := r.lease()
	users := r.claim(r.query(l.Holder, sinks.User, state.Dirty))
	r.record(linked(&users[0]))
	r.record(linked(r.object(sinks.Group, "g1")))
	r.sendMembers(1)
	equal(t, "waiting before", r.toCompare(1), pairs{})
	r.record(linked(&users[1]))
	equal(t, "waiting", r.toCompare(1), pairs{"u1": {true, false}})
	m, err := r.s.Memberships(t.Context(), r.query("", sinks.User, 0), r.find(1).ID)
	must(t, err)
	equal(t, "groups of the user", m, state.Memberships{Wanted: 1})
	m, err = r.s.Memberships(t.Context(), r.query("", sinks.Group, 0), r.object(sinks.Group, "g1").ID)
	must(t, err)
	equal(t, "members of the group", m, state.Memberships{Wanted: 2, Have: 1})
}

// TestAccountBesideTheSending: an account that changes while its group is being sent, with
// all members waiting, is compared again, although the result of its membership comes later.
// What was sent for an account is not true of the next one.
func TestAccountBesideTheSending(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*state.Result)
		want   pair
	}{
		"disabled": {disabled, pair{false, true}},
		"replaced": {replaced, pair{true, false}},
		"lost":     {lost, pair{false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.read(append(people(2), team(1, 0, 1))...)
			r.link()
			g, changes := r.sending(1)
			meanwhile := r.find(1).Unchanged()
			tt.change(&meanwhile)
			r.record(meanwhile)
			res := g.Unchanged()
			for _, m := range changes {
				res.Members = append(res.Members, m.Result(m.Wanted()))
			}
			r.record(res)
			equal(t, "to be compared", r.toCompare(1), pairs{"u0": {true, true}, "u1": tt.want})
		})
	}
}

// TestGroupsOfLostAccounts: a group whose account is another now has no members yet.
func TestGroupsOfLostAccounts(t *testing.T) {
	for name, lose := range map[string]func(*rig, *state.Object){
		"recorded": func(r *rig, g *state.Object) {
			res := g.Unchanged()
			res.SinkID = "app-other"
			r.record(res)
		},
		"unlinked": func(r *rig, g *state.Object) { must(r.t, r.s.Unlink(r.t.Context(), g.ID)) },
		"observed": func(r *rig, g *state.Object) {
			_, err := r.s.Observe(r.t.Context(), []state.Observation{{Object: g, Vanished: true}})
			must(r.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := settled(t)
			lose(r, r.object(sinks.Group, "g1"))
			equal(t, "group 1", r.toCompare(1), pairs{"u0": {true, false}, "u1": {true, false}})
			equal(t, "group 2", r.toCompare(2), pairs{})
		})
	}
}

// TestEmptiedGroupsComeBack: all members of a group are compared when it was emptied, and
// when it comes back.
func TestEmptiedGroupsComeBack(t *testing.T) {
	r := settled(t)
	for _, account := range []plan.Account{plan.Blocked, plan.Enabled} {
		res := r.object(sinks.Group, "g1").Unchanged()
		res.Account = account
		r.record(res)
		equal(t, "to be compared", r.toCompare(1), pairs{"u0": {true, true}, "u1": {true, true}})
		r.sendMembers(1)
	}
}

// TestLeftBeforeSent: who left a group before the app heard of it is forgotten there, and
// the other members are woken as before.
func TestLeftBeforeSent(t *testing.T) {
	r := newRig(t)
	r.read(append(people(3), team(1, 0, 1, 2))...)
	r.link()
	r.read(append(people(3), team(1, 0))...)
	equal(t, "to be compared", r.toCompare(1), pairs{"u0": {true, false}})
	r.sendMembers(1)
	off := r.find(0).Unchanged()
	disabled(&off)
	r.record(off)
	equal(t, "to be compared after a change", r.toCompare(1), pairs{"u0": {false, true}})
}

// TestMembersInPages: a group whose members are told on several pages keeps them all, also
// when the program was started anew between two of them.
func TestMembersInPages(t *testing.T) {
	for _, full := range []bool{true, false} {
		r := newRig(t)
		r.read(append(people(5), team(1, 0, 1, 4))...)
		im, _ := r.begin(full)
		must(t, im.Import(t.Context(), state.Batch{Entries: append(people(5), team(1, 0)), Full: full, Cursor: "2"}))
		r.s = r.open()
		im, _ = r.begin(full)
		must(t, im.Import(t.Context(), state.Batch{Entries: []state.Entry{team(1, 1)}, Full: full, Cursor: "3"}))
		last := state.Batch{Entries: []state.Entry{team(1, 2), team(1, 3)}, Full: full, Done: true, Cursor: "end"}
		if !full {
			last.CompleteGroups = []sources.ID{"g1"}
		}
		must(t, im.Import(t.Context(), last))
		equal(t, "members", r.members(1), []string{"u0", "u1", "u2", "u3"})
	}
}

// TestMembersOnDemandDuringARound: who joined a group on demand while a round was under way
// is not missed at its end, and who left it on demand is not in it.
func TestMembersOnDemandDuringARound(t *testing.T) {
	r := newRig(t)
	r.read(append(people(4), team(1, 0, 1))...)
	im, _ := r.begin(true)
	must(t, im.Import(t.Context(), state.Batch{Entries: append(people(4), team(1, 0, 1)), Full: true, Cursor: "2"}))
	_, err := r.importer(r.reload().Round).One(t.Context(), team(1, 0, 3), true)
	must(t, err)
	equal(t, "members on demand", r.members(1), []string{"u0", "u3"})
	must(t, im.Import(t.Context(), state.Batch{Full: true, Done: true, Cursor: "end"}))
	equal(t, "members at the end", r.members(1), []string{"u0", "u3"})
}

// TestWholeListAfterOnDemand: the whole list of a group's members is the source's word, and
// what was provisioned on demand before it is no part of it.
func TestWholeListAfterOnDemand(t *testing.T) {
	r := newRig(t)
	r.read(append(people(4), team(1, 0, 1))...)
	im, _ := r.begin(false)
	must(t, im.Import(t.Context(), state.Batch{Entries: []state.Entry{team(1, 0)}, Cursor: "2"}))
	_, err := r.importer(r.reload().Round).One(t.Context(), team(1, 0, 3), true)
	must(t, err)
	must(t, im.Import(t.Context(), state.Batch{Entries: []state.Entry{team(1, 2)}, CompleteGroups: []sources.ID{"g1"}, Done: true, Cursor: "end"}))
	equal(t, "members", r.members(1), []string{"u0", "u2"})
}

// TestDamagedRoster: a roster that was not stored whole is an error, and nobody is taken for
// having left.
func TestDamagedRoster(t *testing.T) {
	r := settled(t)
	r.exec(`UPDATE rosters SET want = x'81'`)
	g := r.object(sinks.Group, "g1")
	if _, err := r.s.MemberChanges(t.Context(), state.MemberQuery{Group: g.ID, Limit: 10}); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("members: error %v", err)
	}
	im, _ := r.begin(true)
	err := im.Import(t.Context(), state.Batch{Entries: append(people(4), team(1, 0, 1), team(2, 1)), Full: true, Done: true})
	if !errors.Is(err, state.ErrDamaged) {
		t.Errorf("a full read: error %v", err)
	}
}

// TestUnreadableGroup: a group whose entry could not be read keeps its members.
func TestUnreadableGroup(t *testing.T) {
	r := settled(t)
	im, _ := r.begin(true)
	bad := state.Entry{Resource: sinks.Group, SourceID: "g1", Failure: &state.Failure{Code: "bad_entry", Message: "unreadable"}}
	must(t, im.Import(t.Context(), state.Batch{Entries: append(people(4), team(2, 1)), Bad: []state.Entry{bad}, Full: true, Done: true, Cursor: "end"}))
	equal(t, "members of the group that could not be read", r.members(1), []string{"u0", "u1"})
	equal(t, "members of the other", r.members(2), []string{"u1"})
}

// TestPageOfLeavers: a page may tell of nothing but members who left.
func TestPageOfLeavers(t *testing.T) {
	r := newRig(t)
	r.read(append(people(3), team(1, 0, 1, 2))...)
	im, _ := r.begin(false)
	for _, user := range []sources.ID{"u0", "u2"} {
		page := team(1)
		page.MembersOnly, page.Members = true, []sources.Member{{User: user, Removed: true}}
		must(t, im.Import(t.Context(), state.Batch{Entries: []state.Entry{page}, Cursor: "next"}))
	}
	must(t, im.Import(t.Context(), state.Batch{Done: true, Cursor: "end"}))
	equal(t, "members", r.members(1), []string{"u1"})
}

// TestNothingNewOfMembers: a list that says nothing new has nothing compared.
func TestNothingNewOfMembers(t *testing.T) {
	r := settled(t)
	same := team(2, 1, 2)
	same.Members = append(same.Members, sources.Member{User: "u3", Removed: true})
	r.read(append(people(4), team(1, 0, 1), same)...)
	equal(t, "group 1", r.toCompare(1), pairs{})
	equal(t, "group 2", r.toCompare(2), pairs{})
	l := r.lease()
	equal(t, "groups to be compared", len(r.claim(r.query(l.Holder, sinks.Group, state.Membership))), 0)
}

// TestMembersBeforeTheUsers: members may be told, even twice, before the users themselves,
// on a page before or on the same one.
func TestMembersBeforeTheUsers(t *testing.T) {
	r := newRig(t)
	im, _ := r.begin(true)
	must(t, im.Import(t.Context(), state.Batch{Entries: []state.Entry{team(1, 1, 0, 1)}, Full: true, Cursor: "2"}))
	must(t, im.Import(t.Context(), state.Batch{Entries: append(people(2), team(2, 3), person(3)), Full: true, Done: true, Cursor: "end"}))
	equal(t, "members", r.members(1), []string{"u1", "u0"})
	equal(t, "members of the page", r.members(2), []string{"u3"})
	equal(t, "known by now", r.find(1).Presence, plan.Active)
}

// TestMembersOfGroupsThatAreGone: the members of a group that a round did not show stay
// known, for its return.
func TestMembersOfGroupsThatAreGone(t *testing.T) {
	r := settled(t)
	r.read(append(people(4), team(1, 0, 1))...)
	equal(t, "members of the group that is gone", r.members(2), []string{"u1", "u2"})
	equal(t, "presence", r.object(sinks.Group, "g2").Presence, plan.Gone)
}

// TestManyGroups: a full round looks through more groups than are in memory at once.
func TestManyGroups(t *testing.T) {
	r := newRig(t)
	const groups = 150
	entries, left := people(2), people(2)
	for i := range groups {
		entries, left = append(entries, team(i, 0, 1)), append(left, team(i, 1))
	}
	r.read(entries...)
	r.read(left...)
	for i := range groups {
		equal(t, "members", r.members(i), []string{"u1"})
	}
	r.read(append(left, team(groups, 0))...)
	r.link()
	for i := range groups + 1 {
		r.sendMembers(i)
	}
	off := r.find(0).Unchanged()
	disabled(&off)
	r.record(off)
	equal(t, "in the last of many groups", r.toCompare(groups), pairs{"u0": {false, true}})
}

// TestMembersByAndBy: what is asked for in small parts is the whole, in order.
func TestMembersByAndBy(t *testing.T) {
	r := newRig(t)
	r.read(append(people(9), team(1, 8, 7, 6, 5, 4, 3, 2, 1, 0))...)
	l := r.lease()
	for i, o := range r.claim(r.query(l.Holder, sinks.User, state.Dirty)) {
		if i%3 != 0 {
			r.record(linked(&o))
		}
	}
	q := state.MemberQuery{Group: r.object(sinks.Group, "g1").ID, Limit: 2}
	for ready, want := range map[bool][]sources.ID{
		false: {"u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"},
		true:  {"u1", "u2", "u4", "u5", "u7", "u8"},
	} {
		var got []sources.ID
		for q.Ready, q.After = ready, 0; ; {
			page, err := r.s.MemberChanges(t.Context(), q)
			must(t, err)
			for _, m := range page {
				got = append(got, m.SourceID)
			}
			if len(page) < q.Limit {
				break
			}
			q.After = page[len(page)-1].User
		}
		equal(t, "members", got, want)
	}
}
