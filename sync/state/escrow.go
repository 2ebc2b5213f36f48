package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
)

// Escrow is an object whose change failed and is tried again.
type Escrow struct {
	Object      ObjectID
	Resource    sinks.Resource
	SourceID    string
	DisplayName string
	Attempts    int
	FirstFailed time.Time
	NextAttempt time.Time // zero with GivenUp
	GivenUp     bool
	Code        string
	Message     string
	Advice      string
}

// Escrows returns a job's escrow, the next to be tried first.
func (s *Store) Escrows(ctx context.Context, job JobID) ([]Escrow, error) {
	var out []Escrow
	err := s.read(ctx, func(r *sql.Rows) error {
		var e Escrow
		var first int64
		var next sql.NullInt64
		if err := r.Scan(&e.Object, &e.Resource, &e.SourceID, &e.DisplayName, &e.Attempts, &first, &next, &e.Code, &e.Message, &e.Advice); err != nil {
			return err
		}
		if next.Int64 == dueNow {
			next.Int64 = 0
		}
		e.FirstFailed, e.NextAttempt, e.GivenUp = fromMillis(first), fromMillis(next.Int64), !next.Valid
		out = append(out, e)
		return nil
	}, `SELECT o.id, o.resource, o.source_id, o.display_name, e.attempts, e.first_failed_at, e.next_attempt_at, e.code, e.message, e.advice
		FROM escrow e JOIN objects o ON o.id = e.object_id WHERE o.job_id = ? ORDER BY e.next_attempt_at IS NULL, e.next_attempt_at, o.id`, job)
	return out, err
}

// dueNow is the time of the next attempt of what this cycle has woken up. A failure during
// the cycle has 0, or a later time, and waits for another one.
const dueNow = 1

// The plus signs before job_id keep SQLite, which has no statistics, from walking all
// objects of the job for the few that wait.

// WakeEscrow has the objects planned again whose next attempt is due, or all of them.
// Entries that could not be read or mapped wait for the source to show them again.
func (s *Store) WakeEscrow(ctx context.Context, job JobID, all bool) error {
	until := millis(s.now())
	return s.tx(ctx, func(t *txn) error {
		_, err := t.exec(`UPDATE escrow SET next_attempt_at = ? WHERE (? OR next_attempt_at <= ?)
			AND EXISTS (SELECT 1 FROM objects o WHERE o.id = object_id AND o.job_id = ?)`, dueNow, all, until, job)
		if err != nil {
			return err
		}
		_, err = t.exec(`UPDATE objects SET dirty = dirty + 1 WHERE +job_id = ? AND id IN
			(SELECT object_id FROM escrow WHERE next_attempt_at <= ? AND code NOT IN ('mapping_failed', 'scope_failed', 'bad_entry'))`, job, until)
		return err
	})
}

// WakeUnclear has the objects planned again for which a dead process may have sent
// something.
func (s *Store) WakeUnclear(ctx context.Context, job JobID) error {
	return s.set(ctx, `UPDATE objects SET dirty = dirty + 1 WHERE +job_id = ? AND dirty = 0 AND id IN
		(SELECT object_id FROM intents WHERE holder NOT IN (SELECT holder FROM leases))
		AND id NOT IN (SELECT object_id FROM escrow)`, job)
}

func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
