package state

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/idpbridge/idpbridge/sync/provlog"
)

// putRecords adds records to the log.
func putRecords(t *txn, records []provlog.Record) error {
	for i := range records {
		r := &records[i]
		job, err := t.job(r.Job)
		if err != nil {
			return ignoreNoRows(err) // the job was removed meanwhile, and its log with it
		}
		body, err := encodeRecord(r)
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO log (job_id, time, kind, source_key, source_id, body) VALUES (?, ?, ?, ?, ?, ?)`,
			job, millis(r.Time), logKind(r.Status, r.Action), sourceKey(r.SourceIdentity.ID), r.SourceIdentity.ID, body)
		if err != nil {
			return err
		}
	}
	return nil
}

// logKind is the number that a record's status and action have in the index. Stored
// records depend on the places of the words: new ones go to the ends of their lists.
func logKind(s provlog.Status, a provlog.Action) int {
	return 10*(slices.Index(provlog.Statuses(), s)+1) + slices.Index(provlog.Actions(), a) + 1
}

// sourceKey stands for a source id in the log's index. Ids are long and come in random
// order, so that nearly every record of a batch would write a page of its own; their keys
// lie on a quarter as many pages. Stored records depend on it.
func sourceKey(sourceID string) int64 {
	return int64(int32(xxhash.Sum64String(sourceID))) // SQLite stores it in 4 bytes
}

// PutRecord adds a record to the log.
func (s *Store) PutRecord(ctx context.Context, r provlog.Record) error {
	return s.PutRecords(ctx, []provlog.Record{r})
}

// PutRecords adds records to the log in one transaction.
func (s *Store) PutRecords(ctx context.Context, records []provlog.Record) error {
	if len(records) == 0 {
		return nil
	}
	return s.tx(ctx, func(t *txn) error { return putRecords(t, records) })
}

// Logged is a record with its place in the log.
type Logged struct {
	Seq int64
	provlog.Record
}

// Logs returns a job's records, newest first. Each combination of filters has an index to
// walk backwards, so that the answer takes as long as it is, not as the log is.
func (s *Store) Logs(ctx context.Context, job JobID, f provlog.Filter) ([]Logged, error) {
	query, args, err := s.logQuery(ctx, job, f)
	if err != nil {
		return nil, err
	}
	var out []Logged
	err = s.read(ctx, func(r *sql.Rows) error {
		l, err := scanLogged(r)
		out = append(out, l)
		return err
	}, query, args...)
	return out, err
}

// logQuery names the index itself: without statistics SQLite would guess, and walk the
// records of a whole status for the few of one person. A status alone is several kinds:
// the newest of each are merged.
func (s *Store) logQuery(ctx context.Context, job JobID, f provlog.Filter) (string, []any, error) {
	where, args := `job_id = ?`, []any{job}
	add := func(cond string, v any) {
		where += " AND " + cond
		args = append(args, v)
	}
	if f.Identity != "" {
		add("source_key = ?", sourceKey(f.Identity))
		add("source_id = ?", f.Identity) // others may have the key, too
	}
	if !f.Since.IsZero() {
		oldest, err := s.oldestSince(ctx, job, f.Since)
		if err != nil {
			return "", nil, err
		}
		add("id >= ?", oldest)
		add("time >= ?", millis(f.Since))
	}
	if f.Cursor != 0 {
		add("id < ?", f.Cursor)
	}
	kinds := kindsOf(f)
	const order = ` ORDER BY id DESC LIMIT ?`
	switch {
	case f.Identity != "" && kinds == nil:
		return `SELECT id, source_id, body FROM log INDEXED BY log_source WHERE ` + where + order, append(args, f.Limit), nil
	case f.Identity != "":
		kind := ` AND kind IN (?` + strings.Repeat(", ?", len(kinds)-1) + `)`
		return `SELECT id, source_id, body FROM log INDEXED BY log_source WHERE ` + where + kind + order, append(append(args, kinds...), f.Limit), nil
	case kinds == nil:
		return `SELECT id, source_id, body FROM log INDEXED BY log_job WHERE ` + where + order, append(args, f.Limit), nil
	}
	var parts []string
	var all []any
	for _, k := range kinds {
		parts = append(parts, `SELECT * FROM (SELECT id, source_id, body FROM log INDEXED BY log_kind WHERE `+where+` AND kind = ?`+order+`)`)
		all = append(append(all, args...), k, f.Limit)
	}
	return strings.Join(parts, " UNION ALL ") + order, append(all, f.Limit), nil
}

// kindsOf are the kinds of record that a filter on status and action keeps; nil: all.
func kindsOf(f provlog.Filter) []any {
	if f.Status == "" && f.Action == "" {
		return nil
	}
	var out []any
	for _, s := range provlog.Statuses() {
		for _, a := range provlog.Actions() {
			if (f.Status == "" || f.Status == s) && (f.Action == "" || f.Action == a) {
				out = append(out, logKind(s, a))
			}
		}
	}
	return out
}

// outOfOrder is how much later than a younger one a record may have been stored: records
// get their time when a change is done, and are stored in batches by several processes.
const outOfOrder = 10 * time.Minute

// oldestSince returns an id that no record since a time lies before, so that a walk back
// ends there, however few of the records it wants.
func (s *Store) oldestSince(ctx context.Context, job JobID, since time.Time) (int64, error) {
	return s.firstAt(ctx, job, millis(since.Add(-outOfOrder)))
}

// firstAt returns an id from which on a job's records are not older than a time, as far as
// they lie in the order of time: it halves the range of ids until one record is left.
func (s *Store) firstAt(ctx context.Context, job JobID, at int64) (int64, error) {
	low, high := int64(0), int64(0)
	err := s.read(ctx, func(r *sql.Rows) error { return r.Scan(&low, &high) },
		`SELECT COALESCE((SELECT id FROM log INDEXED BY log_job WHERE job_id = ?1 ORDER BY id LIMIT 1), 0),
			COALESCE((SELECT id FROM log INDEXED BY log_job WHERE job_id = ?1 ORDER BY id DESC LIMIT 1), 0) + 1`, job)
	for err == nil && low < high {
		middle := low + (high-low)/2
		id, time := high, at
		err = s.read(ctx, func(r *sql.Rows) error { return r.Scan(&id, &time) },
			`SELECT id, time FROM log INDEXED BY log_job WHERE job_id = ? AND id >= ? AND id < ? ORDER BY id LIMIT 1`, job, middle, high)
		if time < at {
			low = id + 1
		} else {
			high = middle
		}
	}
	return low, err
}

// LogsAfter returns what was logged after a record, oldest first, for those who follow.
func (s *Store) LogsAfter(ctx context.Context, job JobID, seq int64, limit int) ([]Logged, error) {
	var out []Logged
	err := s.read(ctx, func(r *sql.Rows) error {
		l, err := scanLogged(r)
		out = append(out, l)
		return err
	}, `SELECT id, source_id, body FROM log INDEXED BY log_job WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?`, job, seq, limit)
	return out, err
}

func scanLogged(r *sql.Rows) (Logged, error) {
	var l Logged
	var source string
	var body []byte
	if err := r.Scan(&l.Seq, &source, &body); err != nil {
		return l, err
	}
	var err error
	l.Record, err = decodeRecord(body, source)
	return l, err
}

// pruneBatch bounds how long pruning holds the write lock.
const pruneBatch = 5000

// PruneLog removes a job's records older than a time (zero: none) and all but the newest
// keep (0: all stay). It works in small transactions over an index, so that nobody waits
// for it, and returns how many it removed. A record that was stored later than a younger
// one goes with that one.
func (s *Store) PruneLog(ctx context.Context, job JobID, before time.Time, keep int) (int, error) {
	until, err := s.firstAt(ctx, job, millis(before))
	if err == nil && keep > 0 {
		err = s.read(ctx, func(r *sql.Rows) error {
			var oldest int64
			err := r.Scan(&oldest)
			until = max(until, oldest)
			return err
		}, `SELECT id FROM log INDEXED BY log_job WHERE job_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?`, job, keep-1)
	}
	total := 0
	for err == nil {
		var n int64
		err = s.tx(ctx, func(t *txn) error {
			var err error
			n, err = t.changed(`DELETE FROM log WHERE id IN (SELECT id FROM log INDEXED BY log_job
				WHERE job_id = ? AND id < ? ORDER BY id LIMIT ?)`, job, until, pruneBatch)
			return err
		})
		if total += int(n); n < pruneBatch {
			break
		}
	}
	return total, err
}
