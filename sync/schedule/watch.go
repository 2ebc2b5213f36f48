package schedule

import (
	"context"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// mark is what a job's timer does: one of its marks has come.
func (s *Scheduler) mark(ctx context.Context, name string) {
	j := s.job(name)
	if j == nil {
		return
	}
	row, err := s.store.Job(ctx, name)
	if err != nil {
		s.log.Error("state can't be read, the mark passes", "job", name, "error", err)
		return
	}
	s.due(ctx, j, dueAt{
		mark:  j.marks.near(time.Now()),
		clock: state.Clock{ID: row.ID, Name: name, Quarantine: row.Quarantine, NextCycle: row.NextCycle},
	})
}

// watch looks at what became due between the marks: overdue and released jobs, connection
// probes, quarantines that lasted too long.
func (s *Scheduler) watch(ctx context.Context) {
	clocks, err := s.store.Clocks(ctx)
	if err != nil {
		s.log.Error("state can't be read", "error", err)
		return
	}
	now := time.Now()
	for _, name := range s.names() {
		j, clock := s.job(name), clocks[name]
		if j == nil || clock.ID == 0 {
			continue
		}
		if !clock.NextCycle.After(now) {
			s.due(ctx, j, dueAt{mark: now, clock: clock})
		}
		s.tend(ctx, j, clock)
	}
}

// dueAt is a job at a mark.
type dueAt struct {
	mark  time.Time
	clock state.Clock
}

// due uses a mark, unless it is used already: it starts a cycle when the job may run.
func (s *Scheduler) due(ctx context.Context, j *job, at dueAt) {
	name, next := at.clock.Name, j.marks.next(at.mark)
	taken, err := s.store.TakeMark(ctx, at.clock.ID, at.mark, next)
	if err != nil {
		s.log.Error("next cycle can't be stored, the mark passes", "job", name, "error", err)
		return
	}
	s.mu.Lock()
	ours := j.planned.Equal(at.clock.NextCycle)
	running := j.running > 0
	if taken {
		j.planned = next
	}
	s.mu.Unlock()
	switch {
	case !taken:
		if !ours {
			s.log.Info("cycle not started: another process uses this state and took the mark", "job", name)
		}
	case !at.clock.Quarantine.Automatic():
		s.log.Debug("cycle not started", "job", name, "state", at.clock.Quarantine.State.String())
	case running:
		s.log.Warn("cycle takes longer than its interval, the mark passes", "job", name, "next_cycle_at", next)
	default:
		s.begin(ctx, j)
	}
}

// tend makes a quarantined job's probe when it is due, and disables the job when its time
// is over.
func (s *Scheduler) tend(ctx context.Context, j *job, c state.Clock) {
	s.mu.Lock()
	spec := j.spec
	s.mu.Unlock()
	now := time.Now()
	if c.Quarantine.ProbeDue(now) {
		s.probe(ctx, j)
		return
	}
	if _, event := quarantine.Expire(spec.Quarantine, c.Quarantine, now); event != quarantine.EventDisabled {
		return
	}
	if _, err := s.engine.Expire(ctx, spec); err != nil {
		s.log.Error("job can't be disabled", "job", c.Name, "error", err)
	}
}

// probe makes a connection probe beside everything else. When it ends the quarantine, the
// next cycle is due at once.
func (s *Scheduler) probe(ctx context.Context, j *job) {
	s.mu.Lock()
	busy, spec := j.probing, j.spec
	j.probing = true
	s.mu.Unlock()
	if busy {
		return
	}
	done := func() {
		s.mu.Lock()
		j.probing = false
		s.mu.Unlock()
	}
	launched := s.launch(ctx, spec.Name, func(ctx context.Context) {
		defer done()
		event, err := s.engine.Probe(ctx, spec)
		if err == nil && event == quarantine.EventReleased {
			err = s.store.SetNextCycle(ctx, j.id, time.Now())
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("connection probe can't be stored", "job", spec.Name, "error", err)
		}
	})
	if !launched {
		done()
	}
}

// pruneEvery is how often old log records are removed.
const pruneEvery = time.Hour

// prune removes log records that are too old or too many.
func (s *Scheduler) prune(ctx context.Context) {
	s.mu.Lock()
	plan := s.plan
	s.mu.Unlock()
	before := time.Time{}
	if plan.LogRetention > 0 {
		before = time.Now().Add(-plan.LogRetention)
	}
	for _, spec := range plan.Jobs {
		j := s.job(spec.Name)
		if j == nil || before.IsZero() && plan.LogMaxRecords == 0 {
			continue
		}
		n, err := s.store.PruneLog(ctx, j.id, before, plan.LogMaxRecords)
		if err != nil {
			s.log.Error("log can't be pruned", "job", spec.Name, "error", err)
			return
		}
		if n > 0 {
			s.log.Info("old log records removed", "job", spec.Name, "records", n)
		}
	}
}
