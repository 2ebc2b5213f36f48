package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
)

// Job is what is remembered of a job itself.
type Job struct {
	ID            JobID
	Name          string
	Quarantine    quarantine.Status
	Fingerprint   string
	Cursor        sources.Cursor
	Round         Round
	NextCycle     time.Time
	LastSuccess   time.Time
	LastReconcile time.Time
}

// Round is one reading of the source, of everything (Full) or of its changes. The zero
// Round is none.
type Round struct {
	ID   int64
	Full bool
}

const jobColumns = `id, name, quarantine, fingerprint, cursor, round, round_full, next_cycle_at, last_success_at, last_reconcile_at`

func scanJob(scan func(...any) error) (*Job, error) {
	var j Job
	var q, cursor string
	var next, success, reconcile int64
	if err := scan(&j.ID, &j.Name, &q, &j.Fingerprint, &cursor, &j.Round.ID, &j.Round.Full, &next, &success, &reconcile); err != nil {
		return nil, err
	}
	j.Cursor = sources.Cursor(cursor)
	j.NextCycle, j.LastSuccess, j.LastReconcile = fromMillis(next), fromMillis(success), fromMillis(reconcile)
	if err := json.Unmarshal([]byte(q), &j.Quarantine); err != nil {
		return nil, fmt.Errorf("job %s: stored quarantine: %w", j.Name, err)
	}
	return &j, nil
}

// Job returns what is remembered of a job, which is made when it is new.
func (s *Store) Job(ctx context.Context, name string) (*Job, error) {
	j, err := s.findJob(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return j, err
	}
	err = s.tx(ctx, func(t *txn) error {
		_, err := t.exec(`INSERT INTO jobs (name) VALUES (?) ON CONFLICT DO NOTHING`, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.findJob(ctx, name)
}

func (s *Store) findJob(ctx context.Context, name string) (*Job, error) {
	j, err := scanJob(s.r.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM jobs WHERE name = ?`, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("job %s: %w", name, ErrNotFound)
	}
	return j, classify(err)
}

// BeginRound starts a round, or goes on with one that was interrupted. A full one starts
// when asked for, when the source was never read to its end, and when mapping or scope
// (the fingerprint) are not those the objects were mapped with.
func (s *Store) BeginRound(ctx context.Context, job JobID, full bool, fingerprint string) (Round, sources.Cursor, error) {
	var round Round
	var cursor string
	err := s.tx(ctx, func(t *txn) error {
		var have string
		err := t.one(`SELECT fingerprint, cursor, round, round_full FROM jobs WHERE id = ?`, []any{job}, &have, &cursor, &round.ID, &round.Full)
		if err != nil {
			return err
		}
		if round.ID != 0 && have == fingerprint && (round.Full || !full) {
			return nil
		}
		if full || have != fingerprint || cursor == "" || (round.ID != 0 && round.Full) {
			full, cursor = true, ""
		}
		round = Round{ID: s.now().UnixNano(), Full: full}
		if _, err := t.exec(`DELETE FROM seen WHERE job_id = ?`, job); err != nil {
			return err
		}
		_, err = t.exec(`UPDATE jobs SET fingerprint = ?, cursor = ?, round = ?, round_full = ? WHERE id = ?`,
			fingerprint, cursor, round.ID, round.Full, job)
		return err
	})
	return round, sources.Cursor(cursor), err
}

// AbandonRound gives up the position in the source: the next round reads everything.
func (s *Store) AbandonRound(ctx context.Context, job JobID) error {
	return s.tx(ctx, func(t *txn) error { return forgetCursor(t, job) })
}

func forgetCursor(t *txn, job JobID) error {
	if _, err := t.exec(`DELETE FROM seen WHERE job_id = ?`, job); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE jobs SET cursor = '', round = 0, round_full = 0 WHERE id = ?`, job)
	return err
}

// Table returns the number under which a list of attribute paths is stored.
func (s *Store) Table(ctx context.Context, job JobID, r sinks.Resource, paths []string) (int64, error) {
	text, err := json.Marshal(paths)
	if err != nil {
		return 0, err
	}
	var id int64
	err = s.tx(ctx, func(t *txn) error {
		if _, err := t.exec(`INSERT INTO tables (job_id, resource, paths) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, job, r, string(text)); err != nil {
			return err
		}
		return t.one(`SELECT id FROM tables WHERE job_id = ? AND resource = ? AND paths = ?`, []any{job, r, string(text)}, &id)
	})
	return id, err
}

// Paths returns all stored path lists of a job by number.
func (s *Store) Paths(ctx context.Context, job JobID) (map[int64][]string, error) {
	out := map[int64][]string{}
	err := s.read(ctx, func(r *sql.Rows) error {
		var id int64
		var text string
		if err := r.Scan(&id, &text); err != nil {
			return err
		}
		var paths []string
		out[id] = nil
		if err := json.Unmarshal([]byte(text), &paths); err != nil {
			return err
		}
		out[id] = paths
		return nil
	}, `SELECT id, paths FROM tables WHERE job_id = ?`, job)
	return out, err
}

// UpdateQuarantine changes a job's quarantine status in one transaction, so that cycles,
// probes and people in several processes don't overwrite each other. It returns the
// status before and after. The same transaction leaves a notice where people have to be
// told.
func (s *Store) UpdateQuarantine(ctx context.Context, job JobID, change func(quarantine.Status) quarantine.Status) (before, after quarantine.Status, err error) {
	err = s.tx(context.WithoutCancel(ctx), func(t *txn) error {
		var text string
		if err := t.one(`SELECT quarantine FROM jobs WHERE id = ?`, []any{job}, &text); err != nil {
			return err
		}
		before = quarantine.Status{}
		if err := json.Unmarshal([]byte(text), &before); err != nil {
			return err
		}
		after = change(before)
		out, err := json.Marshal(after)
		if err != nil {
			return err
		}
		if _, err = t.exec(`UPDATE jobs SET quarantine = ? WHERE id = ?`, string(out), job); err != nil {
			return err
		}
		if n := noticeOf(before, after); n != nil {
			return putNotice(t, job, sql.NullInt64{}, n)
		}
		return nil
	})
	return before, after, err
}

// SetNextCycle stores when the next automatic cycle is due, so that a restart neither
// loses nor doubles it.
func (s *Store) SetNextCycle(ctx context.Context, job JobID, at time.Time) error {
	return s.set(ctx, `UPDATE jobs SET next_cycle_at = ? WHERE id = ?`, millis(at), job)
}

func (s *Store) set(ctx context.Context, query string, args ...any) error {
	return s.tx(ctx, func(t *txn) error {
		_, err := t.exec(query, args...)
		return err
	})
}
