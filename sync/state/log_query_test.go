package state

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sync/provlog"
)

// logStart is when the log of these tests begins; it has one record each second.
var logStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// filledLog is a state whose log has n records, of two jobs in turn. Failures and deletes
// are rare and old: the queries that are slow where an index is missing.
func filledLog(t testing.TB, n int) (*Store, JobID) {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ids := [2]JobID{}
	for i, name := range []string{"wiki", "chat"} {
		job, err := s.Job(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = job.ID
	}
	const body = `{"id":"01","job":"wiki","resource":"user","action":"update","status":"success","modified_properties":[{"path":"title","old":"Engineer","new":"Director"}]}`
	err = s.tx(t.Context(), func(x *txn) error {
		for i := range n {
			status, action := "success", "update"
			if i < 1000 {
				status, action = "failure", "delete"
			}
			if i%7 == 0 {
				action = "create"
			}
			_, err := x.exec(`INSERT INTO log (job_id, time, status, action, source_id, body) VALUES (?, ?, ?, ?, ?, ?)`,
				ids[i%2], millis(logStart.Add(time.Duration(i)*time.Second)), status, action, fmt.Sprintf("u%d", i%50_000), body)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, ids[0]
}

// filters are all combinations of what a query may filter by.
func filters(n int) []provlog.Filter {
	var out []provlog.Filter
	for _, identity := range []string{"", "u42"} {
		for _, status := range []provlog.Status{"", provlog.StatusSuccess, provlog.StatusFailure, provlog.StatusWarning} {
			for _, action := range []provlog.Action{"", provlog.ActionUpdate, provlog.ActionDelete, provlog.ActionDisable} {
				for _, since := range []time.Time{{}, logStart.Add(time.Duration(n-60) * time.Second), logStart.Add(time.Duration(n) * time.Hour)} {
					for _, cursor := range []int64{0, int64(n) / 2} {
						out = append(out, provlog.Filter{Identity: identity, Status: status, Action: action, Since: since, Cursor: cursor, Limit: 100})
					}
				}
			}
		}
	}
	return out
}

// Every query walks an index whose order is that of the answer: nothing is sorted, and the
// table itself is never scanned.
func TestLogQueriesWalkAnIndex(t *testing.T) {
	s, job := filledLog(t, 100)
	for _, f := range filters(100) {
		query, args, err := s.logQuery(t.Context(), job, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range explain(t, s, query, args) {
			if !strings.HasPrefix(line, "SEARCH log USING INDEX "+logIndex(f)+" (job_id=?") {
				t.Errorf("%+v: %s", f, line)
			}
		}
	}
	for _, line := range explain(t, s, `SELECT id FROM log INDEXED BY log_time WHERE job_id = ? AND time >= ? ORDER BY time, id LIMIT 1`, []any{job, 1}) {
		if !strings.HasPrefix(line, "SEARCH log USING COVERING INDEX log_time (job_id=? AND time>?") {
			t.Error(line)
		}
	}
}

func explain(t *testing.T, s *Store, query string, args []any) []string {
	t.Helper()
	var lines []string
	err := s.read(t.Context(), func(r *sql.Rows) error {
		var id, parent, unused int
		var line string
		err := r.Scan(&id, &parent, &unused, &line)
		lines = append(lines, line)
		return err
	}, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil || len(lines) == 0 {
		t.Fatalf("explain: %v", err)
	}
	return lines
}

// A filtered query returns exactly the records that a plain walk over all of them keeps.
func TestLogQueriesAgreeWithAPlainWalk(t *testing.T) {
	const n = 5000
	s, job := filledLog(t, n)
	type row struct {
		seq            int64
		time           time.Time
		status, action string
		source         string
	}
	var all []row
	err := s.read(t.Context(), func(r *sql.Rows) error {
		var x row
		var at int64
		err := r.Scan(&x.seq, &at, &x.status, &x.action, &x.source)
		x.time = fromMillis(at)
		all = append(all, x)
		return err
	}, `SELECT id, time, status, action, source_id FROM log WHERE job_id = ? ORDER BY id DESC`, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range filters(n) {
		var want []int64
		for _, x := range all {
			keep := (f.Identity == "" || f.Identity == x.source) && (f.Status == "" || string(f.Status) == x.status) &&
				(f.Action == "" || string(f.Action) == x.action) && !x.time.Before(f.Since) && (f.Cursor == 0 || x.seq < f.Cursor)
			if keep && len(want) < f.Limit {
				want = append(want, x.seq)
			}
		}
		var got []int64
		for _, l := range logs(t, s, job, f) {
			got = append(got, l.Seq)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %d records, want %d", f, len(got), len(want))
		}
	}
}

func logs(t testing.TB, s *Store, job JobID, f provlog.Filter) []Logged {
	t.Helper()
	out, err := s.Logs(t.Context(), job, f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// logRecords is how many records TestLogQueriesAreQuick fills in, unless
// IDPBRIDGE_LOG_RECORDS asks for another number.
const logRecords = 200_000

// An answer takes a small part of what walking the log takes, whatever is asked for: that
// ratio holds on a busy machine, too. A missing index is a walk.
func TestLogQueriesAreQuick(t *testing.T) {
	n := logRecords
	if more, err := strconv.Atoi(os.Getenv("IDPBRIDGE_LOG_RECORDS")); err == nil {
		n = more
	}
	s, job := filledLog(t, n)
	worst, of := time.Duration(0), provlog.Filter{}
	for _, f := range filters(n) {
		best := time.Hour
		for range 3 { // the machine may be busy with something else
			start := time.Now()
			logs(t, s, job, f)
			best = min(best, time.Since(start))
		}
		if best > worst {
			worst, of = best, f
		}
	}
	t.Logf("%d records: the slowest query took %s: %+v", n, worst, of)
	if walk := walkLog(t, s); worst > walk/4 {
		t.Errorf("a query over %d records took %s, a walk over all of them %s: %+v", n, worst, walk, of)
	}
}

// walkLog returns how long it takes to read every record.
func walkLog(t testing.TB, s *Store) time.Duration {
	t.Helper()
	start := time.Now()
	var bytes int64
	if err := s.r.QueryRowContext(t.Context(), `SELECT SUM(length(body) + unicode(body)) FROM log`).Scan(&bytes); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

func BenchmarkLogs(b *testing.B) {
	s, job := filledLog(b, logRecords)
	for b.Loop() {
		if _, err := s.Logs(context.Background(), job, provlog.Filter{Status: provlog.StatusFailure, Limit: 100}); err != nil {
			b.Fatal(err)
		}
	}
}
