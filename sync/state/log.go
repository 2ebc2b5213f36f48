package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/idpbridge/idpbridge/sync/provlog"
)

func putRecord(t *txn, r *provlog.Record) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO log (job_id, time, status, action, source_id, body)
		SELECT id, ?, ?, ?, ?, ? FROM jobs WHERE name = ?`,
		millis(r.Time), string(r.Status), string(r.Action), r.SourceIdentity.ID, string(body), r.Job)
	return err
}

// PutRecord adds a record to the log.
func (s *Store) PutRecord(ctx context.Context, r provlog.Record) error {
	return s.tx(ctx, func(t *txn) error { return putRecord(t, &r) })
}

// Logged is a record with its place in the log.
type Logged struct {
	Seq int64
	provlog.Record
}

// Logs returns a job's records, newest first. Each filter has an index to walk, so that
// the answer takes as long as it is, not as the log is.
func (s *Store) Logs(ctx context.Context, job JobID, f provlog.Filter) ([]Logged, error) {
	query := `SELECT id, body FROM log WHERE job_id = ?`
	args := []any{job}
	add := func(cond string, v any) {
		query += " AND " + cond
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
		add("time >= ?", millis(f.Since))
	}
	if f.Cursor != 0 {
		add("id < ?", f.Cursor)
	}
	query += " ORDER BY id DESC LIMIT ?"
	args = append(args, f.Limit)
	var out []Logged
	err := s.read(ctx, func(r *sql.Rows) error {
		l, err := scanLogged(r)
		out = append(out, l)
		return err
	}, query, args...)
	return out, err
}

// LogsAfter returns what was logged after a record, oldest first, for those who follow.
func (s *Store) LogsAfter(ctx context.Context, job JobID, seq int64, limit int) ([]Logged, error) {
	var out []Logged
	err := s.read(ctx, func(r *sql.Rows) error {
		l, err := scanLogged(r)
		out = append(out, l)
		return err
	}, `SELECT id, body FROM log WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?`, job, seq, limit)
	return out, err
}

func scanLogged(r *sql.Rows) (Logged, error) {
	var l Logged
	var body []byte
	if err := r.Scan(&l.Seq, &body); err != nil {
		return l, err
	}
	return l, json.Unmarshal(body, &l.Record)
}

// pruneBatch bounds how long pruning holds the write lock.
const pruneBatch = 5000

// PruneLog removes records older than a time and all but the newest keep (0: no bound).
// It works in small transactions, so that nobody waits for it.
func (s *Store) PruneLog(ctx context.Context, before time.Time, keep int) (int, error) {
	total := 0
	for {
		n, err := s.pruneSome(ctx, before, keep)
		total += n
		if err != nil || n < pruneBatch {
			return total, err
		}
	}
}

func (s *Store) pruneSome(ctx context.Context, before time.Time, keep int) (int, error) {
	var n int64
	err := s.tx(ctx, func(t *txn) error {
		var err error
		n, err = t.changed(`DELETE FROM log WHERE id IN (SELECT id FROM log WHERE time < ?1
			OR (?2 > 0 AND id <= (SELECT MAX(id) FROM log) - ?2) ORDER BY id LIMIT ?3)`, millis(before), keep, pruneBatch)
		return err
	})
	return int(n), err
}
