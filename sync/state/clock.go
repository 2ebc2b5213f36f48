package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
)

// Clock is what scheduling needs to know of a job.
type Clock struct {
	ID          JobID
	Name        string
	Quarantine  quarantine.Status
	NextCycle   time.Time // zero: no automatic cycle was ever planned
	LastSuccess time.Time
}

// Clocks returns the clocks of all jobs that were ever seen, by name.
func (s *Store) Clocks(ctx context.Context) (map[string]Clock, error) {
	out := map[string]Clock{}
	err := s.read(ctx, func(r *sql.Rows) error {
		var c Clock
		var status string
		var next, success int64
		if err := r.Scan(&c.ID, &c.Name, &status, &next, &success); err != nil {
			return err
		}
		c.NextCycle, c.LastSuccess = fromMillis(next), fromMillis(success)
		out[c.Name] = c
		if err := json.Unmarshal([]byte(status), &c.Quarantine); err != nil {
			return fmt.Errorf("job %s: stored quarantine: %w", c.Name, err)
		}
		out[c.Name] = c
		return nil
	}, `SELECT id, name, quarantine, next_cycle_at, last_success_at FROM jobs`)
	return out, err
}

// TakeMark says whether a cycle was due at a mark, and moves the job's clock to the next
// one. Of several processes that ask for a mark, one is told yes.
func (s *Store) TakeMark(ctx context.Context, job JobID, mark, next time.Time) (bool, error) {
	var n int64
	err := s.tx(ctx, func(t *txn) error {
		var err error
		n, err = t.changed(`UPDATE jobs SET next_cycle_at = ? WHERE id = ? AND next_cycle_at <= ?`, millis(next), job, millis(mark))
		return err
	})
	return n == 1, err
}

// Standing is how many objects of a job are linked, in escrow, and held by the deletion
// guard, by resource. It is Tally without what takes long to count.
type Standing struct{ Links, Escrowed, Staged [sinks.Group + 1]int }

// Standing counts a job's objects. It reads indexes alone.
func (s *Store) Standing(ctx context.Context, job JobID) (Standing, error) {
	var out Standing
	err := s.read(ctx, func(r *sql.Rows) error {
		var what string
		var resource sinks.Resource
		var n int
		if err := r.Scan(&what, &resource, &n); err != nil {
			return err
		}
		switch what {
		case "links":
			out.Links[resource] = n
		case "escrow":
			out.Escrowed[resource] = n
		default:
			out.Staged[resource] = n
		}
		return nil
	}, `SELECT 'links', resource, COUNT(*) FROM objects INDEXED BY objects_sink WHERE job_id = ?1 AND sink_id IS NOT NULL GROUP BY resource
		UNION ALL SELECT 'escrow', o.resource, COUNT(*) FROM escrow e CROSS JOIN objects o ON o.id = e.object_id WHERE o.job_id = ?1 GROUP BY o.resource
		UNION ALL SELECT 'staged', o.resource, COUNT(*) FROM staged s CROSS JOIN objects o ON o.id = s.object_id
			WHERE o.job_id = ?1 AND s.decision = 0 GROUP BY o.resource`, job)
	return out, err
}
