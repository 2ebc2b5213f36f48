package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

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
	User     ObjectID
	SourceID sources.ID
	SinkID   sinks.ID
	Account  plan.Account
	Want     bool
	Have     bool
	// Held is set while the user's own disable or delete waits for a decision, or was
	// rejected.
	Held bool
	read MemberResult // what it was read from
}

// Wanted says whether the app should hold the membership: the source says so, and the
// user has an account that is not disabled. Who left and who has no account yet is no
// member, whatever the group says.
func (m *MemberChange) Wanted() bool {
	return m.Want && m.SinkID != "" && m.Account == plan.Enabled
}

// MemberChanges returns memberships in the order of their users.
func (s *Store) MemberChanges(ctx context.Context, q MemberQuery) ([]MemberChange, error) {
	r, err := rosterOf(s.scan(ctx), int64(q.Group))
	if err != nil {
		return nil, err
	}
	users := r.pending
	if q.All {
		users = r.all()
	}
	if q.Ready {
		users = users.and(r.want)
	}
	from, _ := slices.BinarySearch(users, int64(q.After)+1)
	users = users[from:]
	var out []MemberChange
	for len(users) > 0 && len(out) < q.Limit {
		n := min(len(users), q.Limit-len(out))
		if out, err = s.memberChanges(ctx, out, q, r, users[:n]); err != nil {
			return nil, err
		}
		users = users[n:]
	}
	return out, nil
}

// memberChanges adds the memberships of some users.
func (s *Store) memberChanges(ctx context.Context, out []MemberChange, q MemberQuery, r *roster, users idSet) ([]MemberChange, error) {
	list, err := users.list()
	if err != nil {
		return nil, err
	}
	out = slices.Grow(out, len(users))
	var m MemberChange
	places := []any{(*number)(&m.User), (*text)(&m.SourceID), (*text)(&m.SinkID), (*small)(&m.Account), (*flag)(&m.Held)}
	err = s.read(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		m.Want, m.Have = r.want.has(int64(m.User)), r.have.has(int64(m.User))
		m.read = MemberResult{user: int64(m.User), want: m.Want, woken: r.woken, account: accountKey(m.SinkID)}
		if !q.Ready || m.Wanted() {
			out = append(out, m)
		}
		return nil
	}, membersQuery, list)
	return out, err
}

// membersQuery joins staged instead of asking whether EXISTS: that would open it anew for
// each user.
const membersQuery = `SELECT u.id, u.source_id, u.sink_id, u.account, s.object_id FROM json_each(?) j CROSS JOIN objects u ON u.id = j.value
	LEFT JOIN staged s ON s.object_id = u.id AND s.decision <> 1`

// observeMembers takes what the app shows of a group for what it has. Members that
// nobody manages are left alone. It returns how many memberships differed.
func observeMembers(t *txn, g *Object, shown []sinks.ID) (int, error) {
	r, err := rosterOf(t.scan, int64(g.ID))
	if err != nil {
		return 0, err
	}
	there, err := usersOf(t, g, shown)
	if err != nil {
		return 0, err
	}
	had, err := linkedAmong(t, r.have)
	if err != nil {
		return 0, err
	}
	more, less := there.minus(r.have), had.minus(there)
	wrong := more.union(less)
	if len(wrong) == 0 {
		return 0, nil
	}
	r.have = r.have.union(more).minus(less)
	r.pending = r.pending.union(wrong)
	return len(wrong), t.putRoster(r)
}

// usersOf resolves the accounts that the app shows as members to users of the group's job.
func usersOf(t *txn, g *Object, shown []sinks.ID) (idSet, error) {
	job, err := t.jobOf(g.ID)
	if err != nil {
		return nil, err
	}
	list, err := json.Marshal(shown)
	if err != nil {
		return nil, err
	}
	return ids(t, `SELECT o.id FROM json_each(?2) j CROSS JOIN objects o ON o.job_id = ?1 AND o.resource = 1 AND o.sink_id = j.value`, job, string(list))
}

// linkedAmong are the users who have an account.
func linkedAmong(t *txn, users idSet) (idSet, error) {
	list, err := users.list()
	if err != nil {
		return nil, err
	}
	return ids(t, `SELECT o.id FROM json_each(?) j CROSS JOIN objects o ON o.id = j.value WHERE o.sink_id IS NOT NULL`, list)
}

// ids returns the numbers that a query finds.
func ids(t *txn, query string, args ...any) (idSet, error) {
	var out []int64
	err := t.scan(func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		out = append(out, id)
		return err
	}, query, args...)
	return newIDSet(out), err
}
