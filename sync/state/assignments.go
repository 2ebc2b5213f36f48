package state

import (
	"database/sql"
	"errors"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
)

// assignments stores who is assigned to the scope's application. The list is given whole
// in every round; its end takes the assignment from everyone who was not in it.
func (im *Importer) assignments(t *txn, b Batch) error {
	for _, a := range b.Assignments {
		if err := im.assign(t, a); err != nil {
			return err
		}
	}
	if !b.CompleteAssignments {
		return nil
	}
	return im.unassign(t)
}

func (im *Importer) assign(t *txn, a sources.Assignment) error {
	r := sinks.User
	if a.Kind == sources.KindGroup {
		r = sinks.Group
	}
	have, err := im.lookup(t, r, []string{string(a.ID)})
	if err != nil {
		return err
	}
	k := have[string(a.ID)]
	if err := im.placed(t, r, a.ID, &k); err != nil {
		return err
	}
	im.saw(seenAssigned, k.id)
	n, err := t.changed(`UPDATE objects SET assigned = 1, dirty = dirty + 1 WHERE id = ? AND assigned = 0`, k.id)
	if err != nil || n == 0 || r != sinks.Group {
		return err
	}
	return rescopeMembers(t, k.id)
}

// ErrNoAssignments means that an application that had assignments shows none at all:
// such an answer is never believed.
var ErrNoAssignments = errors.New("the application shows no assignment at all, although some were known; nothing was removed")

func (im *Importer) unassign(t *txn) error {
	type row struct {
		id int64
		r  sinks.Resource
	}
	var left []row
	known := 0
	err := t.scan(func(rows *sql.Rows) error {
		var o row
		if err := rows.Scan(&o.id, &o.r); err != nil {
			return err
		}
		known++
		if !im.seen[seenAssigned].has(o.id) {
			left = append(left, o)
		}
		return nil
	}, `SELECT id, resource FROM objects WHERE job_id = ? AND assigned = 1`, im.job)
	if err != nil {
		return err
	}
	if known > 0 && im.seen[seenAssigned].n == 0 {
		return ErrNoAssignments
	}
	for _, o := range left {
		if _, err := t.exec(`UPDATE objects SET assigned = 0, dirty = dirty + 1 WHERE id = ?`, o.id); err != nil {
			return err
		}
		if o.r == sinks.Group {
			if err := rescopeMembers(t, o.id); err != nil {
				return err
			}
		}
	}
	return nil
}
