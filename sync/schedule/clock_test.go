package schedule_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/schedule"
	"github.com/idpbridge/idpbridge/sync/state"
)

// slow is a source whose every page takes a while.
type slow struct {
	engine.Source
	takes time.Duration
}

func (s slow) Read(ctx context.Context, q sources.Query, at sources.Cursor) (*sources.Page, error) {
	select {
	case <-time.After(s.takes):
		return s.Source.Read(ctx, q, at)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A cycle that overruns its interval lets marks pass; the next one starts at a mark again.
func TestOverrun(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		job := w.job("a", interval)
		job.Source = slow{w.dir, 50 * time.Minute}
		p := w.serve(job)
		time.Sleep(10 * interval)
		starts := p.starts(t, "a")
		if len(starts) < 4 {
			t.Fatalf("%d cycles", len(starts))
		}
		for i := 2; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-1]); (gap - 2*interval).Abs() > time.Second {
				t.Errorf("gap %d is %s, not two intervals", i, gap)
			}
		}
		if w.log.count("takes longer than its interval") == 0 {
			t.Error("nobody was told")
		}
	})
}

// What another process does to a job counts at its next mark, or at once.
func TestOtherProcess(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		p := w.serve(w.job("a", interval))
		time.Sleep(2*interval + time.Minute)
		other, _ := w.open()
		defer other.Close()
		id := p.row(t, "a").ID
		set := func(change func(quarantine.Status) quarantine.Status) {
			_, _, err := other.UpdateQuarantine(t.Context(), id, change)
			must(t, err)
		}
		set(quarantine.Pause)
		n := len(p.starts(t, "a"))
		time.Sleep(5 * interval)
		if got := len(p.starts(t, "a")); got != n {
			t.Errorf("%d cycles while paused", got-n)
		}
		set(func(s quarantine.Status) quarantine.Status { s, _ = quarantine.Resume(s); return s })
		time.Sleep(interval)
		if got := len(p.starts(t, "a")); got != n+1 {
			t.Errorf("%d cycles in the interval after resuming", got-n)
		}
		must(t, other.SetNextCycle(t.Context(), id, time.Now())) // as `quarantine release` does
		time.Sleep(w.watch + time.Second)
		if got := len(p.starts(t, "a")); got != n+2 {
			t.Errorf("%d cycles after one was made due at once", got-n-1)
		}
	})
}

// A restart between two marks loses no cycle and doubles none.
func TestRestartKeepsClock(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		p := w.serve(w.job("a", interval))
		for range 30 {
			time.Sleep(interval / 3)
			next := p.row(t, "a").NextCycle
			p.stop()
			p = w.serve(w.job("a", interval))
			if got := p.row(t, "a").NextCycle; !got.Equal(next) {
				t.Fatalf("next cycle %s became %s", next, got)
			}
		}
		starts := p.starts(t, "a")
		for i := 2; i < len(starts); i++ {
			if !near(starts[i], starts[i-1].Add(interval)) {
				t.Errorf("cycle %d began %s after the one before", i, starts[i].Sub(starts[i-1]))
			}
		}
		if len(starts) < 10 {
			t.Errorf("%d cycles in ten intervals", len(starts))
		}
	})
}

// After an outage each job runs once, soon, and not all at the same time; then at its marks.
func TestOverdue(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		w.watch = time.Second
		jobs := []*engine.Job{w.job("a", interval), w.job("b", interval), w.job("c", interval), w.job("d", interval)}
		p := w.serve(jobs...)
		time.Sleep(2 * interval)
		p.stop()
		time.Sleep(5*interval + 11*time.Minute)
		back := time.Now()
		p = w.serve(jobs...)
		time.Sleep(10 * time.Second)
		var first []time.Time
		for _, job := range jobs {
			starts := p.starts(t, job.Name)
			after := slices.IndexFunc(starts, func(at time.Time) bool { return !at.Before(back) })
			if after < 0 || len(starts) != after+1 {
				t.Fatalf("job %s started at %v after the outage", job.Name, starts[max(0, after):])
			}
			first = append(first, starts[after])
		}
		slices.SortFunc(first, time.Time.Compare)
		if first[3].Sub(first[0]) < 1400*time.Millisecond {
			t.Errorf("overdue jobs started at %v", first)
		}
		for _, job := range jobs {
			if wait := time.Until(p.row(t, job.Name).NextCycle); wait < interval/2-time.Minute || wait > 3*interval/2 {
				t.Errorf("job %s runs again after %s", job.Name, wait)
			}
		}
	})
}

// A restart leaves a job in the state it was in.
func TestRestartKeepsState(t *testing.T) {
	for _, want := range quarantine.States() {
		t.Run(want.String(), func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, w *world) {
				p := w.serve(w.job("a", interval))
				time.Sleep(interval)
				status := quarantine.Status{State: want}
				if want == quarantine.StateQuarantined || want == quarantine.StateDisabled {
					status.Reason, status.Since = quarantine.ReasonTooManyDeletions, time.Now()
				}
				_, _, err := p.store.UpdateQuarantine(t.Context(), p.row(t, "a").ID, func(quarantine.Status) quarantine.Status { return status })
				must(t, err)
				p.stop()
				time.Sleep(3 * interval)
				p = w.serve(w.job("a", interval))
				n := len(p.starts(t, "a"))
				time.Sleep(3 * interval)
				if got := p.row(t, "a").Quarantine.State; got != want {
					t.Errorf("the job is %s", got)
				}
				if ran := len(p.starts(t, "a")) > n; ran != (want == quarantine.StateActive) {
					t.Errorf("ran: %t", ran)
				}
			})
		})
	}
}

// Two processes on one state run each mark once between them.
func TestTwoProcesses(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		p := w.serve(w.job("a", interval))
		w.serve(w.job("a", interval))
		time.Sleep(10*interval + time.Minute)
		starts := p.starts(t, "a")
		if len(starts) < 10 || len(starts) > 12 {
			t.Errorf("%d cycles in ten intervals", len(starts))
		}
		for i := 2; i < len(starts); i++ {
			if !near(starts[i], starts[i-1].Add(interval)) {
				t.Errorf("cycle %d began %s after the one before", i, starts[i].Sub(starts[i-1]))
			}
		}
		if w.log.count("another process uses this state") == 0 {
			t.Error("nobody was told of the other process")
		}
	})
}

// A reload adds, removes and changes jobs, and leaves the clocks of the others alone.
func TestReload(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		p := w.serve(w.job("stays", interval), w.job("leaves", interval), w.job("changes", interval))
		time.Sleep(interval + time.Minute)
		next, left := p.row(t, "stays").NextCycle, len(p.starts(t, "leaves"))
		must(t, p.Reload(t.Context(), schedule.Plan{Jobs: []*engine.Job{
			w.job("stays", interval), w.job("changes", 10*time.Minute), w.job("comes", interval),
		}}))
		if got := p.row(t, "stays").NextCycle; !got.Equal(next) {
			t.Errorf("the next cycle of a job that stays moved from %s to %s", next, got)
		}
		changed := len(p.starts(t, "changes"))
		time.Sleep(2 * interval)
		if got := len(p.starts(t, "leaves")); got != left {
			t.Errorf("a job that left ran %d times", got-left)
		}
		if got := len(p.starts(t, "changes")) - changed; got < 6 || got > 8 {
			t.Errorf("%d cycles of 10 minutes in 80 minutes", got)
		}
		if got := len(p.starts(t, "comes")); got < 2 || got > 3 {
			t.Errorf("%d cycles of a new job in two intervals", got)
		}
	})
}

// A person's cycle is told as soon as it runs, and refused beside another one.
func TestRunNow(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		job := w.job("a", interval)
		job.Source = slow{w.dir, 5 * time.Minute}
		p := w.serve(job)
		time.Sleep(20 * time.Minute)
		request, cancel := context.WithCancel(t.Context())
		c, err := p.RunNow(request, "a", engine.Request{Trigger: "api", Full: true})
		must(t, err)
		cancel() // the answer was sent; the cycle goes on
		if c.Status != "running" || c.Trigger != "api" || c.Kind != "initial" {
			t.Errorf("the cycle is %+v", c)
		}
		_, err = p.RunNow(t.Context(), "a", engine.Request{Trigger: "api"})
		if _, ok := errors.AsType[*state.LeasedError](err); !ok {
			t.Errorf("a second cycle: %v", err)
		}
		_, err = p.RunNow(t.Context(), "nobody", engine.Request{})
		if _, ok := errors.AsType[*schedule.UnknownJobError](err); !ok {
			t.Errorf("an unknown job: %v", err)
		}
		dry, err := p.RunNow(t.Context(), "a", engine.Request{Trigger: "api", DryRun: true, Full: true})
		must(t, err)
		time.Sleep(10 * time.Minute)
		done, err := p.store.Cycle(t.Context(), p.row(t, "a").ID, c.ID)
		must(t, err)
		if done.Status != "succeeded" {
			t.Errorf("the cycle ended %s", done.Status)
		}
		if kept, ok := p.DryRun("a", dry.ID); !ok || kept.Status != "succeeded" || !kept.DryRun {
			t.Errorf("the dry run is %+v", kept)
		}
		p.stop()
		if _, err := p.RunNow(t.Context(), "a", engine.Request{}); !errors.Is(err, schedule.ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// The end of the process cuts a cycle short, in good order; the next one goes on with it.
func TestStopInFlight(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		w.dir.PageSize = 1
		job := w.job("a", interval)
		job.Source = slow{w.dir, time.Minute}
		p := w.serve(job)
		time.Sleep(90 * time.Second)
		began := time.Now()
		p.stop()
		if took := time.Since(began); took > time.Second {
			t.Errorf("stopping took %s", took)
		}
		p = w.serve(job)
		row := p.row(t, "a")
		cycles, err := p.store.Cycles(t.Context(), row.ID, 1)
		must(t, err)
		if cycles[0].Status != "aborted" || row.Cursor == "" {
			t.Errorf("the cycle is %s at cursor %q", cycles[0].Status, row.Cursor)
		}
		reads := w.dir.Reads()
		time.Sleep(2 * interval)
		if n := len(w.app.Users()); n != 3 {
			t.Errorf("%d users in the app", n)
		}
		if again := w.dir.Reads() - reads; again > 5 {
			t.Errorf("%d pages were read to go on with a round of about 3", again)
		}
	})
}
