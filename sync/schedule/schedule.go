// Package schedule starts cycles when they are due, and connection probes of jobs in
// quarantine. It is the only importer of gocron.
//
// # Marks
//
// A job's cycles start at fixed marks, one per interval, counted from the Unix epoch plus
// an offset that follows from the job's name. So the marks of many jobs are spread, and
// stay where they are over restarts and configuration changes. A cycle that is still
// running at a mark is left alone, and the mark passes.
//
// # The state is the clock
//
// When a job's next cycle is due is stored. A mark belongs to whoever moves that time on
// (state.TakeMark), so that it is used once, whatever else runs on the state. A time in
// the past is overdue: at the start of the process, or because a person released or
// resumed the job. Overdue jobs run soon, one after the other; the next mark after that is
// at least half an interval away.
//
// Whether a job may run is read at each mark. Other processes pause, resume and release
// jobs without telling this one, so that the state is also looked at between the marks
// (watch), which costs one small query.
//
// A cycle that ended because the source or the application wants no requests for a while
// puts the next one off to the first mark after that, at most a day.
//
// Nothing here is lost with the process: a cycle that was cut off goes on with the next.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Engine does what is due. It is an *engine.Engine outside of tests.
type Engine interface {
	Run(ctx context.Context, job *engine.Job, req engine.Request) (*state.Cycle, error)
	Probe(ctx context.Context, job *engine.Job) (quarantine.Event, error)
	Expire(ctx context.Context, job *engine.Job) (quarantine.Event, error)
}

// Options make a Scheduler.
type Options struct {
	Store  *state.Store
	Engine Engine
	Log    *slog.Logger // nil: nothing is logged
	// Watch is how often the state is looked at between marks; 0: every two seconds.
	Watch time.Duration
}

// Plan is what a Scheduler has to do.
type Plan struct {
	// Jobs have a Name, an Interval above zero, and what the engine needs.
	Jobs []*engine.Job
	// LogRetention is how long log records are kept, LogMaxRecords how many per job;
	// 0: no bound.
	LogRetention  time.Duration
	LogMaxRecords int
}

// ErrStopped is returned for cycles that are asked for after Stop.
var ErrStopped = errors.New("the server is stopping, and starts no cycle any more")

// Scheduler starts cycles and probes. Its methods may be called concurrently.
type Scheduler struct {
	store     *state.Store
	engine    Engine
	log       *slog.Logger
	period    time.Duration
	cron      gocron.Scheduler
	collector *collector
	dry       dryRuns

	wg      sync.WaitGroup // cycles and probes
	mu      sync.Mutex     // guards what follows
	plan    Plan
	jobs    map[string]*job
	cancels map[*run]context.CancelFunc
	stopped bool
}

// job is one job of the plan.
type job struct {
	id    state.JobID
	spec  *engine.Job
	marks marks
	timer uuid.UUID
	// planned is the next cycle as this process stored it.
	planned time.Time
	running int
	probing bool
}

// run is one cycle or probe under way.
type run struct{ job string }

// New returns a Scheduler, which does nothing before Start.
func New(o Options) (*Scheduler, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Watch == 0 {
		o.Watch = 2 * time.Second
	}
	cron, err := gocron.NewScheduler(gocron.WithLocation(time.UTC))
	if err != nil {
		return nil, fmt.Errorf("make scheduler: %w", err)
	}
	s := &Scheduler{
		store: o.Store, engine: o.Engine, log: o.Log, period: o.Watch, cron: cron,
		jobs: map[string]*job{}, cancels: map[*run]context.CancelFunc{},
	}
	s.collector = newCollector(o.Store, o.Log, s.intervals)
	return s, nil
}

// Collector returns the gauges of the jobs' states.
func (s *Scheduler) Collector() prometheus.Collector { return s.collector }

// Start begins. The context's values reach every cycle; Stop ends them.
func (s *Scheduler) Start(ctx context.Context, p Plan) error {
	ctx = context.WithoutCancel(ctx)
	if err := s.Reload(ctx, p); err != nil {
		return err
	}
	watch := []gocron.JobOption{
		gocron.WithName("watch"), gocron.WithSingletonMode(gocron.LimitModeReschedule), gocron.WithStartAt(gocron.WithStartImmediately()),
	}
	if _, err := s.cron.NewJob(gocron.DurationJob(s.period), gocron.NewTask(func() { s.watch(ctx) }), watch...); err != nil {
		return fmt.Errorf("schedule watch: %w", err)
	}
	prune := []gocron.JobOption{gocron.WithName("prune"), gocron.WithSingletonMode(gocron.LimitModeReschedule)}
	if _, err := s.cron.NewJob(gocron.DurationJob(pruneEvery), gocron.NewTask(func() { s.prune(ctx) }), prune...); err != nil {
		return fmt.Errorf("schedule pruning: %w", err)
	}
	s.cron.Start()
	return nil
}

// Reload puts another plan in force. Jobs that stay keep their marks and their running
// cycles; a job that left gets no new cycle.
func (s *Scheduler) Reload(ctx context.Context, p Plan) error {
	clocks := make(map[string]*state.Job, len(p.Jobs))
	for _, spec := range p.Jobs {
		row, err := s.store.Job(ctx, spec.Name)
		if err != nil {
			return fmt.Errorf("schedule job %s: %w", spec.Name, err)
		}
		clocks[spec.Name] = row
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var fresh []*state.Job
	for _, spec := range p.Jobs {
		j := s.jobs[spec.Name]
		if j == nil {
			fresh = append(fresh, clocks[spec.Name])
		}
		if err := s.put(ctx, spec, clocks[spec.Name].ID); err != nil {
			return err
		}
	}
	if err := s.removeOthers(p); err != nil {
		return err
	}
	s.plan = p
	return s.spread(ctx, fresh)
}

// put adds a job or replaces it. The caller holds mu.
func (s *Scheduler) put(ctx context.Context, spec *engine.Job, id state.JobID) error {
	m := newMarks(spec.Name, spec.Interval)
	j := s.jobs[spec.Name]
	if j != nil && j.marks == m {
		j.spec = spec
		return nil
	}
	if j == nil {
		j = &job{id: id}
	} else if err := s.cron.RemoveJob(j.timer); err != nil {
		return fmt.Errorf("schedule job %s anew: %w", spec.Name, err)
	}
	j.spec, j.marks = spec, m
	// The margin keeps the first mark from passing before gocron has it; watch would see it.
	first := m.after(time.Now().Add(time.Second))
	timer, err := s.cron.NewJob(gocron.DurationJob(spec.Interval), gocron.NewTask(func() { s.mark(ctx, spec.Name) }),
		gocron.WithName(spec.Name), gocron.WithStartAt(gocron.WithStartDateTime(first)))
	if err != nil {
		return fmt.Errorf("schedule job %s: %w", spec.Name, err)
	}
	j.timer = timer.ID()
	s.jobs[spec.Name] = j
	return nil
}

func (s *Scheduler) removeOthers(p Plan) error {
	for name, j := range s.jobs {
		if slices.ContainsFunc(p.Jobs, func(spec *engine.Job) bool { return spec.Name == name }) {
			continue
		}
		if err := s.cron.RemoveJob(j.timer); err != nil {
			return fmt.Errorf("unschedule job %s: %w", name, err)
		}
		delete(s.jobs, name)
	}
	return nil
}

// overdueGap lies between the starts of jobs that are overdue together.
const overdueGap = 500 * time.Millisecond

// spread plans the next cycles of jobs that are new to this process: stored times that
// lie ahead stay, and who is overdue gets a turn, the longest waiting first. The caller
// holds mu.
func (s *Scheduler) spread(ctx context.Context, fresh []*state.Job) error {
	slices.SortFunc(fresh, func(a, b *state.Job) int { return a.NextCycle.Compare(b.NextCycle) })
	now := time.Now()
	turn := now
	for _, row := range fresh {
		j := s.jobs[row.Name]
		next := row.NextCycle
		switch {
		case !next.After(now) && row.Quarantine.Automatic():
			next = turn
			turn = turn.Add(overdueGap)
		case !next.After(now), !j.marks.is(next) && next.After(now.Add(j.marks.interval)):
			next = j.marks.after(now) // not its turn yet, or planned with another interval
		}
		j.planned = next
		if next.Equal(row.NextCycle) {
			continue
		}
		if err := s.store.SetNextCycle(ctx, row.ID, next); err != nil {
			return fmt.Errorf("schedule job %s: %w", row.Name, err)
		}
	}
	return nil
}

// Stop starts nothing any more, tells the cycles that run to end, and waits for them until
// the context ends. They finish the objects in flight and keep their place in the source.
func (s *Scheduler) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	running := make([]string, 0, len(s.cancels))
	for r, cancel := range s.cancels {
		running = append(running, r.job)
		cancel()
	}
	s.mu.Unlock()
	if len(running) > 0 {
		s.log.Info("stopping: cycles finish the objects in flight", "jobs", running)
	}
	if err := s.cron.ShutdownWithContext(ctx); err != nil {
		return fmt.Errorf("stop scheduler: %w", err)
	}
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop cycles: %w", ctx.Err())
	}
}

// names returns the jobs, sorted.
func (s *Scheduler) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.jobs))
}

// intervals returns the interval of each job.
func (s *Scheduler) intervals() map[string]time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]time.Duration, len(s.jobs))
	for name, j := range s.jobs {
		out[name] = j.marks.interval
	}
	return out
}

func (s *Scheduler) job(name string) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[name]
}
