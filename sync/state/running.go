package state

import (
	"context"
	"database/sql"
	"time"
)

// Holder is a process that is in a cycle of a job.
type Holder struct {
	Process string // host, process id and start
	Since   time.Time
}

// Running returns who is in a cycle of a job now, or nil. Leases that ran out, and those of
// processes that are known to have died, don't count.
func (s *Store) Running(ctx context.Context, job JobID) (*Holder, error) {
	var found *Holder
	err := s.read(ctx, func(r *sql.Rows) error {
		var process string
		var since int64
		if err := r.Scan(&process, &since); err != nil {
			return err
		}
		if !kernel.died(process) {
			found = &Holder{Process: shown(process), Since: fromMillis(since)}
		}
		return nil
	}, `SELECT process, started_at FROM leases WHERE job_id = ? AND what = 'cycle' AND expires_at >= ?`, job, millis(s.now()))
	return found, err
}
