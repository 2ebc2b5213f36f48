package state

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/idpbridge/idpbridge/sinks"
)

// ClaimQuery asks for objects to work on.
type ClaimQuery struct {
	Job      JobID
	Holder   string // of a Lease
	Resource sinks.Resource
	Scoped   bool     // an application's assignments scope the job
	After    ObjectID // continue behind this one
	Limit    int
	What     What
}

// What selects the objects of a claim.
type What int

// The selections.
const (
	// Ready are dirty objects whose manager has its account already, or gets none: in
	// that order nearly every account is made together with its manager.
	Ready What = iota + 1
	// Dirty are all objects that have to be planned.
	Dirty
	// Decided are objects with a staged deletion that may be carried out.
	Decided
	// Membership are groups with members to be compared.
	Membership
)

func (w What) where() string {
	switch w {
	case Ready:
		return `o.dirty > 0 AND (o.manager_id IS NULL OR m.sink_id IS NOT NULL OR m.dirty = 0 OR o.sink_id IS NOT NULL AND o.acked_manager IS o.manager_id)`
	case Dirty:
		return `o.dirty > 0`
	case Decided:
		return `o.id IN (SELECT object_id FROM staged WHERE decision = 1)`
	case Membership:
		return `o.id IN (SELECT group_id FROM rosters WHERE pending IS NOT NULL) AND o.sink_id IS NOT NULL AND o.account = 1
			AND (e.object_id IS NULL OR e.next_attempt_at BETWEEN 1 AND ?5)`
	default:
		return `0`
	}
}

// scope restricts a claim to a job and resource. Where a subquery names the few objects,
// the plus signs keep SQLite, which has no statistics, from walking all of the job.
func (w What) scope() string {
	if w == Decided || w == Membership {
		return `+o.job_id = ?1 AND +o.resource = ?2`
	}
	return `o.job_id = ?1 AND o.resource = ?2`
}

// Claim returns objects and stores an intent for each, in one transaction. Objects that
// another live process works on are left out. One that a dead process had claimed comes
// back Unclear.
func (s *Store) Claim(ctx context.Context, q ClaimQuery) ([]Object, error) {
	var out []Object
	err := s.tx(ctx, func(t *txn) error {
		return claim(t, q, &out, objectQuery+claimWhere(q.What), q.Job, q.Resource, q.After, q.Holder, millis(s.now()), q.Limit)
	})
	return out, err
}

func claimWhere(w What) string {
	return `WHERE ` + w.scope() + ` AND o.id > ?3 AND ` + w.where() + `
		AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.holder = i.holder AND l.holder <> ?4 AND l.expires_at > ?5)
		ORDER BY o.id LIMIT ?6`
}

// ErrBusy means that another process is sending something for the object.
var ErrBusy = errors.New("another process is provisioning this object")

// ClaimOne claims one object whatever its state, for provisioning on demand.
func (s *Store) ClaimOne(ctx context.Context, q ClaimQuery, id ObjectID) (*Object, error) {
	var out []Object
	err := s.tx(ctx, func(t *txn) error {
		var busy bool
		err := t.one(`SELECT EXISTS (SELECT 1 FROM intents i JOIN leases l ON l.holder = i.holder
			WHERE i.object_id = ? AND i.holder <> ? AND l.expires_at > ?)`, []any{id, q.Holder, millis(s.now())}, &busy)
		if err != nil {
			return err
		}
		if busy {
			return ErrBusy
		}
		return claim(t, q, &out, objectQuery+` WHERE o.id = ?`, id)
	})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, ErrNotFound
	}
	return &out[0], nil
}

// ErrLeaseLost means that the lease ran out, as when the machine slept, and somebody else
// may be working on the job by now.
var ErrLeaseLost = errors.New("the lease on the job was lost; another process may have gone on with it")

func claim(t *txn, q ClaimQuery, out *[]Object, query string, args ...any) error {
	var ours bool
	if err := t.one(`SELECT EXISTS (SELECT 1 FROM leases WHERE holder = ?)`, []any{q.Holder}, &ours); err != nil {
		return err
	}
	if !ours {
		return ErrLeaseLost
	}
	found, err := readObjects(t.scan, q, query, args...)
	if err != nil {
		return err
	}
	ids := make([]ObjectID, len(found))
	for i := range found {
		found[i].holder = q.Holder
		ids[i] = found[i].ID
	}
	*out = found
	return intend(t, ids, q.Holder)
}

// intend stores the intents of all objects with one statement.
func intend(t *txn, ids []ObjectID, holder string) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO intents (object_id, holder, started_at) SELECT j.value, ?, ? FROM json_each(?) j WHERE true
		ON CONFLICT (object_id) DO UPDATE SET holder = excluded.holder, started_at = excluded.started_at, unclear = 1`,
		holder, millis(t.s.now()), string(list))
	return err
}
