package state

import (
	"context"
	"fmt"
)

// Self names this process as a lease does, and Died says whether a process is certainly
// gone, both as far as a file system in the place of /proc tells.
func Self(proc string) string               { return procFS(proc).self() }
func Died(proc string, process string) bool { return procFS(proc).died(process) }

// LimitPages makes the disk full as far as this store can tell: the file may grow by that
// many pages and no more. A negative number ends it.
func (s *Store) LimitPages(ctx context.Context, more int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var have int
	if err := s.conn.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&have); err != nil {
		return err
	}
	limit := have + more
	if more < 0 {
		limit = 1 << 30
	}
	_, err := s.conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, limit))
	return err
}
