package schedule_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

const day = 24 * time.Hour

// probed is a sink that notes when it was probed.
type probed struct {
	engine.Sink
	mu sync.Mutex
	at []time.Time
}

func (p *probed) Probe(ctx context.Context) error {
	time.Sleep(time.Second)
	p.mu.Lock()
	p.at = append(p.at, time.Now())
	p.mu.Unlock()
	return p.Sink.Probe(ctx)
}

// gaps are the times between the probes since a time, rounded to minutes.
func (p *probed) gaps(since time.Time) []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []time.Duration
	for _, at := range p.at {
		if at.After(since) {
			out = append(out, at.Sub(since).Round(time.Minute))
			since = at
		}
	}
	return out
}

// Sixty days of a job whose app first refuses the token, then breaks down, and is never
// mended in time: quarantine within one cycle, probes at growing gaps and nothing else,
// the gaps begin anew with another reason, after 28 days the job is disabled and silent,
// and it lives again when a person resumes it.
func TestSixtyDaysOfQuarantine(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		w.watch = time.Minute
		job := w.job("a", interval)
		dry := &probed{Sink: w.sink}
		job.DrySink = dry
		p := w.serve(job)
		time.Sleep(3*interval + time.Minute)
		w.user(7) // there is something to write
		w.app.Inject(scimtest.Fault{Status: 401})
		w.app.ResetCounts()
		time.Sleep(interval)
		s := p.row(t, "a").Quarantine
		if s.State != quarantine.StateQuarantined || s.Reason != quarantine.ReasonCredentials {
			t.Fatalf("after one cycle the job is %+v", s)
		}
		began := s.Since
		cycles := len(p.starts(t, "a"))

		time.Sleep(time.Until(began.Add(5 * day)))
		want := []time.Duration{hours(1), hours(2), hours(4), hours(8), hours(16), hours(24), hours(24), hours(24)}
		if d := cmp.Diff(want, dry.gaps(began)[:8], roughly); d != "" {
			t.Errorf("gaps between probes (-want +got):\n%s", d)
		}

		w.app.ClearFaults()
		w.app.Inject(scimtest.WebPage404())
		time.Sleep(time.Until(began.Add(8 * day)))
		changed := p.row(t, "a").Quarantine
		if changed.Reason != quarantine.ReasonIncompatible || !changed.Since.Equal(began) {
			t.Errorf("with another fault the job is %+v", changed)
		}
		all := dry.gaps(began)
		anew := slices.IndexFunc(all[1:], func(gap time.Duration) bool { return about(gap, hours(1)) })
		if anew < 0 || !slices.EqualFunc(all[anew+1:anew+4], want[:3], about) {
			t.Errorf("gaps after the reason changed: %v", all)
		}

		time.Sleep(time.Until(began.Add(27*day + 23*time.Hour)))
		if got := p.row(t, "a").Quarantine.State; got != quarantine.StateQuarantined {
			t.Errorf("on day 27 the job is %s", got)
		}
		time.Sleep(2 * time.Hour)
		if got := p.row(t, "a").Quarantine.State; got != quarantine.StateDisabled {
			t.Errorf("on day 28 the job is %s", got)
		}
		probes := len(dry.gaps(began))
		w.app.ClearFaults()
		time.Sleep(time.Until(began.Add(60*day + 2*time.Minute))) // not at the very moment of a mark
		if n := len(dry.gaps(began)); n != probes {
			t.Errorf("%d probes of a disabled job", n-probes)
		}
		if n := len(p.starts(t, "a")); n != cycles {
			t.Errorf("%d cycles in quarantine", n-cycles)
		}
		if n := w.app.Counts().Writes(); n > 1 {
			t.Errorf("%d writes, not one at most before the quarantine", n)
		}

		_, _, err := p.store.UpdateQuarantine(t.Context(), p.row(t, "a").ID, func(s quarantine.Status) quarantine.Status {
			s, _ = quarantine.Resume(s)
			return s
		})
		must(t, err)
		time.Sleep(interval + time.Minute)
		if len(p.starts(t, "a")) != cycles+1 || len(w.app.Users()) != 4 {
			t.Errorf("resumed: %d cycles, %d users", len(p.starts(t, "a"))-cycles, len(w.app.Users()))
		}
	})
}

// A probe that passes ends the quarantine, and the next cycle comes at once.
func TestProbeReleases(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		p := w.serve(w.job("a", interval))
		time.Sleep(interval + time.Minute)
		w.user(7)
		w.app.Inject(scimtest.Fault{Status: 401})
		time.Sleep(interval)
		since := p.row(t, "a").Quarantine.Since
		n := len(p.starts(t, "a"))
		w.app.ClearFaults()
		// Provisioning on demand works meanwhile, and is no cycle.
		out, err := p.eng.Provision(t.Context(), w.job("a", interval), engine.ProvisionRequest{User: "u7", Trigger: "manual"})
		must(t, err)
		if out.Result != "success" || p.row(t, "a").Quarantine.State != quarantine.StateQuarantined {
			t.Errorf("provisioned: %s, the job is %s", out.Result, p.row(t, "a").Quarantine.State)
		}
		time.Sleep(time.Until(since.Add(59 * time.Minute)))
		if got := len(p.starts(t, "a")); got != n {
			t.Errorf("%d cycles before the probe", got-n)
		}
		time.Sleep(2 * time.Minute)
		if got := p.row(t, "a").Quarantine.State; got != quarantine.StateActive {
			t.Errorf("after the probe the job is %s", got)
		}
		if got := len(p.starts(t, "a")); got != n+1 {
			t.Errorf("%d cycles after the probe", got-n)
		}
	})
}

// A quarantine lasts over restarts, with its probes.
func TestQuarantineSurvivesRestarts(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		w.app.Inject(scimtest.Fault{Status: 401})
		job := w.job("a", interval)
		dry := &probed{Sink: w.sink}
		job.DrySink = dry
		p := w.serve(job)
		time.Sleep(interval)
		began := p.row(t, "a").Quarantine.Since
		for range 40 {
			p.stop()
			time.Sleep(7 * time.Minute)
			p = w.serve(job)
			time.Sleep(13 * time.Minute)
		}
		got := dry.gaps(began)
		if len(got) != 3 || got[0] < hours(1) || got[1] < hours(2) || got[2] < hours(4) || got[2] > hours(4)+8*time.Minute {
			t.Errorf("gaps between probes: %v", got)
		}
		if after := p.row(t, "a").Quarantine; !after.Since.Equal(began) || after.Probes != 3 {
			t.Errorf("after the restarts: %+v", after)
		}
	})
}

// Of two processes that make the same probe, the result of one counts.
func TestTwoProcessesProbe(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		w.app.Inject(scimtest.Fault{Status: 401})
		job := w.job("a", interval)
		job.DrySink = &probed{Sink: w.sink}
		p := w.serve(job)
		w.serve(job)
		time.Sleep(8 * time.Hour) // probes after 1, 3 and 7 hours
		if got := p.row(t, "a").Quarantine.Probes; got != 3 {
			t.Errorf("%d probes were counted", got)
		}
	})
}

// People are told once of what the deletion guard holds, and again when it holds more.
func TestHeldDeletionsAreTold(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, w *world) {
		for i := range 40 {
			w.user(i)
		}
		p := w.serve(w.job("a", interval))
		must(t, p.store.AddReceiver(t.Context(), "ops"))
		told := func() (held []int) {
			for {
				due, err := p.store.DueNotices(t.Context(), "ops")
				must(t, err)
				if len(due) == 0 {
					return held
				}
				held = append(held, due[0].Held)
				d := state.Delivery{Notice: due[0].ID, Receiver: "ops"}
				if mine, err := p.store.ClaimDelivery(t.Context(), d, time.Now().Add(time.Minute)); err != nil || !mine {
					t.Fatalf("claimed: %t, %v", mine, err)
				}
				if mine, err := p.store.ClaimDelivery(t.Context(), d, time.Now().Add(time.Minute)); err != nil || mine {
					t.Fatalf("claimed twice: %t, %v", mine, err)
				}
				must(t, p.store.EndDelivery(t.Context(), d, time.Time{}))
			}
		}
		leave := func(from, to int) {
			for i := from; i < to; i++ {
				w.dir.RemoveUser(sources.ID(fmt.Sprintf("u%d", i)), sources.RemovedHard)
			}
			time.Sleep(3 * interval)
		}
		time.Sleep(2 * interval)
		for _, step := range []struct {
			from, to int
			want     []int
		}{{0, 12, []int{12}}, {12, 12, nil}, {12, 15, []int{15}}, {15, 15, nil}} {
			leave(step.from, step.to)
			if d := cmp.Diff(step.want, told()); d != "" {
				t.Errorf("after %d left (-want +got):\n%s", step.to, d)
			}
		}
	})
}

func hours(n int) time.Duration { return time.Duration(n) * time.Hour }

// about compares durations to the minute or so: watch looks only so often.
func about(a, b time.Duration) bool { return (a - b).Abs() <= 2*time.Minute }

var roughly = cmp.Comparer(about)
