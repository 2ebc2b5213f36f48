package state

import (
	"database/sql"

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

// meanwhile adds what provisions on demand have seen while the round was under way: who
// is new since its page was read must not be missed at its end.
func (im *Importer) meanwhile(t *txn) error {
	return t.scan(func(r *sql.Rows) error {
		var what int
		var ids []byte
		if err := r.Scan(&what, &ids); err != nil {
			return err
		}
		im.seen[what].unpack(ids)
		return nil
	}, `SELECT what, ids FROM seen WHERE job_id = ? AND round = ?`, im.job, im.round)
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
	return im.sweepMembers(t, `SELECT m.id, m.user_id FROM objects g JOIN members m ON m.group_id = g.id
		WHERE g.job_id = ? AND g.resource = 2 AND g.presence = 1 AND m.want = 1`, im.job)
}

// sweep marks as gone the objects that a full round has not seen. keep is set when an
// entry could not even be named: then nobody may be missed.
func (im *Importer) sweep(t *txn, r sinks.Resource, keep bool) error {
	var gone []int64
	known := 0
	err := t.scan(func(rows *sql.Rows) error {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		known++
		if !im.seen[r].has(id) {
			gone = append(gone, id)
		}
		return nil
	}, `SELECT id FROM objects WHERE job_id = ? AND resource = ? AND presence IN (1, 2)`, im.job, r)
	if err != nil {
		return err
	}
	if im.seen[r].n == 0 && (known > 0 && r == sinks.User || known >= minGroupsForEmpty) {
		return ErrEmptyRead
	}
	if keep {
		return nil
	}
	for _, id := range gone {
		if _, err := t.exec(`UPDATE objects SET presence = 4, digest = 0, dirty = dirty + 1 WHERE id = ?`, id); err != nil {
			return err
		}
	}
	return nil
}
