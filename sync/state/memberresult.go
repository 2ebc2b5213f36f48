package state

import (
	"database/sql"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/idpbridge/idpbridge/sinks"
)

// MemberResult is what came of one membership, as MemberChange.Result makes it. It is small,
// since those of large groups wait by the thousand to be recorded.
type MemberResult struct {
	user    int64
	account uint64 // accountKey of the user's link, as read, like the next two
	woken   int32
	want    bool
	have    bool
}

func accountKey(link sinks.ID) uint64 { return xxhash.Sum64String(string(link)) }

// Result is what came of the membership: whether the app has it now.
func (m *MemberChange) Result(have bool) MemberResult {
	out := m.read
	out.have = have
	return out
}

// recordMembers stores what came of memberships. What the source said of one meanwhile, or
// what became of an account, has it compared again.
func recordMembers(t *txn, r *Result) error {
	if len(r.Members) == 0 {
		return nil
	}
	ros, err := rosterOf(t.scan, int64(r.Object.ID))
	if err != nil {
		return err
	}
	others, err := otherAccounts(t, ros, r.Members)
	if err != nil {
		return err
	}
	var in, out, done, again []int64
	for _, m := range r.Members {
		if m.have && !others[m.user] {
			in = append(in, m.user)
		} else {
			out = append(out, m.user)
		}
		if m.want == ros.want.has(m.user) && m.woken == ros.woken {
			done = append(done, m.user)
		} else {
			again = append(again, m.user)
		}
	}
	ros.have = ros.have.union(newIDSet(in)).minus(newIDSet(out))
	ros.pending = ros.pending.minus(newIDSet(done)).union(newIDSet(again))
	return t.putRoster(ros)
}

// otherAccounts are the users who have another account than the one of which a result
// speaks, or none: that one is no member.
func otherAccounts(t *txn, ros *roster, results []MemberResult) (map[int64]bool, error) {
	if !slices.ContainsFunc(results, func(m MemberResult) bool { return m.woken != ros.woken }) {
		return nil, nil
	}
	read := map[int64]uint64{}
	users := make([]int64, len(results))
	for i, m := range results {
		users[i], read[m.user] = m.user, m.account
	}
	list, err := newIDSet(users).list()
	if err != nil {
		return nil, err
	}
	out := map[int64]bool{}
	err = t.scan(func(r *sql.Rows) error {
		var user int64
		var link sinks.ID
		err := r.Scan(&user, &link)
		out[user] = accountKey(link) != read[user]
		return err
	}, `SELECT o.id, COALESCE(o.sink_id, '') FROM json_each(?) j CROSS JOIN objects o ON o.id = j.value`, list)
	return out, err
}
