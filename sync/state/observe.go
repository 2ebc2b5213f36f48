package state

import (
	"context"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// Observation is a linked object as a reconcile saw it in the app. It replaces what was
// last acknowledged, and the object is planned again: the plan then is the repair.
type Observation struct {
	Object       *Object // as read, not claimed
	Account      plan.Account
	Acked        *Acked
	AckedManager ObjectID
	// Members is what the app shows of a group's members, with MembersKnown.
	Members      []sinks.ID
	MembersKnown bool
	Vanished     bool // proven gone: the link is dropped
}

// Observe stores observations of one job's objects. It returns how many memberships
// differed.
func (s *Store) Observe(ctx context.Context, seen []Observation) (int, error) {
	drift := 0
	err := s.tx(ctx, func(t *txn) error {
		drift = 0
		var vanished []ObjectID
		for i := range seen {
			if seen[i].Vanished {
				vanished = append(vanished, seen[i].Object.ID)
				continue
			}
			n, err := observe(t, &seen[i])
			if err != nil {
				return err
			}
			drift += n
		}
		return dropLinks(t, vanished)
	})
	return drift, err
}

func observe(t *txn, ob *Observation) (int, error) {
	if ob.Acked != nil {
		_, err := t.exec(`UPDATE objects SET account = ?, synced = 0, acked_table = ?, acked = ?, acked_manager = NULLIF(?, 0), dirty = dirty + 1
			WHERE id = ? AND sink_id = ?`, ob.Account, ob.Acked.Table, ob.Acked.Values, ob.AckedManager, ob.Object.ID, string(ob.Object.SinkID))
		if err != nil {
			return 0, err
		}
	}
	if !ob.MembersKnown {
		return 0, nil
	}
	return observeMembers(t, ob.Object, ob.Members)
}

// dropLinks forgets the accounts of objects of one job, which are then matched anew.
func dropLinks(t *txn, ids []ObjectID) error {
	if len(ids) == 0 {
		return nil
	}
	for _, id := range ids {
		for _, q := range []string{
			`UPDATE objects SET sink_id = NULL, version = NULL, account = 0, acked = NULL, acked_table = NULL, synced = 0, acked_manager = NULL,
				disabled_at = 0, probed = 0, dirty = dirty + 1 WHERE id = ?1`,
			`UPDATE objects SET acked_manager = -1, dirty = dirty + 1 WHERE manager_id = ?1 AND acked_manager = ?1`,
			`DELETE FROM staged WHERE object_id = ?1`,
		} {
			if _, err := t.exec(q, id); err != nil {
				return err
			}
		}
	}
	job, err := t.jobOf(ids[0])
	if err != nil {
		return ignoreNoRows(err)
	}
	return loseMembers(t, job, newIDSet(ids))
}

// List returns linked objects without claiming them, in the order of their numbers.
func (s *Store) List(ctx context.Context, q ClaimQuery) ([]Object, error) {
	return s.objects(ctx, q, linkedInOrder, q.Job, q.Resource, q.After, q.Limit)
}

// linkedInOrder walks the rows themselves: the plus signs keep SQLite, which has no
// statistics, from sorting all of a job's links anew for each page.
const linkedInOrder = `WHERE +o.job_id = ? AND +o.resource = ? AND o.id > ? AND +o.sink_id IS NOT NULL ORDER BY o.id LIMIT ?`

const waitingCount = `SELECT COUNT(*), COUNT(*) - COUNT(sink_id) FROM objects INDEXED BY objects_dirty WHERE job_id = ? AND resource = ? AND dirty > 0`

// Waiting returns how many objects of a resource have to be planned, and how many of
// these have no account yet.
func (s *Store) Waiting(ctx context.Context, job JobID, r sinks.Resource) (dirty, unlinked int, err error) {
	err = s.r.QueryRowContext(ctx, waitingCount, job, r).Scan(&dirty, &unlinked)
	return dirty, unlinked, classify(err)
}
