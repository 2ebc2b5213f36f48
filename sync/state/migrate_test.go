package state

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/idpbridge/idpbridge/sync/provlog"
)

// TestLogSurvivesTheLeanIndex: records of the third schema are found by status and action
// after the fourth, and are as they were after the way back.
func TestLogSurvivesTheLeanIndex(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	p, db := at(t, file, 3)
	mustExec(t, db, `INSERT INTO jobs (id, name) VALUES (1, 'wiki')`)
	type row struct{ Status, Action string }
	var rows []row
	for i, s := range provlog.Statuses() {
		for j, a := range provlog.Actions() {
			rows = append(rows, row{string(s), string(a)})
			mustExec(t, db, `INSERT INTO log (job_id, time, status, action, source_id, body) VALUES (1, ?, ?, ?, 'u1', '{}')`, 10*i+j, string(s), string(a))
		}
	}
	s, err := Open(t.Context(), Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		found := logs(t, s, 1, provlog.Filter{Status: provlog.Status(r.Status), Action: provlog.Action(r.Action), Limit: 10})
		if len(found) != 1 || found[0].Seq != int64(i+1) {
			t.Errorf("%v: %+v, want record %d", r, found, i+1)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	var back []row
	for _, both := range texts(t, db, `SELECT status || ' ' || action FROM log ORDER BY id`) {
		status, action, _ := strings.Cut(both, " ")
		back = append(back, row{status, action})
	}
	if diff := cmp.Diff(rows, back); diff != "" {
		t.Errorf("after the way back (-want +got):\n%s", diff)
	}
}

// TestLogSurvivesTheShortIndexes: records of the fourth schema are found by identity after
// the sixth, all of them, and they and their table are as they were after the way back.
func TestLogSurvivesTheShortIndexes(t *testing.T) {
	const people, each, schema = 1001, 3, `SELECT sql FROM sqlite_master WHERE tbl_name = 'log' ORDER BY name`
	const all = `SELECT id || ' ' || job_id || ' ' || time || ' ' || kind || ' ' || source_id || ' ' || body FROM log ORDER BY id`
	file := filepath.Join(t.TempDir(), "state.db")
	p, db := at(t, file, 4)
	mustExec(t, db, `INSERT INTO jobs (id, name) VALUES (1, 'wiki')`)
	// Every second id, as if others had been pruned.
	mustExec(t, db, `WITH n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1 * ?2)
		INSERT INTO log (id, job_id, time, kind, source_id, body) SELECT 2 * i + 1, 1, i, 11, 'u' || (i % ?1), '{}' FROM n`, people, each)
	before, table := texts(t, db, all), texts(t, db, schema)
	s, err := Open(t.Context(), Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(people) {
		var got []int64
		for _, l := range logs(t, s, 1, provlog.Filter{Identity: fmt.Sprintf("u%d", i), Limit: 10}) {
			got = append(got, l.Seq)
		}
		if want := []int64{2*(i+2*people) + 1, 2*(i+people) + 1, 2*i + 1}; !slices.Equal(got, want) {
			t.Fatalf("u%d has the records %v, want %v", i, got, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, texts(t, db, all)); diff != "" {
		t.Errorf("records after the way back (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(table, texts(t, db, schema)); diff != "" {
		t.Errorf("the table after the way back (-want +got):\n%s", diff)
	}
}

// TestMembershipsSurviveBeingPacked: what the fourth schema knew of memberships is known
// after the fifth, but for those that nobody wants or has, and as it was after the way back.
func TestMembershipsSurviveBeingPacked(t *testing.T) {
	const all = `SELECT group_id || ' ' || user_id || ' ' || want || ' ' || have || ' ' || dirty FROM members WHERE want OR have ORDER BY group_id, user_id`
	const schema = `SELECT sql FROM sqlite_master WHERE name LIKE 'members_%' OR tbl_name = 'seen' ORDER BY name`
	file := filepath.Join(t.TempDir(), "state.db")
	p, db := at(t, file, 4)
	mustExec(t, db, `INSERT INTO jobs (id, name, cursor, round) VALUES (1, 'wiki', 'half way', 7), (2, 'mail', 'watermark', 0)`)
	mustExec(t, db, `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
		INSERT INTO objects (id, job_id, resource, source_id) SELECT i, 1 + i % 2, 1 + (i > 16), 'o' || i FROM n`)
	mustExec(t, db, `WITH u(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM u WHERE i < 16)
		INSERT INTO members (group_id, user_id, want, have, dirty) SELECT g.value, i, i % 2, i / 2 % 2, i / 4 % 2 FROM u, json_each('[20, 18]') g`)
	mustExec(t, db, `INSERT INTO seen (job_id, round, what, ids) VALUES (1, 7, 3, x'01')`)
	before, table := texts(t, db, all), texts(t, db, schema)
	s, err := Open(t.Context(), Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range []int64{20, 18} {
		r, err := rosterOf(s.scan(t.Context()), group)
		if err != nil {
			t.Fatal(err)
		}
		want := &roster{group: group, want: idSet{1, 3, 5, 7, 9, 11, 13, 15}, have: idSet{2, 3, 6, 7, 10, 11, 14, 15}, pending: idSet{5, 6, 7, 13, 14, 15}}
		if diff := cmp.Diff(want, r, cmp.AllowUnexported(roster{})); diff != "" {
			t.Errorf("group %d (-want +got):\n%s", group, diff)
		}
	}
	if got, want := texts(t, db, `SELECT group_id || ' ' || job_id || ' ' || settled FROM rosters ORDER BY group_id`), []string{"18 1 6", "20 1 6"}; !slices.Equal(got, want) {
		t.Errorf("rosters %v, want %v", got, want)
	}
	if got, want := texts(t, db, `SELECT cursor || ' ' || round FROM jobs ORDER BY id`), []string{" 0", "watermark 0"}; !slices.Equal(got, want) {
		t.Errorf("rounds %q, want %q", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, texts(t, db, all)); diff != "" {
		t.Errorf("memberships after the way back (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(table, texts(t, db, schema)); diff != "" {
		t.Errorf("tables after the way back (-want +got):\n%s", diff)
	}
}

// texts are the rows of a query for one text.
func texts(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	err = drain(rows, func(r *sql.Rows) error {
		var text string
		err := r.Scan(&text)
		out = append(out, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// at makes a state file of an older schema.
func at(t *testing.T, file string, version int64) (*goose.Provider, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p, err := migrator(db)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	return p, db
}

func mustExec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}
