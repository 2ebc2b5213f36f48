package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// Batch is a page, ready to be stored.
type Batch struct {
	Entries             []Entry
	CompleteGroups      []sources.ID
	Assignments         []sources.Assignment
	CompleteAssignments bool
	Bad                 []Entry // with Failure; SourceID may be empty
	Cursor              sources.Cursor
	Full                bool // the page belongs to a round that enumerates everything
	Done                bool
}

// What a round has seen.
const (
	seenUser = iota + 1
	seenGroup
	seenMember // of the group named beside
	seenAssigned
	seenNamelessUser  // a bad user entry without id: nobody may be missed for it
	seenNamelessGroup // likewise a group
	seenKinds
	// seenMeanwhile is added to what a provision on demand has seen during a round. It
	// keeps people from being missed at the round's end, but it is no part of the read.
	seenMeanwhile = 100
)

// ErrEmptyRead means that a full round ended without a single object where there had been
// some: such a read is never believed.
var ErrEmptyRead = errors.New("the source was read to its end and showed nobody, although people were known; nothing was removed")

// Importer stores the pages of one round. It belongs to one cycle.
type Importer struct {
	s      *Store
	job    JobID
	round  int64
	full   bool
	tables [3]int64 // by resource
	scoped bool
	groups bool
	seen   [seenKinds]bitset
	fresh  [seenKinds][]int64 // of the page in hand
	told   map[int64]idSet    // likewise the members of groups; the pages before stand in the table
	// Unchanged and Outside count, by resource, the entries that said nothing new of
	// objects with and without an account.
	Unchanged, Outside [3]int
}

// ImportOptions start or continue a round.
type ImportOptions struct {
	Job                   JobID
	UserTable, GroupTable int64
	AppScoped             bool // an application's assignments scope the job
	Groups                bool // groups are read
	Round                 Round
}

// Importer returns the importer of a round, with what an interrupted run of it had seen.
func (s *Store) Importer(ctx context.Context, o ImportOptions) (*Importer, error) {
	im := &Importer{s: s, job: o.Job, round: o.Round.ID, full: o.Round.Full, scoped: o.AppScoped, groups: o.Groups, told: map[int64]idSet{}}
	im.tables[sinks.User], im.tables[sinks.Group] = o.UserTable, o.GroupTable
	err := s.read(ctx, func(r *sql.Rows) error {
		var what int
		var ids []byte
		if err := r.Scan(&what, &ids); err != nil {
			return err
		}
		if what > 0 && what < seenKinds {
			return im.seen[what].unpack(ids)
		}
		return nil
	}, `SELECT what, ids FROM seen WHERE job_id = ? AND round = ? AND group_id = 0`, o.Job, o.Round.ID)
	return im, err
}

// Import stores a page and the cursor behind it in one transaction. On the Done page it
// also ends the round: in a full one, whatever was not seen is marked gone.
func (im *Importer) Import(ctx context.Context, b Batch) error {
	return im.s.soon(ctx, func(t *txn) error {
		if err := im.becomeFull(t, b.Full); err != nil {
			return err
		}
		if err := im.entries(t, b.Entries); err != nil {
			return err
		}
		for _, e := range b.Bad {
			if err := im.bad(t, e); err != nil {
				return err
			}
		}
		if err := im.assignments(t, b); err != nil {
			return err
		}
		for _, g := range b.CompleteGroups {
			if err := im.completeGroup(t, g, true); err != nil {
				return err
			}
		}
		if b.Done {
			return im.done(t, b.Cursor)
		}
		if err := im.remember(t, 0); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE jobs SET cursor = ? WHERE id = ?`, string(b.Cursor), im.job)
		return err
	})
}

// One stores a single entry, for a provision on demand: the cursor stays where it is. A
// round that is under way takes the object for seen. whole says that all members of a
// group are given.
func (im *Importer) One(ctx context.Context, e Entry, whole bool) (ObjectID, error) {
	var id int64
	err := im.s.tx(ctx, func(t *txn) error {
		if err := t.one(`SELECT round FROM jobs WHERE id = ?`, []any{im.job}, &im.round); err != nil {
			return err
		}
		if err := im.entries(t, []Entry{e}); err != nil {
			return err
		}
		if whole {
			if err := im.completeGroup(t, e.SourceID, false); err != nil {
				return err
			}
		}
		if im.round != 0 {
			if err := im.remember(t, seenMeanwhile); err != nil {
				return err
			}
		}
		return t.one(`SELECT id FROM objects WHERE job_id = ? AND resource = ? AND source_id = ?`, []any{im.job, e.Resource, string(e.SourceID)}, &id)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrNotFound
	}
	return ObjectID(id), err
}

// becomeFull notes that the source reads everything although changes were asked for, as
// sources without a feed of changes do.
func (im *Importer) becomeFull(t *txn, full bool) error {
	if !full || im.full {
		return nil
	}
	im.full = true
	_, err := t.exec(`UPDATE jobs SET round_full = 1 WHERE id = ?`, im.job)
	return err
}

// remember stores what this page has seen, so that an interrupted round can go on.
func (im *Importer) remember(t *txn, mark int) error {
	for what, ids := range im.fresh {
		if len(ids) == 0 {
			continue
		}
		im.fresh[what] = ids[:0]
		if err := im.note(t, what+mark, 0, newIDSet(ids)); err != nil {
			return err
		}
	}
	for group, users := range im.told {
		if err := im.note(t, seenMember+mark, group, users); err != nil {
			return err
		}
	}
	clear(im.told)
	return nil
}

func (im *Importer) note(t *txn, what int, group int64, ids idSet) error {
	if len(ids) == 0 {
		return nil // a page on which members only left
	}
	_, err := t.exec(`INSERT INTO seen (job_id, round, what, group_id, ids) VALUES (?, ?, ?, ?, ?)`, im.job, im.round, what, group, ids.pack())
	return err
}

// saw notes that the round has met something, and returns whether it had not before.
func (im *Importer) saw(what int, id int64) bool {
	first := im.seen[what].add(id)
	if first {
		im.fresh[what] = append(im.fresh[what], id)
	}
	return first
}

// known is the part of a stored row that tells whether an entry changes it.
type known struct {
	id       int64
	digest   int64
	presence plan.Presence
	manager  int64
	linked   bool
}

// lookup finds the rows of source ids. Ids that are not known are missing in the result.
func (im *Importer) lookup(t *txn, r sinks.Resource, ids []string) (map[string]known, error) {
	out := make(map[string]known, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	err = t.scan(func(rows *sql.Rows) error {
		var sid string
		var k known
		if err := rows.Scan(&sid, &k.id, &k.digest, &k.presence, &k.manager, &k.linked); err != nil {
			return err
		}
		out[sid] = k
		return nil
	}, `SELECT o.source_id, o.id, o.digest, o.presence, COALESCE(o.manager_id, 0), o.sink_id IS NOT NULL FROM json_each(?3) j
		CROSS JOIN objects o ON o.job_id = ?1 AND o.resource = ?2 AND o.source_id = j.value`, im.job, r, string(list))
	return out, err
}

func (im *Importer) entries(t *txn, entries []Entry) error {
	var ids [3][]string
	for i := range entries {
		e := &entries[i]
		ids[e.Resource] = append(ids[e.Resource], string(e.SourceID))
		if e.Manager.ID != "" {
			ids[sinks.User] = append(ids[sinks.User], string(e.Manager.ID))
		}
	}
	users, err := im.lookup(t, sinks.User, ids[sinks.User])
	if err != nil {
		return err
	}
	groups, err := im.lookup(t, sinks.Group, ids[sinks.Group])
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		have := users
		if e.Resource == sinks.Group {
			have = groups
		}
		if err := im.entry(t, e, have, users); err != nil {
			return fmt.Errorf("import %s %s: %w", e.Resource, e.SourceID, err)
		}
	}
	return nil
}

func (im *Importer) bad(t *txn, e Entry) error {
	if e.SourceID == "" {
		im.saw(seenNamelessUser+int(e.Resource)-1, 1)
		return nil
	}
	have, err := im.lookup(t, e.Resource, []string{string(e.SourceID)})
	if err != nil {
		return err
	}
	e.Presence = plan.Active
	if err := im.entry(t, &e, have, have); err != nil || e.Resource != sinks.Group {
		return err
	}
	// Nor is it known who is in a group that can't be read: nobody has left it.
	group := have[string(e.SourceID)].id
	r, err := rosterOf(t.scan, group)
	im.told[group] = im.told[group].union(r.want)
	return err
}
