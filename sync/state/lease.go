package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
)

// leaseTTL is how long a lease outlives its last renewal. A holder that certainly died is
// recognised at once.
const leaseTTL = 30 * time.Second

// Lease is a process's right to work on a job: one cycle at a time, or one of several
// provisions on demand beside it. Its holder name stands in the intents it makes.
type Lease struct {
	Holder string
	s      *Store
	stop   func()
}

// LeasedError says that another process is in a cycle of the job.
type LeasedError struct {
	Job     string
	Process string
	Since   time.Time
}

// Error names the holder.
func (e *LeasedError) Error() string {
	return fmt.Sprintf("job %s: a cycle is already running, held by %s since %s; wait for it, or stop that process",
		e.Job, e.Process, e.Since.Format(time.RFC3339))
}

// LeaseCycle takes the job's cycle lease, or returns a *LeasedError.
func (s *Store) LeaseCycle(ctx context.Context, job *Job) (*Lease, error) {
	return s.lease(ctx, job, "cycle")
}

// LeaseProvision takes a lease for provisioning on demand, of which any number may exist.
func (s *Store) LeaseProvision(ctx context.Context, job *Job) (*Lease, error) {
	return s.lease(ctx, job, "provision")
}

func (s *Store) lease(ctx context.Context, job *Job, what string) (*Lease, error) {
	l := &Lease{Holder: ulid.Make().String(), s: s}
	err := s.tx(ctx, func(t *txn) error {
		if err := s.buryDead(t, job.ID); err != nil {
			return err
		}
		if what == "cycle" {
			if err := refuseSecond(t, job); err != nil {
				return err
			}
		}
		now := s.now()
		_, err := t.exec(`INSERT INTO leases (holder, job_id, what, process, started_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
			l.Holder, job.ID, what, kernel.self(), millis(now), millis(now.Add(leaseTTL)))
		return err
	})
	if err != nil {
		return nil, err
	}
	l.renewing(ctx)
	return l, nil
}

func refuseSecond(t *txn, job *Job) error {
	var process string
	var since int64
	err := t.one(`SELECT process, started_at FROM leases WHERE job_id = ? AND what = 'cycle'`, []any{job.ID}, &process, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &LeasedError{Job: job.Name, Process: shown(process), Since: fromMillis(since)}
}

// buryDead removes leases that expired or whose process is known to have died.
func (s *Store) buryDead(t *txn, job JobID) error {
	var dead []string
	now := s.now()
	err := t.scan(func(r *sql.Rows) error {
		var holder, process string
		var expires int64
		if err := r.Scan(&holder, &process, &expires); err != nil {
			return err
		}
		if expires < millis(now) || kernel.died(process) {
			dead = append(dead, holder)
		}
		return nil
	}, `SELECT holder, process, expires_at FROM leases WHERE job_id = ?`, job)
	if err != nil {
		return err
	}
	for _, h := range dead {
		if _, err := t.exec(`DELETE FROM leases WHERE holder = ?`, h); err != nil {
			return err
		}
	}
	return nil
}

// renewing keeps the lease alive until Release.
func (l *Lease) renewing(ctx context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	l.stop = func() { cancel(); <-done }
	go func() {
		defer close(done)
		tick := time.NewTicker(leaseTTL / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = l.s.set(ctx, `UPDATE leases SET expires_at = ? WHERE holder = ?`, millis(l.s.now().Add(leaseTTL)), l.Holder)
			}
		}
	}()
}

// Release gives the lease back. Intents that still stand become unclear.
func (l *Lease) Release(ctx context.Context) error {
	l.stop()
	return l.s.set(context.WithoutCancel(ctx), `DELETE FROM leases WHERE holder = ?`, l.Holder)
}
