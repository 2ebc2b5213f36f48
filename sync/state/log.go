package state

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/idpbridge/idpbridge/sync/provlog"
)

func putRecord(t *txn, r *provlog.Record) error {
	body, err := encodeRecord(r)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO log (job_id, time, status, action, source_id, body)
		SELECT id, ?, ?, ?, ?, ? FROM jobs WHERE name = ?`,
		millis(r.Time), string(r.Status), string(r.Action), r.SourceIdentity.ID, body, r.Job)
	return err
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
	return s.tx(ctx, func(t *txn) error {
		for i := range records {
			if err := putRecord(t, &records[i]); err != nil {
				return err
			}
		}
		return nil
	})
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
// records of a whole status for the few of one person.
func (s *Store) logQuery(ctx context.Context, job JobID, f provlog.Filter) (string, []any, error) {
	where, args := ` WHERE job_id = ?`, []any{job}
	add := func(cond string, v any) {
		where += " AND " + cond
		args = append(args, v)
	}
	if f.Identity != "" {
		add("source_id = ?", f.Identity)
	}
	if f.Status != "" {
		add("status = ?", string(f.Status))
	}
	if f.Action != "" {
		add("action = ?", string(f.Action))
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
	args = append(args, f.Limit)
	return `SELECT id, source_id, body FROM log INDEXED BY ` + logIndex(f) + where + ` ORDER BY id DESC LIMIT ?`, args, nil
}

func logIndex(f provlog.Filter) string {
	switch {
	case f.Identity != "":
		return "log_source"
	case f.Status != "" && f.Action != "":
		return "log_both"
	case f.Status != "":
		return "log_status"
	case f.Action != "":
		return "log_action"
	default:
		return "log_job"
	}
}

// outOfOrder is how much later than a younger one a record may have been stored: records
// get their time when a change is done, and are stored in batches by several processes.
const outOfOrder = 10 * time.Minute

// oldestSince returns an id that no record since a time lies before, so that a walk back
// ends there, however few of the records it wants.
func (s *Store) oldestSince(ctx context.Context, job JobID, since time.Time) (int64, error) {
	oldest := int64(math.MaxInt64)
	err := s.read(ctx, func(r *sql.Rows) error { return r.Scan(&oldest) },
		`SELECT id FROM log INDEXED BY log_time WHERE job_id = ? AND time >= ? ORDER BY time, id LIMIT 1`, job, millis(since.Add(-outOfOrder)))
	return oldest, err
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
// for it, and returns how many it removed.
func (s *Store) PruneLog(ctx context.Context, job JobID, before time.Time, keep int) (int, error) {
	until, err := s.pruneUntil(ctx, job, millis(before), keep)
	total := 0
	for err == nil {
		var n int64
		err = s.tx(ctx, func(t *txn) error {
			var err error
			n, err = t.changed(`DELETE FROM log WHERE id IN (SELECT id FROM log INDEXED BY log_time
				WHERE job_id = ? AND time < ? ORDER BY time, id LIMIT ?)`, job, until, pruneBatch)
			return err
		})
		if total += int(n); n < pruneBatch {
			break
		}
	}
	return total, err
}

// pruneUntil returns the time before which records go. Records of the same millisecond as
// the oldest one to keep stay too.
func (s *Store) pruneUntil(ctx context.Context, job JobID, before int64, keep int) (int64, error) {
	if keep == 0 {
		return before, nil
	}
	err := s.read(ctx, func(r *sql.Rows) error {
		var oldest int64
		err := r.Scan(&oldest)
		before = max(before, oldest)
		return err
	}, `SELECT time FROM log INDEXED BY log_time WHERE job_id = ? ORDER BY time DESC LIMIT 1 OFFSET ?`, job, keep-1)
	return before, err
}
