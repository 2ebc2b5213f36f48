package state

import (
	"database/sql"
	"errors"
)

// roster is the memberships of one group, as sets of users: a row for each membership
// would be most of the state of a directory with large groups. A user who is neither
// wanted nor had is none of its business; whom it wants or has is pending as long as the
// two have to be compared.
type roster struct {
	group   int64
	want    idSet // the source says so
	have    idSet // the app acknowledged it
	pending idSet
	// woken counts how often accounts of members changed, so that results of memberships
	// that were read before such a change are told from later ones.
	woken int32
}

// all are the users that the roster speaks of.
func (r *roster) all() idSet { return r.want.union(r.have) }

// compare has memberships of users compared, as far as there are any (see putRoster).
func (r *roster) compare(users idSet) { r.pending = r.pending.union(users) }

// lose notes that the accounts of users are in the group no more.
func (r *roster) lose(users idSet) {
	r.compare(users)
	r.have = r.have.minus(users)
}

// packed is a roster as it is stored.
type packed struct {
	group               int64
	woken               int32
	want, have, pending sql.RawBytes
}

const rosterColumns = `SELECT r.group_id, r.woken, r.want, r.have, r.pending FROM rosters r `

func (p *packed) scan(rows *sql.Rows) error {
	return rows.Scan(&p.group, &p.woken, &p.want, &p.have, &p.pending)
}

func (p *packed) unpack() (*roster, error) {
	r := roster{group: p.group, woken: p.woken}
	var err [3]error
	r.want, err[0] = unpack(p.want)
	r.have, err[1] = unpack(p.have)
	r.pending, err[2] = unpack(p.pending)
	return &r, errors.Join(err[:]...)
}

// names says whether the roster is of one of the objects or speaks of one.
func (p *packed) names(objects *bitset) bool {
	return objects.has(p.group) || objects.hasAny(p.want) || objects.hasAny(p.have)
}

// scan is txn.scan, or Store.read with its context.
type scan func(each func(*sql.Rows) error, query string, args ...any) error

// rosterOf returns the roster of a group, which is empty when nothing was ever told of its
// members.
func rosterOf(scan scan, group int64) (*roster, error) {
	out := &roster{group: group}
	err := scan(func(rows *sql.Rows) error {
		var p packed
		err := p.scan(rows)
		if err == nil {
			out, err = p.unpack()
		}
		return err
	}, rosterColumns+`WHERE r.group_id = ?`, group)
	return out, err
}

// rosters selects rosters of a job.
type rosters struct {
	job   JobID
	where string
	names *bitset // those that name one of these objects; nil: all
}

// What rosters may be selected by, in the order of their groups. Where a member of a group
// is settled, a change of its account has to be noted; where none is, all are pending anyway.
const (
	rostersOfJob   = `r.job_id = ? AND r.group_id > ?`
	rostersSettled = rostersOfJob + ` AND r.settled > 0`
	rostersClaimed = `+r.job_id = ? AND r.group_id > ? AND r.settled = 0 AND r.group_id IN (SELECT object_id FROM intents)`
	rostersActive  = rostersOfJob + ` AND EXISTS (SELECT 1 FROM objects g WHERE g.id = r.group_id AND g.presence = 1)`
)

// rosterPage bounds how many rosters are in memory at once.
const rosterPage = 64

// each calls f, which may change it, with each roster of the selection.
func (s rosters) each(scan scan, f func(*roster) error) error {
	for last, more := int64(0), true; more; {
		var page []*roster
		seen := 0
		err := scan(func(rows *sql.Rows) error {
			var p packed
			if err := p.scan(rows); err != nil {
				return err
			}
			seen++
			last = p.group
			if s.names != nil && !p.names(s.names) {
				return nil
			}
			r, err := p.unpack()
			page = append(page, r)
			return err
		}, rosterPageOf(s.where), s.job, last, rosterPage)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := f(r); err != nil {
				return err
			}
		}
		more = seen == rosterPage
	}
	return nil
}

func rosterPageOf(where string) string {
	return rosterColumns + `WHERE ` + where + ` ORDER BY r.group_id LIMIT ?`
}

// putRoster stores a roster.
func (t *txn) putRoster(r *roster) error {
	all := r.all()
	pending := r.pending.and(all)
	_, err := t.exec(`INSERT INTO rosters (group_id, job_id, woken, settled, want, have, pending) SELECT id, job_id, ?2, ?3, ?4, ?5, ?6 FROM objects WHERE id = ?1
		ON CONFLICT (group_id) DO UPDATE SET woken = ?2, settled = ?3, want = ?4, have = ?5, pending = ?6`,
		r.group, r.woken, len(all)-len(pending), r.want.pack(), r.have.pack(), pending.pack())
	return err
}

// wakeMembers has all memberships of users compared whose accounts came or were disabled
// or enabled.
func wakeMembers(t *txn, job JobID, users idSet) error {
	if len(users) == 0 {
		return nil
	}
	named := users.bits()
	for _, where := range []string{rostersSettled, rostersClaimed} {
		err := rosters{job, where, named}.each(t.scan, func(r *roster) error {
			r.compare(users.and(r.all()))
			r.woken++
			return t.putRoster(r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// loseMembers takes users whose accounts are gone, or are others now, out of all groups,
// and the members out of groups of which that is true. They are compared again.
func loseMembers(t *txn, job JobID, objects idSet) error {
	if len(objects) == 0 {
		return nil
	}
	return rosters{job, rostersOfJob, objects.bits()}.each(t.scan, func(r *roster) error {
		if objects.has(r.group) {
			r.lose(r.all())
		} else {
			r.lose(objects.and(r.all()))
		}
		r.woken++
		return t.putRoster(r)
	})
}

// jobOf returns the job of an object.
func (t *txn) jobOf(id ObjectID) (JobID, error) {
	var job JobID
	err := t.one(`SELECT job_id FROM objects WHERE id = ?`, []any{id}, &job)
	return job, err
}

// assignedMembers are the users who are direct members of a group that is assigned to the
// application.
func assignedMembers(scan scan, job JobID) (*bitset, error) {
	var out bitset
	err := scan(func(r *sql.Rows) error {
		var want []byte
		if err := r.Scan(&want); err != nil {
			return err
		}
		return out.unpack(want)
	}, assignedMembersQuery, job)
	return &out, err
}

const assignedMembersQuery = `SELECT r.want FROM objects g INDEXED BY objects_assigned JOIN rosters r ON r.group_id = g.id
	WHERE g.job_id = ? AND g.resource = 2 AND g.assigned = 1 AND g.presence = 1`
