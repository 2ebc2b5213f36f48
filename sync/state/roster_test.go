package state_test

import (
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// toCompare are the memberships of a group that have to be compared: whether the app should
// have them, by the user's source id.
func (r *rig) toCompare(i int) map[sources.ID]bool {
	r.t.Helper()
	g := r.object(sinks.Group, string(team(i).SourceID))
	changes, err := r.s.MemberChanges(r.t.Context(), state.MemberQuery{Group: g.ID, Limit: 1000})
	must(r.t, err)
	out := map[sources.ID]bool{}
	for _, m := range changes {
		out[m.SourceID] = m.Wanted()
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
	none := map[sources.ID]bool{}
	for name, tt := range map[string]struct {
		user         int
		change       func(*state.Result)
		group1, two2 map[sources.ID]bool
	}{
		"disabled":    {1, func(res *state.Result) { res.Account = plan.Blocked }, map[sources.ID]bool{"u1": false}, map[sources.ID]bool{"u1": false}},
		"replaced":    {1, func(res *state.Result) { res.SinkID = "app-other" }, map[sources.ID]bool{"u1": true}, map[sources.ID]bool{"u1": true}},
		"lost":        {2, func(res *state.Result) { res.SinkID, res.Account = "", plan.NoAccount }, none, map[sources.ID]bool{"u2": false}},
		"as it was":   {1, func(*state.Result) {}, none, none},
		"in no group": {3, func(res *state.Result) { res.Account = plan.Blocked }, none, none},
	} {
		t.Run(name, func(t *testing.T) {
			r := settled(t)
			res := r.find(tt.user).Unchanged()
			tt.change(&res)
			r.record(res)
			equal(t, "group 1", r.toCompare(1), tt.group1)
			equal(t, "group 2", r.toCompare(2), tt.two2)
		})
	}
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
	equal(t, "waiting before", r.toCompare(1), map[sources.ID]bool{})
	r.record(linked(&users[1]))
	equal(t, "waiting", r.toCompare(1), map[sources.ID]bool{"u1": true})
	m, err := r.s.Memberships(t.Context(), r.query("", sinks.User, 0), r.find(1).ID)
	must(t, err)
	equal(t, "groups of the user", m, state.Memberships{Wanted: 1})
	m, err = r.s.Memberships(t.Context(), r.query("", sinks.Group, 0), r.object(sinks.Group, "g1").ID)
	must(t, err)
	equal(t, "members of the group", m, state.Memberships{Wanted: 2, Have: 1})
}

// TestAccountBesideTheSending: an account that changes while its group is being sent, with
// all members waiting, is compared again, although the result of its membership comes later.
func TestAccountBesideTheSending(t *testing.T) {
	r := newRig(t)
	r.read(append(people(2), team(1, 0, 1))...)
	r.link()
	l := r.lease()
	g := r.claim(r.query(l.Holder, sinks.Group, state.Membership))[0]
	changes, err := r.s.MemberChanges(t.Context(), state.MemberQuery{Group: g.ID, Limit: 10})
	must(t, err)
	off := r.find(1).Unchanged()
	off.Account = plan.Blocked
	r.record(off)
	res := g.Unchanged()
	for _, m := range changes {
		res.Members = append(res.Members, m.Result(m.Wanted()))
	}
	r.record(res)
	again := r.toCompare(1)
	equal(t, "user 1 is wanted", again["u1"], false)
	_, waits := again["u1"]
	equal(t, "user 1 waits", waits, true)
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
			equal(t, "group 1", r.toCompare(1), map[sources.ID]bool{"u0": true, "u1": true})
			equal(t, "group 2", r.toCompare(2), map[sources.ID]bool{})
		})
	}
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

// TestMembersOfGroupsThatAreGone: the members of a group that a round did not show stay
// known, for its return.
func TestMembersOfGroupsThatAreGone(t *testing.T) {
	r := settled(t)
	r.read(append(people(4), team(1, 0, 1))...)
	equal(t, "members of the group that is gone", r.members(2), []string{"u1", "u2"})
	equal(t, "presence", r.object(sinks.Group, "g2").Presence, plan.Gone)
}
