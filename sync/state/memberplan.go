package state

import (
	"context"
	"database/sql"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// MemberQuery asks for memberships of a group that have to be compared.
type MemberQuery struct {
	Group ObjectID
	After ObjectID // continue behind this user
	Limit int
	All   bool // also those that nothing happened to
	Ready bool // only those that the app should hold by now (MemberChange.Wanted)
}

// MemberChange is one membership as the source wants it and as the app has it.
type MemberChange struct {
	Row      int64
	User     ObjectID
	SourceID sources.ID
	SinkID   sinks.ID
	Account  plan.Account
	Want     bool
	Have     bool
	Dirty    int64
	// Held is set while the user's own disable or delete waits for a decision, or was
	// rejected.
	Held bool
}

// Wanted says whether the app should hold the membership: the source says so, and the
// user has an account that is not disabled. Who left and who has no account yet is no
// member, whatever the group says.
func (m *MemberChange) Wanted() bool {
	return m.Want && m.SinkID != "" && m.Account == plan.Enabled
}

// MemberChanges returns memberships in the order of their users.
func (s *Store) MemberChanges(ctx context.Context, q MemberQuery) ([]MemberChange, error) {
	which := "m.dirty > 0" // as the partial index has it
	if q.All {
		which = "1"
	}
	if q.Ready {
		which += " AND m.want = 1 AND u.sink_id IS NOT NULL AND u.account = 1"
	}
	var out []MemberChange
	err := s.read(ctx, func(r *sql.Rows) error {
		var m MemberChange
		err := r.Scan(&m.Row, &m.User, &m.SourceID, &m.SinkID, &m.Account, &m.Want, &m.Have, &m.Dirty, &m.Held)
		out = append(out, m)
		return err
	}, `SELECT m.id, m.user_id, u.source_id, COALESCE(u.sink_id, ''), u.account, m.want, m.have, m.dirty,
		EXISTS (SELECT 1 FROM staged s WHERE s.object_id = u.id AND s.decision <> 1)
		FROM members m JOIN objects u ON u.id = m.user_id
		WHERE m.group_id = ? AND `+which+` AND m.user_id > ? ORDER BY m.user_id LIMIT ?`, q.Group, q.After, q.Limit)
	return out, err
}

// observeMembers takes what the app shows of a group for what it has. Members that
// nobody manages are left alone. It returns how many memberships differed.
func observeMembers(t *txn, g *Object, shown []sinks.ID) (int, error) {
	have := make(map[sinks.ID]bool, len(shown))
	for _, id := range shown {
		have[id] = true
	}
	drift, err := compareMembers(t, g, have)
	if err != nil {
		return 0, err
	}
	for id := range have { // shown, and not among the group's rows
		n, err := t.changed(`INSERT INTO members (group_id, user_id, want, have) SELECT ?, id, 0, 1 FROM objects
			WHERE job_id = (SELECT job_id FROM objects WHERE id = ?) AND resource = 1 AND sink_id = ? ON CONFLICT DO NOTHING`, g.ID, g.ID, string(id))
		if err != nil {
			return 0, err
		}
		drift += int(n)
	}
	return drift, nil
}

// compareMembers corrects the rows of a group and takes the members it found out of have.
func compareMembers(t *txn, g *Object, have map[sinks.ID]bool) (int, error) {
	type row struct {
		id   int64
		have bool
	}
	var wrong []row
	err := t.scan(func(r *sql.Rows) error {
		var m row
		var sink sinks.ID
		if err := r.Scan(&m.id, &sink, &m.have); err != nil {
			return err
		}
		shown := have[sink]
		delete(have, sink)
		if shown != m.have {
			wrong = append(wrong, row{m.id, shown})
		}
		return nil
	}, `SELECT m.id, u.sink_id, m.have FROM members m JOIN objects u ON u.id = m.user_id WHERE m.group_id = ? AND u.sink_id IS NOT NULL`, g.ID)
	if err != nil {
		return 0, err
	}
	for _, m := range wrong {
		if _, err := t.exec(`UPDATE members SET have = ?, dirty = dirty + 1 WHERE id = ?`, m.have, m.id); err != nil {
			return 0, err
		}
	}
	return len(wrong), nil
}
