package state

import (
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
)

// members stores member changes of one group; the last word on a user counts.
func (im *Importer) members(t *txn, group int64, members []sources.Member, users map[string]known) error {
	ids, err := im.memberIDs(t, members, users)
	if err != nil {
		return err
	}
	removed := make(map[int64]bool, len(ids))
	for i, m := range members {
		removed[ids[i]] = m.Removed
	}
	var in, out []int64
	for user, removed := range removed {
		if removed {
			out = append(out, user)
		} else {
			in = append(in, user)
		}
	}
	r, err := rosterOf(t.scan, group)
	if err != nil {
		return err
	}
	told := newIDSet(in)
	im.told[group] = im.told[group].union(told)
	return im.change(t, r, told, newIDSet(out))
}

// memberIDs resolves members to rows; unknown users get a stub, since members may be told
// before the users themselves, even on the same page.
func (im *Importer) memberIDs(t *txn, members []sources.Member, users map[string]known) ([]int64, error) {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = string(m.User)
	}
	list, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	var found []byte
	if err := t.one(memberIDsQuery, []any{im.job, string(list)}, &found); err != nil {
		return nil, err
	}
	var ids []int64
	if err := json.Unmarshal(found, &ids); err != nil {
		return nil, err
	}
	for i, name := range names {
		if ids[i] != 0 {
			continue
		}
		k := users[name]
		if err := im.placed(t, sinks.User, sources.ID(name), &k); err != nil {
			return nil, err
		}
		users[name], ids[i] = k, k.id
	}
	return ids, nil
}

// memberIDsQuery answers with the list of all numbers, 0 for who is unknown: a row for each
// would cost as much again as finding it. It reads nothing but an index, since the rows
// themselves are wide, and an initial cycle asks for each many times.
const memberIDsQuery = `SELECT json_group_array(COALESCE(o.id, 0) ORDER BY j.key)
	FROM json_each(?2) j LEFT JOIN objects o ON o.job_id = ?1 AND o.resource = 1 AND o.source_id = j.value`

// change stores that users joined a group or left it.
func (im *Importer) change(t *txn, r *roster, in, out idSet) error {
	changed := in.minus(r.want).union(out.and(r.want))
	if len(changed) == 0 {
		return nil
	}
	r.pending = r.pending.union(changed)
	r.want = r.want.union(in).minus(out)
	if err := t.putRoster(r); err != nil {
		return err
	}
	return im.rescope(t, changed)
}

// rescope has users planned again because a membership may have changed their scope.
func (im *Importer) rescope(t *txn, users idSet) error {
	if !im.scoped {
		return nil
	}
	return rescope(t, users)
}

func rescope(t *txn, users idSet) error {
	list, err := users.list()
	if err != nil {
		return err
	}
	_, err = t.exec(`UPDATE objects SET dirty = dirty + 1 WHERE id IN (SELECT value FROM json_each(?))`, list)
	return err
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
	r, err := rosterOf(t.scan, group)
	if err != nil {
		return err
	}
	return rescope(t, r.want)
}

// completeGroup ends the member list of one group, of which this page told the last part:
// whoever was not told has left it. round says that the pages before told of it as well.
func (im *Importer) completeGroup(t *txn, group sources.ID, round bool) error {
	var id int64
	err := t.one(`SELECT id FROM objects WHERE job_id = ? AND resource = ? AND source_id = ?`,
		[]any{im.job, sinks.Group, string(group)}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := rosterOf(t.scan, id)
	if err != nil {
		return err
	}
	told := im.told[id]
	if round {
		if told, err = im.toldOf(t, id, seenMember); err != nil {
			return err
		}
	}
	return im.change(t, r, nil, r.want.minus(told))
}

// toldOf returns the members of a group that the round has told so far, as seen says.
func (im *Importer) toldOf(t *txn, group int64, seen ...int) (idSet, error) {
	told := im.told[group]
	for _, what := range seen {
		err := t.scan(func(r *sql.Rows) error {
			var ids []byte
			if err := r.Scan(&ids); err != nil {
				return err
			}
			users, err := unpack(ids)
			told = told.union(users)
			return err
		}, `SELECT ids FROM seen WHERE job_id = ? AND round = ? AND group_id = ? AND what = ?`, im.job, im.round, group, what)
		if err != nil {
			return nil, err
		}
	}
	return told, nil
}

// sweepMembers ends the memberships of all active groups that the round has not told.
func (im *Importer) sweepMembers(t *txn) error {
	return rosters{job: im.job, where: rostersActive}.each(t.scan, func(r *roster) error {
		told, err := im.toldOf(t, r.group, seenMember, seenMember+seenMeanwhile)
		if err != nil {
			return err
		}
		return im.change(t, r, nil, r.want.minus(told))
	})
}
