package quarantine_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/quarantine"
)

// Whatever happens to a job in whatever order, some things always hold.
func TestLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		policy := quarantine.Default()
		now := start
		var s quarantine.Status
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "hours")) * time.Hour)
			next, event := step(t, policy, s, now)
			checkLaws(t, s, next, event)
			s = next
		}
	})
}

func step(t *rapid.T, p quarantine.Policy, s quarantine.Status, now time.Time) (quarantine.Status, quarantine.Event) {
	number := rapid.IntRange(0, 100)
	switch rapid.SampledFrom([]string{"judge", "judge", "judge", "probe", "probe", "expire", "release", "pause", "resume"}).Draw(t, "what") {
	case "judge":
		return quarantine.Judge(p, s, quarantine.Facts{
			Trigger:       rapid.SampledFrom([]quarantine.Trigger{quarantine.TriggerAutomatic, quarantine.TriggerManual, quarantine.TriggerOnDemand}).Draw(t, "trigger"),
			Failed:        rapid.Bool().Draw(t, "failed"),
			ErrorReason:   quarantine.Reason(rapid.IntRange(0, 8).Draw(t, "error")),
			Changes:       number.Draw(t, "changes"),
			FailedChanges: number.Draw(t, "failed changes"),
			Escrowed:      number.Draw(t, "escrowed") * 100,
			DeletionsHeld: rapid.Bool().Draw(t, "held"),
			HeldPercent:   number.Draw(t, "percent"),
		}, now)
	case "probe":
		return quarantine.ProbeResult(p, s, quarantine.Probe{
			OK: rapid.Bool().Draw(t, "ok"), Reason: quarantine.Reason(rapid.IntRange(0, 8).Draw(t, "found")),
		}, now)
	case "expire":
		return quarantine.Expire(p, s, now)
	case "release":
		return quarantine.Release(s)
	case "pause":
		return quarantine.Pause(s), quarantine.EventNone
	default:
		return quarantine.Resume(s)
	}
}

func checkLaws(t *rapid.T, from, to quarantine.Status, event quarantine.Event) {
	const (
		active, paused        = quarantine.StateActive, quarantine.StatePaused
		quarantined, disabled = quarantine.StateQuarantined, quarantine.StateDisabled
	)
	if from.State == 0 {
		from.State = active
	}
	stopped := to.State == quarantined || to.State == disabled
	if stopped != (to.Reason != 0) || stopped == to.Since.IsZero() {
		t.Fatalf("a reason without quarantine, or the other way round: %+v", to)
	}
	if !to.NextProbe.IsZero() && to.State != quarantined {
		t.Fatalf("a probe is due, but nothing is to be probed: %+v", to)
	}
	allowed := map[quarantine.State][]quarantine.State{
		active: {active, paused, quarantined}, paused: {paused, active},
		quarantined: {quarantined, active, disabled}, disabled: {disabled, active},
	}
	if !slices.Contains(allowed[from.State], to.State) {
		t.Fatalf("%s became %s", from.State, to.State)
	}
	want := map[quarantine.Event]bool{
		quarantine.EventEntered:       from.State == active && to.State == quarantined,
		quarantine.EventReleased:      from.State == quarantined && to.State == active,
		quarantine.EventDisabled:      from.State == quarantined && to.State == disabled,
		quarantine.EventResumed:       (from.State == paused || from.State == disabled) && to.State == active,
		quarantine.EventReasonChanged: from.State == quarantined && to.State == quarantined && from.Reason != to.Reason,
	}
	for e, happened := range want {
		if happened != (event == e) {
			t.Fatalf("%s → %s is told as %s", from.State, to.State, event)
		}
	}
	if from.State == quarantined && to.State == quarantined && !from.Since.Equal(to.Since) {
		t.Fatal("the quarantine began twice")
	}
}

// Sixty days of a job whose application refuses the token, as its scheduler would live
// them: probes at growing gaps, another reason in between, disabled after 28 days, and
// nothing more until somebody resumes the job.
func TestSixtyDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		policy := quarantine.Default()
		s, event := quarantine.Judge(policy, quarantine.Status{}, quarantine.Facts{
			Trigger: quarantine.TriggerAutomatic, Failed: true, ErrorReason: quarantine.ReasonCredentials,
		}, begin)
		if event != quarantine.EventEntered {
			t.Fatalf("event %s", event)
		}
		var probes []time.Duration
		events := map[string]time.Duration{}
		for time.Since(begin) < 60*day {
			time.Sleep(10 * time.Minute)
			since := time.Since(begin)
			var event quarantine.Event
			if s.ProbeDue(time.Now()) {
				probes = append(probes, since)
				found := quarantine.Probe{Reason: quarantine.ReasonCredentials}
				if since > 10*day {
					found.Reason = quarantine.ReasonUnreachable
				}
				s, event = quarantine.ProbeResult(policy, s, found, time.Now())
			} else {
				s, event = quarantine.Expire(policy, s, time.Now())
			}
			if event != quarantine.EventNone {
				events[event.String()] = since
			}
			if s.Automatic() {
				t.Fatalf("automatic cycles after %v", since)
			}
		}
		if diff := cmp.Diff([]time.Duration{1, 3, 7, 15, 31, 55, 79}, hours(probes[:7])); diff != "" {
			t.Errorf("hours of the first probes (-want +got):\n%s", diff)
		}
		// The eleventh day's probe finds another reason, and the gaps start anew.
		changed := events["reason_changed"]
		i := slices.Index(probes, changed)
		gaps := []time.Duration{probes[i+1] - changed, probes[i+2] - changed, probes[i+3] - changed}
		if diff := cmp.Diff([]time.Duration{1, 3, 7}, hours(gaps)); diff != "" || changed < 10*day || changed > 11*day {
			t.Errorf("after the change at %v (-want +got):\n%s", changed, diff)
		}
		if got := events["disabled"]; got != 28*day {
			t.Errorf("disabled after %v", got)
		}
		if last := probes[len(probes)-1]; last >= 28*day {
			t.Errorf("a probe after %v, in a disabled job", last)
		}
		if s, event = quarantine.Resume(s); event != quarantine.EventResumed || !s.Automatic() {
			t.Errorf("resumed: %s %+v", event, s)
		}
	})
}

func hours(durations []time.Duration) []time.Duration {
	out := make([]time.Duration, len(durations))
	for i, d := range durations {
		out[i] = d / time.Hour
	}
	return out
}

func TestNextAttempt(t *testing.T) {
	t.Parallel()
	const cycle = 40 * time.Minute
	var waits []time.Duration
	now := start
	for attempts := 1; ; attempts++ {
		next, ok := quarantine.NextAttempt(attempts, start, now)
		if !ok {
			break
		}
		if attempts == 1 {
			if !next.IsZero() {
				t.Errorf("after the first failure: %v, want at once", next)
			}
			next = now.Add(cycle)
		}
		waits = append(waits, next.Sub(now))
		now = next
	}
	want := []time.Duration{cycle, 6 * time.Hour, 12 * time.Hour}
	for len(want) < len(waits) {
		want = append(want, day)
	}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	if life := now.Sub(start); life > 28*day || life < 27*day {
		t.Errorf("given up after %v", life)
	}
}
