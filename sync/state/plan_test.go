package state

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestQueriesOfEveryCycle: what a cycle in which nothing changed asks for is found by the
// indexes of what is to be done, and no page of a list costs a walk over the others. SQLite
// has no statistics of the file, so that its choice for an empty one is that for a million.
func TestQueriesOfEveryCycle(t *testing.T) {
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	claim := func(w What) string {
		return objectQuery + claimWhere(w)
	}
	for name, tt := range map[string]struct {
		query string
		args  []any
		walk  string
	}{
		"waiting":     {waitingCount, []any{1, 1}, "SEARCH objects USING INDEX objects_dirty "},
		"list":        {objectQuery + linkedInOrder, []any{1, 1, 0, 10}, "SEARCH o USING INTEGER PRIMARY KEY "},
		"ready":       {claim(Ready), []any{1, 1, 0, "", 0, 10}, "SEARCH o USING INDEX objects_dirty "},
		"dirty":       {claim(Dirty), []any{1, 1, 0, "", 0, 10}, "SEARCH o USING INDEX objects_dirty "},
		"decided":     {claim(Decided), []any{1, 1, 0, "", 0, 10}, "SCAN staged"},
		"memberships": {claim(Membership), []any{1, 1, 0, "", 0, 10}, "SCAN rosters USING INDEX rosters_pending"},
		"rosters":     {rosterPageOf(rostersOfJob), []any{1, 0, 10}, "SEARCH r USING INDEX rosters_job (job_id=? AND rowid>?)"},
		"settled":     {rosterPageOf(rostersSettled), []any{1, 0, 10}, "SEARCH r USING INDEX rosters_settled (job_id=? AND rowid>?)"},
		"claimed":     {rosterPageOf(rostersClaimed), []any{1, 0, 10}, "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"},
		"members":     {memberIDsQuery, []any{1, "[]"}, "SEARCH o USING COVERING INDEX"},
		"users":       {membersQuery, []any{"[]"}, "SEARCH s USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN"},
		"assigned":    {assignedMembersQuery, []any{1}, "SEARCH g USING INDEX objects_assigned"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := strings.Join(explain(t, s, tt.query, tt.args), "\n")
			sorted := strings.Contains(strings.ReplaceAll(plan, numbersInOrder, ""), "TEMP B-TREE")
			if !strings.Contains(plan, tt.walk) || sorted {
				t.Errorf("want %q and nothing sorted:\n%s", tt.walk, plan)
			}
		})
	}
}

// numbersInOrder is the one thing that is sorted: the answer of a page's members, in the
// order of the question.
const numbersInOrder = "USE TEMP B-TREE FOR json_group_array(ORDER BY)"

// TestCommitModes: what must survive a power loss is written through to the disk, whatever
// was committed before it.
func TestCommitModes(t *testing.T) {
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	mode := func(x *txn) (mode int) {
		if err := x.one("PRAGMA synchronous", nil, &mode); err != nil {
			t.Error(err)
		}
		return mode
	}
	for _, tt := range []struct {
		commit func(context.Context, func(*txn) error) error
		want   int
	}{{s.tx, 2}, {s.soon, 1}, {s.soon, 1}, {s.tx, 2}} {
		if err := tt.commit(t.Context(), func(x *txn) error {
			if got := mode(x); got != tt.want {
				t.Errorf("synchronous %d, want %d", got, tt.want)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}
