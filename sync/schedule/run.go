package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// UnknownJobError is returned for a job that is not in the plan.
type UnknownJobError struct{ Job string }

// Error names the job.
func (e *UnknownJobError) Error() string { return fmt.Sprintf("there is no job %q", e.Job) }

// launch runs f beside everything else until Stop, and says whether it does.
func (s *Scheduler) launch(ctx context.Context, name string, f func(context.Context)) bool {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &run{name}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		cancel()
		return false
	}
	s.cancels[r] = cancel
	s.wg.Go(func() {
		defer func() {
			s.mu.Lock()
			delete(s.cancels, r)
			s.mu.Unlock()
			cancel()
		}()
		f(ctx)
	})
	return true
}

// begin starts an automatic cycle.
func (s *Scheduler) begin(ctx context.Context, j *job) {
	s.mu.Lock()
	spec := j.spec
	s.mu.Unlock()
	s.launch(ctx, spec.Name, func(ctx context.Context) {
		_, err := s.run(ctx, j, engine.Request{Trigger: provlog.TriggerSchedule})
		leased, ok := errors.AsType[*state.LeasedError](err)
		switch {
		case ok:
			s.log.Warn("cycle not started: another one of the job is running", "job", leased.Job, "process", leased.Process, "since", leased.Since)
		case err != nil && ctx.Err() == nil:
			s.log.Error("cycle could not run", "job", spec.Name, "error", err)
		}
	})
}

// run runs one cycle to its end.
func (s *Scheduler) run(ctx context.Context, j *job, req engine.Request) (*state.Cycle, error) {
	s.mu.Lock()
	spec := j.spec
	if !req.DryRun {
		j.running++
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		if !req.DryRun {
			j.running--
		}
		s.mu.Unlock()
		s.collector.forget(spec.Name)
	}()
	c, err := s.engine.Run(ctx, spec, req)
	if c != nil && !req.DryRun {
		s.heed(context.WithoutCancel(ctx), j, c.NotBefore)
	}
	return c, err
}

// heed puts the next cycle off to the first mark after a pause that the source or the
// application told: a cycle within it would fail for certain.
func (s *Scheduler) heed(ctx context.Context, j *job, until time.Time) {
	if !until.After(time.Now()) {
		return
	}
	s.mu.Lock()
	name, next := j.spec.Name, j.marks.after(until)
	s.mu.Unlock()
	row, err := s.store.Job(ctx, name)
	if err == nil && row.NextCycle.Before(until) {
		err = s.store.SetNextCycle(ctx, j.id, next)
		s.mu.Lock()
		j.planned = next
		s.mu.Unlock()
		s.log.Warn("next cycle put off: source or application wants no requests until then", "job", name, "next_cycle_at", next)
	}
	if err != nil {
		s.log.Error("next cycle can't be put off", "job", name, "error", err)
	}
}

// RunNow starts a cycle that a person asked for and returns it as soon as it runs; it goes
// on after the context's end. The error is a *state.LeasedError when a cycle of the job
// runs already, in this process or another, an *UnknownJobError, or ErrStopped.
func (s *Scheduler) RunNow(ctx context.Context, name string, req engine.Request) (state.Cycle, error) {
	j := s.job(name)
	if j == nil {
		return state.Cycle{}, &UnknownJobError{name}
	}
	started, failed := make(chan state.Cycle, 1), make(chan error, 1)
	tell := req.Started
	req.Started = func(c state.Cycle) {
		if req.DryRun {
			s.dry.put(c)
		}
		if tell != nil {
			tell(c)
		}
		started <- c
	}
	launched := s.launch(ctx, name, func(ctx context.Context) {
		c, err := s.run(ctx, j, req)
		if c != nil && req.DryRun {
			s.dry.put(*c)
		}
		if err != nil {
			s.log.Error("cycle could not run", "job", name, "trigger", req.Trigger, "error", err)
			failed <- err
		}
	})
	if !launched {
		return state.Cycle{}, ErrStopped
	}
	select {
	case c := <-started:
		return c, nil
	case err := <-failed:
		return state.Cycle{}, err
	case <-ctx.Done():
		return state.Cycle{}, ctx.Err()
	}
}

// DryRun returns a dry run that RunNow started in this process, as far as it has come. It
// is not in the state, where a dry run leaves nothing; the latest few are remembered.
func (s *Scheduler) DryRun(job, cycle string) (state.Cycle, bool) { return s.dry.get(job, cycle) }

// keptDryRuns bounds the memory: a plan may list every object of a directory.
const keptDryRuns = 10

type dryRuns struct {
	mu   sync.Mutex
	runs []state.Cycle
}

func (d *dryRuns) put(c state.Cycle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.runs {
		if d.runs[i].ID == c.ID {
			d.runs[i] = c
			return
		}
	}
	if d.runs = append(d.runs, c); len(d.runs) > keptDryRuns {
		d.runs = append([]state.Cycle(nil), d.runs[1:]...)
	}
}

func (d *dryRuns) get(job, cycle string) (state.Cycle, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.runs {
		if c.Job == job && c.ID == cycle {
			return c, true
		}
	}
	return state.Cycle{}, false
}
