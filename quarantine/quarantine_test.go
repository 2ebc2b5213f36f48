package quarantine_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/quarantine"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// at is a status in quarantine since start.
func at(reason quarantine.Reason) quarantine.Status {
	return quarantine.Status{
		State: quarantine.StateQuarantined, Reason: reason, Message: "before",
		Since: start, NextProbe: start.Add(time.Hour),
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const (
		automatic = quarantine.TriggerAutomatic
		manual    = quarantine.TriggerManual
		onDemand  = quarantine.TriggerOnDemand
	)
	now := start.Add(2 * time.Hour)
	active := quarantine.Status{State: quarantine.StateActive}
	failing := func(n int) quarantine.Status {
		return quarantine.Status{State: quarantine.StateActive, FailedInRow: n}
	}
	entered := func(reason quarantine.Reason, message string, inRow int) quarantine.Status {
		return quarantine.Status{
			State: quarantine.StateQuarantined, Reason: reason, Message: message, Since: now,
			NextProbe: now.Add(time.Hour), FailedInRow: inRow,
		}
	}
	changed := func(s quarantine.Status, reason quarantine.Reason, message string) quarantine.Status {
		s.Reason, s.Message, s.Probes, s.NextProbe = reason, message, 0, now.Add(time.Hour)
		return s
	}
	with := func(s quarantine.Status, change func(*quarantine.Status)) quarantine.Status {
		change(&s)
		return s
	}
	paused := quarantine.Status{State: quarantine.StatePaused}
	disabled := quarantine.Status{State: quarantine.StateDisabled, Reason: quarantine.ReasonCredentials, Since: start}

	tests := []struct {
		name  string
		from  quarantine.Status
		facts quarantine.Facts
		to    quarantine.Status
		event quarantine.Event
	}{
		{"the zero status is active", quarantine.Status{}, quarantine.Facts{Trigger: automatic, Changes: 10}, active, quarantine.EventNone},
		{
			"credentials: at once", active,
			quarantine.Facts{Trigger: automatic, Failed: true, ErrorReason: quarantine.ReasonCredentials, Message: "HTTP 401"},
			entered(quarantine.ReasonCredentials, "HTTP 401", 1), quarantine.EventEntered,
		},
		{
			"incompatible: at once", active,
			quarantine.Facts{Trigger: automatic, Failed: true, ErrorReason: quarantine.ReasonIncompatible},
			entered(quarantine.ReasonIncompatible, "the application breaks the protocol", 1), quarantine.EventEntered,
		},
		{
			"unreachable: at once, in a manual cycle too", active,
			quarantine.Facts{Trigger: manual, Failed: true, ErrorReason: quarantine.ReasonUnreachable},
			entered(quarantine.ReasonUnreachable, "there was no answer", 1), quarantine.EventEntered,
		},
		{
			"a bad read alone is not enough", failing(1),
			quarantine.Facts{Trigger: automatic, Failed: true, ErrorReason: quarantine.ReasonIncompleteSource},
			failing(2), quarantine.EventNone,
		},
		{
			"bad reads in a row", failing(2),
			quarantine.Facts{Trigger: automatic, Failed: true, ErrorReason: quarantine.ReasonIncompleteSource, Message: "empty"},
			entered(quarantine.ReasonIncompleteSource, "3 cycles in a row failed, the last one with: empty", 3), quarantine.EventEntered,
		},
		{
			"failed cycles in a row", failing(2),
			quarantine.Facts{Trigger: automatic, Failed: true},
			entered(quarantine.ReasonFailedCycles, "3 cycles in a row failed", 3), quarantine.EventEntered,
		},
		{"a good cycle ends the row", failing(2), quarantine.Facts{Trigger: automatic}, active, quarantine.EventNone},
		{
			"a share of failures", active,
			quarantine.Facts{Trigger: automatic, Changes: 49, FailedChanges: 20},
			entered(quarantine.ReasonFailedPercent, "20 of 49 changes failed, more than 40 percent", 0), quarantine.EventEntered,
		},
		{"a share that is not above the threshold", active, quarantine.Facts{Trigger: automatic, Changes: 50, FailedChanges: 20}, active, quarantine.EventNone},
		{"a share below the floor", active, quarantine.Facts{Trigger: automatic, Changes: 19, FailedChanges: 19}, active, quarantine.EventNone},
		{
			"too many in escrow", active,
			quarantine.Facts{Trigger: automatic, Escrowed: 5001},
			entered(quarantine.ReasonFailedTotal, "5001 objects are in escrow, more than 5000", 0), quarantine.EventEntered,
		},
		{"as many in escrow as may be", active, quarantine.Facts{Trigger: automatic, Escrowed: 5000}, active, quarantine.EventNone},
		{
			"most accounts would go", active,
			quarantine.Facts{Trigger: automatic, DeletionsHeld: true, HeldPercent: 51},
			entered(quarantine.ReasonTooManyDeletions, "51 percent of the accounts would be disabled or deleted", 0), quarantine.EventEntered,
		},
		{"the guard alone only holds", active, quarantine.Facts{Trigger: automatic, DeletionsHeld: true, HeldPercent: 50}, active, quarantine.EventNone},
		{"a large deletion that was approved", active, quarantine.Facts{Trigger: automatic, HeldPercent: 90}, active, quarantine.EventNone},
		{
			"the most severe rule wins", failing(2),
			quarantine.Facts{Trigger: automatic, Failed: true, ErrorReason: quarantine.ReasonCredentials, Message: "m", Escrowed: 9999, Changes: 100, FailedChanges: 100},
			entered(quarantine.ReasonCredentials, "m", 3), quarantine.EventEntered,
		},
		{
			"one object says nothing", active,
			quarantine.Facts{Trigger: onDemand, Failed: true, ErrorReason: quarantine.ReasonCredentials},
			active, quarantine.EventNone,
		},
		{"on demand in quarantine", at(quarantine.ReasonFailedCycles), quarantine.Facts{Trigger: onDemand}, at(quarantine.ReasonFailedCycles), quarantine.EventNone},

		{"a good manual cycle releases", at(quarantine.ReasonFailedTotal), quarantine.Facts{Trigger: manual, Changes: 5}, active, quarantine.EventReleased},
		{"also what a probe would", at(quarantine.ReasonCredentials), quarantine.Facts{Trigger: manual}, active, quarantine.EventReleased},
		{
			"a manual cycle that fails below the thresholds does not", at(quarantine.ReasonTooManyDeletions),
			quarantine.Facts{Trigger: manual, Failed: true},
			with(at(quarantine.ReasonTooManyDeletions), func(s *quarantine.Status) { s.FailedInRow = 1 }), quarantine.EventNone,
		},
		{"an automatic cycle does not", at(quarantine.ReasonFailedTotal), quarantine.Facts{Trigger: automatic}, at(quarantine.ReasonFailedTotal), quarantine.EventNone},
		{
			"the same reason again", at(quarantine.ReasonFailedTotal),
			quarantine.Facts{Trigger: manual, Escrowed: 7000},
			with(at(quarantine.ReasonFailedTotal), func(s *quarantine.Status) { s.Message = "7000 objects are in escrow, more than 5000" }), quarantine.EventNone,
		},
		{
			"another reason",
			with(at(quarantine.ReasonFailedTotal), func(s *quarantine.Status) { s.Probes = 4 }),
			quarantine.Facts{Trigger: manual, Failed: true, ErrorReason: quarantine.ReasonCredentials, Message: "HTTP 403"},
			with(changed(at(0), quarantine.ReasonCredentials, "HTTP 403"), func(s *quarantine.Status) { s.FailedInRow = 1 }), quarantine.EventReasonChanged,
		},

		{
			"paused stays paused", paused,
			quarantine.Facts{Trigger: manual, Failed: true, ErrorReason: quarantine.ReasonCredentials},
			quarantine.Status{State: quarantine.StatePaused, FailedInRow: 1},
			quarantine.EventNone,
		},
		{"disabled stays disabled", disabled, quarantine.Facts{Trigger: manual}, disabled, quarantine.EventNone},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, event := quarantine.Judge(quarantine.Default(), test.from, test.facts, now)
			if event != test.event {
				t.Errorf("event %s, want %s", event, test.event)
			}
			if diff := cmp.Diff(test.to, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}

// A rule whose threshold is zero is off.
func TestRulesCanBeOff(t *testing.T) {
	t.Parallel()
	everything := quarantine.Facts{
		Trigger: quarantine.TriggerAutomatic, Failed: true, Changes: 100, FailedChanges: 100, Escrowed: 1_000_000,
	}
	s := quarantine.Status{FailedInRow: 100}
	if got, event := quarantine.Judge(quarantine.Policy{}, s, everything, start); event != quarantine.EventNone {
		t.Errorf("without thresholds: %+v", got)
	}
	everything.ErrorReason = quarantine.ReasonCredentials
	got, _ := quarantine.Judge(quarantine.Policy{}, s, everything, start)
	if got.State != quarantine.StateQuarantined || !got.NextProbe.IsZero() || got.ProbeDue(start.Add(1000*day)) {
		t.Errorf("without probes: %+v", got)
	}
	if got, event := quarantine.Expire(quarantine.Policy{}, got, start.Add(1000*day)); event != quarantine.EventNone {
		t.Errorf("without an end: %+v", got)
	}
}

func TestProbeResult(t *testing.T) {
	t.Parallel()
	now := start.Add(time.Hour)
	ok := quarantine.Probe{OK: true}
	refused := quarantine.Probe{Reason: quarantine.ReasonCredentials, Message: "HTTP 401"}
	silent := quarantine.Probe{Reason: quarantine.ReasonUnreachable}
	failed := func(reason quarantine.Reason, message string, probes int, gap time.Duration) quarantine.Status {
		s := at(reason)
		s.Message, s.Probes, s.NextProbe = message, probes, now.Add(gap)
		return s
	}
	active := quarantine.Status{State: quarantine.StateActive}
	tests := []struct {
		name  string
		from  quarantine.Status
		probe quarantine.Probe
		to    quarantine.Status
		event quarantine.Event
	}{
		{"credentials are right again", at(quarantine.ReasonCredentials), ok, active, quarantine.EventReleased},
		{"it answers again", at(quarantine.ReasonUnreachable), ok, active, quarantine.EventReleased},
		{"it keeps the protocol again", at(quarantine.ReasonIncompatible), ok, active, quarantine.EventReleased},
		{"still refused", at(quarantine.ReasonCredentials), refused, failed(quarantine.ReasonCredentials, "HTTP 401", 1, 2*time.Hour), quarantine.EventNone},
		{"still silent", at(quarantine.ReasonUnreachable), silent, failed(quarantine.ReasonUnreachable, "before", 1, 2*time.Hour), quarantine.EventNone},
		{
			"it answers, but refuses", at(quarantine.ReasonUnreachable), refused,
			failed(quarantine.ReasonCredentials, "HTTP 401", 0, time.Hour), quarantine.EventReasonChanged,
		},
		{
			"it doesn't answer any more", at(quarantine.ReasonCredentials), silent,
			failed(quarantine.ReasonUnreachable, "there was no answer", 0, time.Hour), quarantine.EventReasonChanged,
		},
		{"no probe ends deletions", at(quarantine.ReasonTooManyDeletions), ok, failed(quarantine.ReasonTooManyDeletions, "before", 1, 2*time.Hour), quarantine.EventNone},
		{"no probe ends bad reads", at(quarantine.ReasonIncompleteSource), ok, failed(quarantine.ReasonIncompleteSource, "before", 1, 2*time.Hour), quarantine.EventNone},
		{"nor gives them another reason", at(quarantine.ReasonFailedCycles), refused, failed(quarantine.ReasonFailedCycles, "before", 1, 2*time.Hour), quarantine.EventNone},
		{"a late probe", active, refused, active, quarantine.EventNone},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, event := quarantine.ProbeResult(quarantine.Default(), test.from, test.probe, now)
			if event != test.event {
				t.Errorf("event %s, want %s", event, test.event)
			}
			if diff := cmp.Diff(test.to, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}

// What people can do, from every state.
func TestOrders(t *testing.T) {
	t.Parallel()
	active := quarantine.Status{State: quarantine.StateActive}
	paused := quarantine.Status{State: quarantine.StatePaused, FailedInRow: 1}
	held := at(quarantine.ReasonTooManyDeletions)
	disabled := held
	disabled.State = quarantine.StateDisabled
	pause := func(s quarantine.Status) (quarantine.Status, quarantine.Event) {
		return quarantine.Pause(s), quarantine.EventNone
	}
	tests := []struct {
		name  string
		order func(quarantine.Status) (quarantine.Status, quarantine.Event)
		from  quarantine.Status
		to    quarantine.Status
		event quarantine.Event
	}{
		{"release active", quarantine.Release, quarantine.Status{}, active, quarantine.EventNone},
		{"release paused", quarantine.Release, paused, paused, quarantine.EventNone},
		{"release quarantined", quarantine.Release, held, active, quarantine.EventReleased},
		{"release disabled", quarantine.Release, disabled, disabled, quarantine.EventNone},
		{"pause active", pause, quarantine.Status{FailedInRow: 1}, paused, quarantine.EventNone},
		{"pause paused", pause, paused, paused, quarantine.EventNone},
		{"pause quarantined", pause, held, held, quarantine.EventNone},
		{"pause disabled", pause, disabled, disabled, quarantine.EventNone},
		{"resume active", quarantine.Resume, quarantine.Status{}, active, quarantine.EventNone},
		{"resume paused", quarantine.Resume, paused, quarantine.Status{State: quarantine.StateActive, FailedInRow: 1}, quarantine.EventResumed},
		{"resume quarantined", quarantine.Resume, held, held, quarantine.EventNone},
		{"resume disabled", quarantine.Resume, disabled, active, quarantine.EventResumed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, event := test.order(test.from)
			if event != test.event {
				t.Errorf("event %s, want %s", event, test.event)
			}
			if diff := cmp.Diff(test.to, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	held := at(quarantine.ReasonTooManyDeletions)
	almost := start.Add(28*day - time.Nanosecond)
	if got, event := quarantine.Expire(quarantine.Default(), held, almost); event != quarantine.EventNone || got != held {
		t.Errorf("too early: %s %+v", event, got)
	}
	want := held
	want.State, want.NextProbe = quarantine.StateDisabled, time.Time{}
	end := start.Add(28 * day)
	if got, event := quarantine.Expire(quarantine.Default(), held, end); event != quarantine.EventDisabled || got != want {
		t.Errorf("at its end: %s %+v", event, got)
	}
	if got, event := quarantine.ProbeResult(quarantine.Default(), held, quarantine.Probe{}, end); event != quarantine.EventDisabled || got.State != want.State {
		t.Errorf("by a probe: %s %+v", event, got)
	}
	failing := quarantine.Facts{Trigger: quarantine.TriggerManual, Failed: true}
	if got, event := quarantine.Judge(quarantine.Default(), held, failing, end); event != quarantine.EventDisabled || got.State != want.State {
		t.Errorf("by a manual cycle that fails: %s %+v", event, got)
	}
	if got, event := quarantine.Expire(quarantine.Default(), quarantine.Status{}, end); event != quarantine.EventNone || !got.Automatic() {
		t.Errorf("an active job: %s %+v", event, got)
	}
}

// The state survives a restart of the process: what is stored is what was.
func TestStored(t *testing.T) {
	t.Parallel()
	statuses := map[string]quarantine.Status{
		`{"state":"active"}`: {State: quarantine.StateActive},
		`{"state":"paused"}`: {State: quarantine.StatePaused},
		`{"state":"quarantined","reason":"too_many_deletions","message":"m","since":"2026-01-01T00:00:00Z","next_probe":"2026-01-01T01:00:00Z","probes":2,"failed_in_row":1}`: {
			State: quarantine.StateQuarantined, Reason: quarantine.ReasonTooManyDeletions, Message: "m", Since: start,
			NextProbe: start.Add(time.Hour), Probes: 2, FailedInRow: 1,
		},
		`{"state":"disabled","reason":"incomplete_source","since":"2026-01-01T00:00:00Z"}`: {
			State: quarantine.StateDisabled, Reason: quarantine.ReasonIncompleteSource, Since: start,
		},
	}
	for want, s := range statuses {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		var back quarantine.Status
		if err := json.Unmarshal(text, &back); err != nil || back != s {
			t.Errorf("read back %+v, %v", back, err)
		}
	}
	var fresh quarantine.Status
	if err := json.Unmarshal([]byte(`{}`), &fresh); err != nil || !fresh.Automatic() || fresh.State.String() != "active" {
		t.Errorf("a job that was never judged: %+v, %v", fresh, err)
	}
	for _, bad := range []string{`{"state":"on"}`, `{"reason":"bad luck"}`} {
		if err := json.Unmarshal([]byte(bad), &fresh); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// The words are part of the public contract.
func TestWords(t *testing.T) {
	t.Parallel()
	var got []string
	for _, r := range quarantine.Reasons() {
		got = append(got, r.String())
	}
	for _, s := range quarantine.States() {
		got = append(got, s.String())
	}
	for _, e := range quarantine.Events() {
		text, err := e.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(text))
	}
	want := []string{
		"credentials", "unreachable", "incompatible", "failed_cycles", "failed_percent", "failed_total", "too_many_deletions", "incomplete_source",
		"active", "paused", "quarantined", "disabled",
		"none", "entered", "reason_changed", "released", "disabled", "resumed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
	if text, err := quarantine.TriggerOnDemand.MarshalText(); err != nil || string(text) != "on_demand" {
		t.Errorf("trigger %s, %v", text, err)
	}
	if quarantine.Reason(99).String() != "unknown(99)" {
		t.Error("an unknown reason has a word")
	}
}
