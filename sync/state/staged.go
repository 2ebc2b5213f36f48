package state

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"
)

// ApprovalTTL is how long an approval of staged deletions holds.
const ApprovalTTL = 72 * time.Hour

// StagedDeletions returns what a job's guard holds back or a person has decided on.
func (s *Store) StagedDeletions(ctx context.Context, job JobID) ([]Staged, error) {
	var out []Staged
	err := s.read(ctx, func(r *sql.Rows) error {
		var st Staged
		var at, decided, expires int64
		err := r.Scan(&st.Object, &st.Resource, &st.SourceID, &st.SinkID, &st.Name, &st.Action, &st.Reason, &at, &st.Decision, &decided, &expires)
		st.At, st.Decided, st.Expires = fromMillis(at), fromMillis(decided), fromMillis(expires)
		out = append(out, st)
		return err
	}, `SELECT o.id, o.resource, o.source_id, COALESCE(o.sink_id, ''), o.display_name, s.action, s.reason, s.staged_at, s.decision, s.decided_at, s.expires_at
		FROM staged s JOIN objects o ON o.id = s.object_id WHERE o.job_id = ? ORDER BY o.resource, o.id`, job)
	return out, err
}

// Ruling is what a person says about the deletions that wait.
type Ruling struct {
	Decision Decision
	// Set is what the person has seen, by the name that WaitingSet gives it; "": whatever
	// waits when the decision is stored.
	Set string
}

// SetChangedError is returned for a decision on a set of deletions that is not the one that
// waits.
type SetChangedError struct {
	Set string // that was decided on
	Now string // that waits; "": nothing does
}

// Error names both sets.
func (e *SetChangedError) Error() string {
	if e.Now == "" {
		return fmt.Sprintf("the deletions of set %s don't wait any more, and no others do", e.Set)
	}
	return fmt.Sprintf("the deletions of set %s are not those that wait now, which are set %s", e.Set, e.Now)
}

// WaitingSet names the deletions that wait, among those of one job: 16 hexadecimal digits
// that are others when an object joins or leaves them, or is to be deleted instead of
// disabled; "" when none waits. The order doesn't matter.
func WaitingSet(staged []Staged) string {
	var lines []string
	for i := range staged {
		if st := &staged[i]; st.Decision == Waiting {
			lines = append(lines, fmt.Sprintf("%d %s %q\n", st.Resource, st.Action, st.SourceID))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	slices.Sort(lines)
	sum := sha256.New()
	for _, line := range lines {
		_, _ = io.WriteString(sum, line) // a hash never fails
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// Decide approves or denies the deletions that wait now, and only these: what is staged
// later waits for its own decision. It returns how many it decided, and fails with a
// *SetChangedError when these are not the ruling's set.
func (s *Store) Decide(ctx context.Context, job JobID, r Ruling) (int, error) {
	var n int64
	err := s.tx(ctx, func(t *txn) error {
		if err := checkSet(t, job, r.Set); err != nil {
			return err
		}
		now := s.now()
		var err error
		n, err = t.changed(`UPDATE staged SET decision = ?, decided_at = ?, expires_at = ? WHERE decision = 0
			AND object_id IN (SELECT id FROM objects WHERE job_id = ?)`, r.Decision, millis(now), millis(now.Add(ApprovalTTL)), job)
		return err
	})
	return int(n), err
}

// checkSet fails when the deletions that wait are not the set, if one is named.
func checkSet(t *txn, job JobID, set string) error {
	if set == "" {
		return nil
	}
	var waiting []Staged
	err := t.scan(func(r *sql.Rows) error {
		var st Staged
		err := r.Scan(&st.Resource, &st.SourceID, &st.Action)
		waiting = append(waiting, st)
		return err
	}, `SELECT o.resource, o.source_id, s.action FROM staged s JOIN objects o ON o.id = s.object_id WHERE o.job_id = ? AND s.decision = 0`, job)
	if err != nil {
		return err
	}
	if now := WaitingSet(waiting); now != set {
		return &SetChangedError{Set: set, Now: now}
	}
	return nil
}

// ExpireApprovals returns approvals that were not carried out in time to waiting.
func (s *Store) ExpireApprovals(ctx context.Context, job JobID) error {
	return s.set(ctx, `UPDATE staged SET decision = 0, decided_at = 0, expires_at = 0 WHERE decision = 1 AND expires_at < ?
		AND EXISTS (SELECT 1 FROM objects o WHERE o.id = object_id AND o.job_id = ?)`, millis(s.now()), job)
}

// PassStaged lets all waiting deletions of a resource through: the guard found them few
// enough, or a person said so for this run.
func (s *Store) PassStaged(ctx context.Context, job JobID, resource int) error {
	return s.set(ctx, `UPDATE staged SET decision = 1, expires_at = ? WHERE decision = 0
		AND EXISTS (SELECT 1 FROM objects o WHERE o.id = object_id AND o.job_id = ? AND o.resource = ?)`, millis(s.now().Add(ApprovalTTL)), job, resource)
}

// DueDeletions has the objects planned again that were disabled before the time.
func (s *Store) DueDeletions(ctx context.Context, job JobID, before time.Time) error {
	return s.set(ctx, `UPDATE objects SET dirty = dirty + 1 WHERE job_id = ? AND disabled_at > 0 AND disabled_at <= ? AND dirty = 0
		AND id NOT IN (SELECT object_id FROM staged)`, job, millis(before))
}
