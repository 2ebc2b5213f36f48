package state

import (
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
)

// members stores member changes of one group; the last word on a user counts.
func (im *Importer) members(t *txn, group int64, members []sources.Member) error {
	ids, err := im.memberIDs(t, members)
	if err != nil {
		return err
	}
	rows, err := memberRows(t, group, ids)
	if err != nil {
		return err
	}
	want := make(map[int64]bool, len(ids))
	for i, m := range members {
		want[ids[i]] = !m.Removed
	}
	var joined []int64
	for _, user := range ids {
		in, first := want[user]
		if !first {
			continue // told twice
		}
		delete(want, user)
		row, known := rows[user]
		if !known && in {
			joined = append(joined, user)
		}
		if !known {
			continue
		}
		if in {
			im.saw(seenMember, row.id)
		}
		if err := im.turn(t, row, in); err != nil {
			return err
		}
	}
	return im.join(t, group, joined)
}

// memberIDs resolves members to rows; unknown users get a stub, since members may be told
// before the users themselves.
func (im *Importer) memberIDs(t *txn, members []sources.Member) ([]int64, error) {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = string(m.User)
	}
	have, err := im.lookup(t, sinks.User, names)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(members))
	for i, name := range names {
		k := have[name]
		if k.id == 0 {
			if err := im.placed(t, sinks.User, sources.ID(name), &k); err != nil {
				return nil, err
			}
			have[name] = k
		}
		ids[i] = k.id
	}
	return ids, nil
}

type memberRow struct {
	id, user int64
	want     bool
}

func memberRows(t *txn, group int64, users []int64) (map[int64]memberRow, error) {
	list, err := json.Marshal(users)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]memberRow, len(users))
	err = t.scan(func(r *sql.Rows) error {
		var m memberRow
		if err := r.Scan(&m.user, &m.id, &m.want); err != nil {
			return err
		}
		out[m.user] = m
		return nil
	}, `SELECT m.user_id, m.id, m.want FROM json_each(?2) j CROSS JOIN members m ON m.group_id = ?1 AND m.user_id = j.value`, group, string(list))
	return out, err
}

// turn stores that somebody who was a member is none any more, or is one again.
func (im *Importer) turn(t *txn, m memberRow, want bool) error {
	if m.want == want {
		return nil
	}
	if _, err := t.exec(`UPDATE members SET want = ?, dirty = dirty + 1 WHERE id = ?`, want, m.id); err != nil {
		return err
	}
	return im.rescope(t, m.user)
}

// join adds new memberships with one statement, since large groups have thousands.
func (im *Importer) join(t *txn, group int64, users []int64) error {
	if len(users) == 0 {
		return nil
	}
	var last int64
	if err := t.one(`SELECT COALESCE(MAX(id), 0) FROM members`, nil, &last); err != nil {
		return err
	}
	list, err := json.Marshal(users)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO members (id, group_id, user_id, want) SELECT ?1 + j.key + 1, ?2, j.value, 1 FROM json_each(?3) j`, last, group, string(list))
	if err != nil {
		return err
	}
	for i, user := range users {
		im.saw(seenMember, last+int64(i)+1)
		if err := im.rescope(t, user); err != nil {
			return err
		}
	}
	return nil
}

// rescope has a user planned again because a membership may have changed its scope.
func (im *Importer) rescope(t *txn, user int64) error {
	if !im.scoped {
		return nil
	}
	_, err := t.exec(`UPDATE objects SET dirty = dirty + 1 WHERE id = ?`, user)
	return err
}

// completeGroup ends the member list of one group: whoever was not given has left it.
func (im *Importer) completeGroup(t *txn, group sources.ID) error {
	var id int64
	err := t.one(`SELECT id FROM objects WHERE job_id = ? AND resource = ? AND source_id = ?`,
		[]any{im.job, sinks.Group, string(group)}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return im.sweepMembers(t, `SELECT id, user_id FROM members WHERE want = 1 AND group_id = ?`, id)
}

// sweepMembers ends the memberships among the query's rows that the round has not seen.
func (im *Importer) sweepMembers(t *txn, query string, args ...any) error {
	type row struct{ id, user int64 }
	var left []row
	err := t.scan(func(r *sql.Rows) error {
		var m row
		if err := r.Scan(&m.id, &m.user); err != nil {
			return err
		}
		if !im.seen[seenMember].has(m.id) {
			left = append(left, m)
		}
		return nil
	}, query, args...)
	if err != nil {
		return err
	}
	for _, m := range left {
		if _, err := t.exec(`UPDATE members SET want = 0, dirty = dirty + 1 WHERE id = ?`, m.id); err != nil {
			return err
		}
		if err := im.rescope(t, m.user); err != nil {
			return err
		}
	}
	return nil
}

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

// rescopeGroup has the members of a group that came or went planned again, where an
// application's assignments scope the job.
func (im *Importer) rescopeGroup(t *txn, r sinks.Resource, id int64) error {
	if !im.scoped || r != sinks.Group {
		return nil
	}
	return rescopeMembers(t, id)
}

func rescopeMembers(t *txn, group int64) error {
	_, err := t.exec(`UPDATE objects SET dirty = dirty + 1 WHERE id IN (SELECT user_id FROM members WHERE group_id = ? AND want = 1)`, group)
	return err
}
