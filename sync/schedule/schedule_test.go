package schedule_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

const interval = 40 * time.Minute

// near says whether a time is within a second of another.
func near(a, b time.Time) bool { return a.Sub(b).Abs() < time.Second }

// Cycles start one interval apart, start to start, however long they take.
func TestStartToStart(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		p := w.serve(w.job("a", interval))
		time.Sleep(24 * time.Hour)
		starts := p.starts(t, "a")
		if len(starts) < 35 {
			t.Fatalf("%d cycles in a day", len(starts))
		}
		for i := 2; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-1]); (gap - interval).Abs() > time.Second {
				t.Errorf("gap %d is %s", i, gap)
			}
		}
		if !near(p.row(t, "a").NextCycle, starts[len(starts)-1].Add(interval)) {
			t.Errorf("next cycle %s, last start %s", p.row(t, "a").NextCycle, starts[len(starts)-1])
		}
	})
}

// A pause that the source told is kept, over a restart too, and the marks go on after it.
// One that ends before the next mark changes nothing, and nobody's next year is believed.
func TestToldPause(t *testing.T) {
	for told, gap := range map[time.Duration]time.Duration{
		10 * time.Minute: interval, 2 * time.Hour: 4 * interval, 365 * 24 * time.Hour: 37 * interval,
	} {
		t.Run(told.String(), func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, w *world) {
				w.watch = time.Minute
				p := w.serve(w.job("a", interval))
				time.Sleep(3*interval + time.Minute)
				w.dir.FailRead(1, &sources.Error{Class: sources.Throttled, Status: 429, RetryAfter: told})
				before := p.starts(t, "a")
				last := before[len(before)-1]
				time.Sleep(interval + time.Minute) // the cycle that is refused
				p.stop()
				p = w.serve(w.job("a", interval))
				time.Sleep(30 * time.Hour)
				starts := p.starts(t, "a")[len(before):]
				want := []time.Time{last.Add(interval), last.Add(interval + gap), last.Add(2*interval + gap)}
				for i := range want {
					if len(starts) < len(want) || !near(starts[i], want[i]) {
						t.Fatalf("cycles at %v, not at %v", starts, want)
					}
				}
			})
		})
	}
}

// 200 jobs start within a second of their marks, spread over the interval, and ten
// thousand cycles later the process is as small as before. The cycles are empty: what
// they cost themselves is the engine's matter.
func TestManyJobsForLong(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		w.watch = time.Minute
		watch := &stopwatch{starts: map[string][]time.Time{}}
		var jobs []*engine.Job
		for i := range 200 {
			jobs = append(jobs, w.job(fmt.Sprintf("job-%d", i), interval))
		}
		p := w.serveWith(watch, jobs...)
		time.Sleep(4 * interval)
		watch.reset()
		before := measure()
		time.Sleep(50 * interval)
		after := measure()
		p.stop()
		if after.goroutines > before.goroutines+5 {
			t.Errorf("%d goroutines became %d", before.goroutines, after.goroutines)
		}
		if after.heap > before.heap+4<<20 {
			t.Errorf("%d bytes of heap became %d", before.heap, after.heap)
		}
		watch.check(t)
	})
}

// stopwatch is an engine whose cycles take no time and are noted.
type stopwatch struct {
	mu     sync.Mutex
	starts map[string][]time.Time
}

func (s *stopwatch) Run(_ context.Context, job *engine.Job, _ engine.Request) (*state.Cycle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts[job.Name] = append(s.starts[job.Name], time.Now())
	return &state.Cycle{}, nil
}

func (*stopwatch) Probe(context.Context, *engine.Job) (quarantine.Event, error) {
	return quarantine.EventNone, nil
}

func (*stopwatch) Expire(context.Context, *engine.Job) (quarantine.Event, error) {
	return quarantine.EventNone, nil
}

func (s *stopwatch) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for job := range s.starts {
		s.starts[job] = make([]time.Time, 0, 100)
	}
}

// check wants every job to have started once per interval, to the second, and the jobs to
// be spread: no tenth of the interval holds more than a quarter of them.
func (s *stopwatch) check(t *testing.T) {
	t.Helper()
	total := 0
	var tenths [10]int
	for job, starts := range s.starts {
		total += len(starts)
		for i := 1; i < len(starts); i++ {
			if !near(starts[i], starts[i-1].Add(interval)) {
				t.Fatalf("%s: %s after %s", job, starts[i], starts[i-1])
			}
		}
		tenths[starts[0].Unix()%int64(interval.Seconds())*10/int64(interval.Seconds())]++
	}
	if total != 10_000 {
		t.Errorf("%d cycles, not 10000", total)
	}
	if most := slices.Max(tenths[:]); most > 50 {
		t.Errorf("jobs by tenths of the interval: %v", tenths)
	}
}

type size struct {
	goroutines int
	heap       uint64
}

func measure() size {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return size{runtime.NumGoroutine(), m.HeapAlloc}
}
