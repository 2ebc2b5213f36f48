package state

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// Entry is a user or group of a page, already mapped.
type Entry struct {
	Resource    sinks.Resource
	SourceID    sources.ID
	UserName    string
	Mail        string
	DisplayName string
	Presence    plan.Presence // Active, Disabled, DeletedSoft or Gone
	Filtered    bool
	Desired     []byte // mapping.Encode of the values, aligned with the resource's table
	Manager     sources.Reference
	MembersOnly bool
	Members     []sources.Member
	// Failure is set when the entry could not be mapped; the object is kept as it was.
	Failure *Failure
}

// Failure is why an object is put in escrow.
type Failure struct {
	Code, Message, Advice string
}

// entry stores one entry if it says something new.
func (im *Importer) entry(t *txn, e *Entry, have, users map[string]known) error {
	k, exists := have[string(e.SourceID)]
	if !exists && e.Presence >= plan.DeletedSoft {
		return nil // deleted before we ever knew it
	}
	if err := im.scalars(t, e, &k, users); err != nil {
		return err
	}
	have[string(e.SourceID)] = k
	if len(e.Members) > 0 {
		return im.members(t, k.id, e.Members, users)
	}
	return nil
}

// scalars stores the object's own attributes and its presence. An object that was unknown
// so far has no id yet.
func (im *Importer) scalars(t *txn, e *Entry, k *known, users map[string]known) error {
	if k.id == 0 && e.Failure == nil && !e.MembersOnly && e.Manager.ID != e.SourceID {
		return im.first(t, e, k, users)
	}
	if err := im.placed(t, e.Resource, e.SourceID, k); err != nil {
		return err
	}
	if e.Resource == sinks.User {
		users[string(e.SourceID)] = *k // some manage themselves
	}
	first := e.Presence < plan.DeletedSoft &&
		im.saw(int(e.Resource), k.id) // seenUser and seenGroup have the resources' numbers
	switch {
	case e.Failure != nil:
		// Digest 0 makes the next good entry count as a change, which ends the escrow.
		k.digest = 0
		if _, err := t.exec(`UPDATE objects SET digest = 0 WHERE id = ?`, k.id); err != nil {
			return err
		}
		return putEscrow(t, ObjectID(k.id), *e.Failure, im.s.now())
	case e.MembersOnly:
		return nil
	case e.Presence >= plan.DeletedSoft:
		return im.removed(t, e, k)
	}
	m, err := im.manager(t, e, k.manager, users)
	if err != nil {
		return err
	}
	if m != k.manager {
		k.manager = m
		if _, err := t.exec(`UPDATE objects SET manager_id = NULLIF(?, 0), dirty = dirty + 1 WHERE id = ?`, m, k.id); err != nil {
			return err
		}
	}
	d := digest(e, im.tables[e.Resource])
	if k.digest == d && k.presence == e.Presence {
		im.nothingNew(e.Resource, first, k.linked)
		return nil
	}
	if k.presence != e.Presence {
		if err := im.rescopeGroup(t, e.Resource, k.id); err != nil {
			return err
		}
	}
	k.digest, k.presence = d, e.Presence
	_, err = t.exec(`UPDATE objects SET user_name = ?, mail = ?, display_name = ?, presence = ?, filtered = ?, digest = ?,
		acked = CASE WHEN synced = 1 THEN desired ELSE acked END,
		acked_table = CASE WHEN synced = 1 THEN table_id ELSE acked_table END,
		synced = 0, table_id = ?, desired = ?, dirty = dirty + 1 WHERE id = ?`,
		e.UserName, e.Mail, e.DisplayName, e.Presence, e.Filtered, d, im.tables[e.Resource], e.Desired, k.id)
	return err
}

// first stores an object that was unknown so far, with one statement: an initial cycle has
// little else to store.
func (im *Importer) first(t *txn, e *Entry, k *known, users map[string]known) error {
	m, err := im.manager(t, e, 0, users)
	if err != nil {
		return err
	}
	*k = known{digest: digest(e, im.tables[e.Resource]), presence: e.Presence, manager: m}
	k.id, err = t.insert(`INSERT INTO objects (job_id, resource, source_id, user_name, mail, display_name, presence, filtered, digest, table_id, desired, manager_id, dirty)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, 0), 1)`, im.job, e.Resource, string(e.SourceID),
		e.UserName, e.Mail, e.DisplayName, e.Presence, e.Filtered, k.digest, im.tables[e.Resource], e.Desired, m)
	if err == nil {
		im.saw(int(e.Resource), k.id)
	}
	return err
}

// removed stores that the source has deleted an object.
func (im *Importer) removed(t *txn, e *Entry, k *known) error {
	if k.presence == e.Presence {
		return nil
	}
	k.presence, k.digest = e.Presence, 0
	_, err := t.exec(`UPDATE objects SET presence = ?, digest = 0, dirty = dirty + 1 WHERE id = ?`, e.Presence, k.id)
	if err != nil {
		return err
	}
	return im.rescopeGroup(t, e.Resource, k.id)
}

// nothingNew counts an entry that said nothing new; an object that comes again in the same
// round (a group whose members spread over pages) is counted once.
func (im *Importer) nothingNew(r sinks.Resource, first, linked bool) {
	switch {
	case !first:
	case linked:
		im.Unchanged[r]++
	default:
		im.Outside[r]++
	}
}

// manager returns the row of an entry's manager; what the source did not tell leaves it as
// it was.
func (im *Importer) manager(t *txn, e *Entry, was int64, users map[string]known) (int64, error) {
	if !e.Manager.Known {
		return was, nil
	}
	if e.Manager.ID == "" {
		return 0, nil
	}
	m := users[string(e.Manager.ID)]
	if m.id == 0 {
		if err := im.placed(t, sinks.User, e.Manager.ID, &m); err != nil {
			return 0, err
		}
		users[string(e.Manager.ID)] = m
	}
	return m.id, nil
}

// placed makes the row of an object that so far is only a name.
func (im *Importer) placed(t *txn, r sinks.Resource, id sources.ID, k *known) error {
	if k.id != 0 {
		return nil
	}
	var err error
	k.id, err = t.insert(`INSERT INTO objects (job_id, resource, source_id) VALUES (?, ?, ?)`, im.job, r, string(id))
	return err
}

// digest sums up everything that scalars stores, so that an unchanged entry is told by
// one comparison. It is never 0, which stands for "unknown".
func digest(e *Entry, table int64) int64 {
	var b [12]byte
	binary.LittleEndian.PutUint64(b[:], uint64(table))
	b[8] = byte(e.Presence)
	if e.Filtered {
		b[9] = 1
	}
	h := xxhash.New()
	_, _ = h.Write(b[:])
	for _, s := range []string{e.UserName, e.Mail, e.DisplayName} {
		_, _ = h.WriteString(s)
		_, _ = h.Write([]byte{0})
	}
	_, _ = h.Write(e.Desired)
	if d := int64(h.Sum64()); d != 0 {
		return d
	}
	return 1
}
