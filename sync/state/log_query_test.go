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
			status, action := provlog.StatusSuccess, provlog.ActionUpdate
			if i < 1000 {
				status, action = provlog.StatusFailure, provlog.ActionDelete
			}
			if i%7 == 0 {
				action = provlog.ActionCreate
			}
			source := fmt.Sprintf("u%d", i%50_000)
			_, err := x.exec(`INSERT INTO log (job_id, time, kind, source_key, source_id, body) VALUES (?, ?, ?, ?, ?, ?)`,
				ids[i%2], millis(logStart.Add(time.Duration(i)*time.Second)), logKind(status, action), sourceKey(source), source, body)
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

// Every query walks indexes whose order is that of the answer: nothing is sorted but the
// ends of walks that are merged, each of which is as short as the answer, and the table
// itself is never scanned.
func TestLogQueriesWalkAnIndex(t *testing.T) {
	s, job := filledLog(t, 100)
	for _, f := range filters(100) {
		query, args, err := s.logQuery(t.Context(), job, f)
		if err != nil {
			t.Fatal(err)
		}
		walks, sorts := 0, 0
		index := "log_"
		if f.Identity != "" {
			index = "log_source (job_id=? AND source_key=?"
		}
		for _, line := range explain(t, s, query, args) {
			switch {
			case strings.HasPrefix(line, "SEARCH log USING INDEX "+index) && strings.Contains(line, " (job_id=?"):
				walks++
			case strings.Contains(line, "TEMP B-TREE"):
				sorts++
			case strings.HasPrefix(line, "SEARCH"), strings.HasPrefix(line, "SCAN log"):
				t.Errorf("%+v: %s", f, line)
			}
		}
		if walks == 0 || walks == 1 && sorts > 0 || sorts > walks {
			t.Errorf("%+v: %d walks, %d sorts", f, walks, sorts)
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
		seq    int64
		time   time.Time
		kind   int
		source string
	}
	var all []row
	err := s.read(t.Context(), func(r *sql.Rows) error {
		var x row
		var at int64
		err := r.Scan(&x.seq, &at, &x.kind, &x.source)
		x.time = fromMillis(at)
		all = append(all, x)
		return err
	}, `SELECT id, time, kind, source_id FROM log WHERE job_id = ? ORDER BY id DESC`, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range filters(n) {
		var want []int64
		for _, x := range all {
			keep := (f.Identity == "" || f.Identity == x.source) && (f.Status == "" || f.Status == provlog.Statuses()[x.kind/10-1]) &&
				(f.Action == "" || f.Action == provlog.Actions()[x.kind%10-1]) && !x.time.Before(f.Since) && (f.Cursor == 0 || x.seq < f.Cursor)
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

// Two people with the same key in the index don't see each other's records. That they have
// it also keeps the keys as they are, which stored records depend on.
func TestSameKeyOtherPerson(t *testing.T) {
	const one, other = "u3614", "u87210"
	if sourceKey(one) != -48898087 || sourceKey(other) != -48898087 {
		t.Fatalf("keys %d and %d", sourceKey(one), sourceKey(other))
	}
	s, job := filledLog(t, 0)
	for _, id := range []string{one, other, one} {
		r := provlog.Record{Job: "wiki", Action: provlog.ActionUpdate, Status: provlog.StatusSuccess, SourceIdentity: provlog.Identity{ID: id}}
		if err := s.PutRecord(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []provlog.Filter{{}, {Status: provlog.StatusSuccess}} {
		for id, want := range map[string][]int64{one: {3, 1}, other: {2}} {
			f.Identity, f.Limit = id, 10
			var got []int64
			for _, l := range logs(t, s, job, f) {
				got = append(got, l.Seq)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v: records %v, want %v", f, got, want)
			}
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
