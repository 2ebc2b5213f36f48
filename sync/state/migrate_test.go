package state

import (
	"database/sql"
	"path/filepath"
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
	found, err := db.QueryContext(t.Context(), `SELECT status, action FROM log ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	err = drain(found, func(rows *sql.Rows) error {
		var r row
		err := rows.Scan(&r.Status, &r.Action)
		back = append(back, r)
		return err
	})
	if diff := cmp.Diff(rows, back); err != nil || diff != "" {
		t.Errorf("after the way back (-want +got), %v:\n%s", err, diff)
	}
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
