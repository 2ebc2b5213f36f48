package state

import (
	"context"
	"database/sql"

	"github.com/idpbridge/idpbridge/sinks"
)

// Memberships are how many memberships the source says an object has, as a member or as a
// group, and how many the app acknowledged.
type Memberships struct {
	Wanted int `json:"wanted"`
	Have   int `json:"have"`
}

// Memberships counts a user's groups, or a group's members.
func (s *Store) Memberships(ctx context.Context, q ClaimQuery, id ObjectID) (Memberships, error) {
	var m Memberships
	if q.Resource == sinks.Group {
		r, err := rosterOf(s.scan(ctx), int64(id))
		if err != nil {
			return m, err
		}
		return Memberships{Wanted: len(r.want), Have: len(r.have)}, nil
	}
	err := rosters{job: q.Job, where: rostersOfJob}.each(s.scan(ctx), func(r *roster) error {
		if r.want.has(int64(id)) {
			m.Wanted++
		}
		if r.have.has(int64(id)) {
			m.Have++
		}
		return nil
	})
	return m, err
}

// scan reads the last committed state.
func (s *Store) scan(ctx context.Context) scan {
	return func(each func(*sql.Rows) error, query string, args ...any) error {
		return s.read(ctx, each, query, args...)
	}
}
