package state

import (
	"context"

	"github.com/idpbridge/idpbridge/sinks"
)

// Memberships are how many memberships the source says an object has, as a member or as a
// group, and how many the app acknowledged.
type Memberships struct {
	Wanted int `json:"wanted"`
	Have   int `json:"have"`
}

// Memberships counts a user's groups, or a group's members.
func (s *Store) Memberships(ctx context.Context, r sinks.Resource, id ObjectID) (Memberships, error) {
	column := "user_id"
	if r == sinks.Group {
		column = "group_id"
	}
	var m Memberships
	err := s.r.QueryRowContext(ctx, `SELECT COALESCE(SUM(want), 0), COALESCE(SUM(have), 0) FROM members WHERE `+column+` = ?`, id).Scan(&m.Wanted, &m.Have)
	return m, classify(err)
}
