package state

import (
	"context"
	"database/sql"
	"slices"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
)

// minGroupsForEmpty is how many groups must be known before a full round without any is
// refused: the last one or two groups of a directory may well be deleted.
const minGroupsForEmpty = 3

// done ends the round: in a full one it marks as gone whoever was not seen, then the
// cursor becomes the watermark.
func (im *Importer) done(t *txn, cursor sources.Cursor) error {
	if im.full {
		if err := im.believe(t); err != nil {
			return err
		}
		if err := im.meanwhile(t); err != nil {
			return err
		}
		if err := im.sweep(t, sinks.User, im.seen[seenNamelessUser].n > 0); err != nil {
			return err
		}
		if err := im.sweepGroups(t); err != nil {
			return err
		}
	}
	if _, err := t.exec(`DELETE FROM seen WHERE job_id = ?`, im.job); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE jobs SET cursor = ?, round = 0, round_full = 0 WHERE id = ?`, string(cursor), im.job)
	return err
}

// believe refuses a full round that showed nobody where there had been somebody.
func (im *Importer) believe(t *txn) error {
	for r, least := range map[sinks.Resource]int{sinks.User: 1, sinks.Group: minGroupsForEmpty} {
		if im.seen[r].n > 0 || r == sinks.Group && !im.groups {
			continue
		}
		known := 0
		err := t.one(`SELECT COUNT(*) FROM objects WHERE job_id = ? AND resource = ? AND presence IN (1, 2)`, []any{im.job, r}, &known)
		if err != nil {
			return err
		}
		if known >= least {
			return ErrEmptyRead
		}
	}
	return nil
}

// meanwhile adds what provisions on demand have seen while the round was under way: who
// is new since its page was read must not be missed at its end.
func (im *Importer) meanwhile(t *txn) error {
	return t.scan(func(r *sql.Rows) error {
		var what int
		var ids []byte
		if err := r.Scan(&what, &ids); err != nil {
			return err
		}
		return im.seen[what].unpack(ids)
	}, `SELECT what - ?1, ids FROM seen WHERE job_id = ?2 AND round = ?3 AND group_id = 0 AND what > ?1`, seenMeanwhile, im.job, im.round)
}

// sweepGroups sweeps groups and their memberships. A job that reads no groups any more
// keeps what it knows of them, out of scope.
func (im *Importer) sweepGroups(t *txn) error {
	if !im.groups {
		_, err := t.exec(`UPDATE objects SET filtered = 0, digest = 0, dirty = dirty + 1 WHERE job_id = ? AND resource = 2 AND filtered = 1`, im.job)
		return err
	}
	nameless := im.seen[seenNamelessGroup].n > 0
	if err := im.sweep(t, sinks.Group, nameless); err != nil || nameless {
		return err
	}
	return im.sweepMembers(t)
}

// swept is the digest of an object that is gone only because a full round did not show it.
const swept = -1

// Swept returns the objects that are about to be deleted from the app for no other reason
// than that a full round did not show them.
func (s *Store) Swept(ctx context.Context, q ClaimQuery) ([]Object, error) {
	return s.objects(ctx, q, `WHERE o.job_id = ? AND o.resource = ? AND o.id > ? AND o.presence = 4 AND o.digest = ?
		AND o.id IN (SELECT object_id FROM staged WHERE decision = 1 AND action = 'delete') ORDER BY o.id LIMIT ?`,
		q.Job, q.Resource, q.After, swept, q.Limit)
}

// Purge forgets the objects of a job that are gone from the source, have no account, and
// are named by nobody else any more. It returns how many these were.
func (s *Store) Purge(ctx context.Context, job JobID) (int, error) {
	n := 0
	err := s.tx(ctx, func(t *txn) error {
		gone, err := forgettable(t, job)
		if err != nil || len(gone) == 0 {
			return err
		}
		// The number of who is forgotten may be given again: nobody may be a member by it.
		members, err := allMembers(t, job)
		if err != nil {
			return err
		}
		gone = slices.DeleteFunc(gone, members.has)
		n = len(gone)
		list, err := gone.list()
		if err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM objects WHERE id IN (SELECT value FROM json_each(?))`, list)
		return err
	})
	return n, err
}

// forgettable are the objects that Purge may forget unless a group still has them.
func forgettable(t *txn, job JobID) (idSet, error) {
	var out idSet
	err := t.scan(func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		out = append(out, id)
		return err
	}, `SELECT id FROM objects WHERE job_id = ?1 AND resource IN (1, 2) AND presence IN (0, 4) AND sink_id IS NULL AND dirty = 0 AND assigned = 0
		AND id NOT IN (SELECT object_id FROM intents) AND id NOT IN (SELECT object_id FROM escrow)
		AND id NOT IN (SELECT manager_id FROM objects WHERE job_id = ?1 AND manager_id IS NOT NULL)
		AND id NOT IN (SELECT acked_manager FROM objects WHERE job_id = ?1 AND acked_manager IS NOT NULL) ORDER BY id`, job)
	return out, err
}

// allMembers are the users whom any roster of a job wants or has.
func allMembers(t *txn, job JobID) (*bitset, error) {
	var out bitset
	err := rosters{job: job, where: rostersOfJob}.each(t.scan, func(r *roster) error {
		for _, id := range r.all() {
			out.add(id)
		}
		return nil
	})
	return &out, err
}

// sweep marks as gone the objects that a full round has not seen. keep is set when an
// entry could not even be named: then nobody may be missed.
func (im *Importer) sweep(t *txn, r sinks.Resource, keep bool) error {
	if keep {
		return nil
	}
	var gone []int64
	err := t.scan(func(rows *sql.Rows) error {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if !im.seen[r].has(id) {
			gone = append(gone, id)
		}
		return nil
	}, `SELECT id FROM objects WHERE job_id = ? AND resource = ? AND presence IN (1, 2)`, im.job, r)
	if err != nil {
		return err
	}
	for _, id := range gone {
		if _, err := t.exec(`UPDATE objects SET presence = 4, digest = ?, dirty = dirty + 1 WHERE id = ?`, swept, id); err != nil {
			return err
		}
		if err := im.rescopeGroup(t, r, id); err != nil {
			return err
		}
	}
	return nil
}
