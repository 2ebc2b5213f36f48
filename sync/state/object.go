package state

import (
	"database/sql"
	"errors"
)

const objectQuery = `SELECT o.id, o.resource, o.source_id, o.user_name, o.mail, o.display_name, o.presence, o.filtered, o.assigned,
	o.table_id, o.desired, o.synced, o.acked_table, o.acked,
	o.manager_id, m.sink_id, m.presence, m.dirty, o.acked_manager,
	o.sink_id, o.version, o.account, o.disabled_at, o.probed, o.dirty, o.digest,
	i.object_id, e.attempts, e.first_failed_at,
	s.action, s.reason, s.decision, s.staged_at, s.expires_at
	FROM objects o
	LEFT JOIN objects m ON m.id = o.manager_id
	LEFT JOIN intents i ON i.object_id = o.id
	LEFT JOIN escrow e ON e.object_id = o.id
	LEFT JOIN staged s ON s.object_id = o.id `

// readObjects returns the objects that a query finds, which begins with objectQuery.
func readObjects(scan scan, q ClaimQuery, query string, args ...any) ([]Object, error) {
	via, err := q.members(scan)
	if err != nil {
		return nil, err
	}
	out := make([]Object, 0, q.Limit)
	row := newObjectRow(via)
	err = scan(func(r *sql.Rows) error {
		err := row.scan(r)
		out = append(out, row.o)
		return err
	}, query, args...)
	return out, err
}

// members are who is in the scope of an application by a group; nil: it scopes nothing.
func (q ClaimQuery) members(scan scan) (*bitset, error) {
	if !q.Scoped {
		return nil, nil
	}
	return assignedMembers(scan, q.Job)
}

// objectRow takes the rows of objectQuery one after the other: an initial cycle reads every
// object of a directory, and thirty places to scan each to would be made anew for it.
type objectRow struct {
	via    *bitset // members of groups that are assigned to the application which scopes the job; nil: none does
	places []any

	o                         Object
	synced                    flag
	disabled, first           number
	staged                    Staged
	stagedAt, approvalExpires number
}

func newObjectRow(via *bitset) *objectRow {
	x := &objectRow{via: via}
	o, st := &x.o, &x.staged
	x.places = []any{
		(*number)(&o.ID), (*small)(&o.Resource), (*text)(&o.SourceID), (*text)(&o.UserName), (*text)(&o.Mail), (*text)(&o.DisplayName),
		(*small)(&o.Presence), (*flag)(&o.Filtered), (*flag)(&o.Assigned),
		(*number)(&o.Table), &o.Desired, &x.synced, (*number)(&o.AckedTable), &o.Acked,
		(*number)(&o.Manager.ID), (*text)(&o.Manager.SinkID), (*small)(&o.Manager.Presence), (*flag)(&o.Manager.Expected), (*number)(&o.Manager.Acked),
		(*text)(&o.SinkID), (*text)(&o.Version), (*small)(&o.Account), &x.disabled, (*flag)(&o.Probed), (*number)(&o.Dirty), (*number)(&o.Digest),
		(*flag)(&o.Unclear), (*small)(&o.Attempts), &x.first,
		(*text)(&st.Action), (*text)(&st.Reason), (*small)(&st.Decision), &x.stagedAt, &x.approvalExpires,
	}
	return x
}

// scan reads the next row to x.o.
func (x *objectRow) scan(r *sql.Rows) error {
	if err := r.Scan(x.places...); err != nil {
		return err
	}
	o := &x.o
	if x.synced {
		o.AckedTable, o.Acked = o.Table, o.Desired
	}
	o.DisabledAt, o.FirstFailed = fromMillis(int64(x.disabled)), fromMillis(int64(x.first))
	o.InScope = o.Filtered && (x.via == nil || o.Assigned || x.via.has(int64(o.ID)))
	o.Staged = nil
	if x.staged.Action != "" {
		st := x.staged
		st.Object, st.Resource, st.SourceID, st.SinkID, st.Name = o.ID, o.Resource, o.SourceID, o.SinkID, o.DisplayName
		st.At, st.Expires = fromMillis(int64(x.stagedAt)), fromMillis(int64(x.approvalExpires))
		o.Staged = &st
	}
	return nil
}

// Places that columns are scanned to, where NULL is 0, false or "". To an int of its own
// type database/sql brings a value through text or reflection, which costs more than to
// read it.
type (
	number int64
	small  int
	flag   bool
	text   string
)

// Scan stores an integer.
func (n *number) Scan(value any) error {
	i, err := integer(value)
	*n = number(i)
	return err
}

// Scan stores an integer.
func (s *small) Scan(value any) error {
	i, err := integer(value)
	*s = small(i)
	return err
}

// Scan stores whether an integer is not 0.
func (f *flag) Scan(value any) error {
	i, err := integer(value)
	*f = i != 0
	return err
}

func integer(value any) (int64, error) {
	i, ok := value.(int64)
	if !ok && value != nil {
		return 0, errors.New("not an integer")
	}
	return i, nil
}

// Scan stores a text.
func (t *text) Scan(value any) error {
	s, ok := value.(string)
	if !ok && value != nil {
		return errors.New("not a text")
	}
	*t = text(s)
	return nil
}
