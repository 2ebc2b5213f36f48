// Package quarantine decides when a job's automatic cycles stop and when they go on, and
// when an object in escrow is tried again. Facts go in, a verdict comes out: the package
// reads no clock, holds no state, does no input or output, and imports nothing of ours.
// Who stores a Status and who acts on an Event is up to the caller.
//
// # States
//
//	active ──Judge──▶ quarantined ──DisableAfter──▶ disabled
//	   ▲                   │                            │
//	   ├─probe, Release,───┘                            │
//	   │ a good manual cycle                            │
//	   └──────────────────Resume────────────────────────┘
//
// A job can be paused from active, and resumed to it. A Status has a Reason exactly when
// it is quarantined or disabled.
//
// # Rules
//
// Bad credentials, an application that can't be reached and one that breaks the protocol
// concern every object: one cycle is enough. They are also what a connection probe can
// test, so that a passing probe ends them. Reads that can't be trusted and other failures
// must repeat; shares and totals of failed changes have thresholds. These end when a
// person releases the job, or when a cycle that a person started ends below the
// thresholds.
//
// Runs on demand and manual cycles work in every state: a quarantine holds back only what
// nobody is watching.
package quarantine

import (
	"fmt"
	"time"
)

// Status is the state of one job. Its zero value is active.
type Status struct {
	State State `json:"state"`
	// Reason says why the job is quarantined or disabled; Message says it in words.
	Reason  Reason `json:"reason,omitzero"`
	Message string `json:"message,omitempty"`
	// Since is when the quarantine began. A change of reason leaves it as it is.
	Since time.Time `json:"since,omitzero"`
	// NextProbe is when the next connection probe is due; zero: never.
	NextProbe time.Time `json:"next_probe,omitzero"`
	// Probes is how many probes were made for the present reason.
	Probes int `json:"probes,omitempty"`
	// FailedInRow is how many cycles failed since the last one that did not.
	FailedInRow int `json:"failed_in_row,omitempty"`
}

// Automatic says whether automatic cycles may run. Every other run may always.
func (s Status) Automatic() bool { return s.State.known() == StateActive }

// ProbeDue says whether a connection probe is due.
func (s Status) ProbeDue(now time.Time) bool {
	return s.State == StateQuarantined && !s.NextProbe.IsZero() && !now.Before(s.NextProbe)
}

// Facts are what one run of a job came to.
type Facts struct {
	Trigger Trigger
	// Failed is set when the cycle could not be done as a whole. Objects in escrow do
	// not make a cycle failed.
	Failed bool
	// ErrorReason is the kind of the error that failed the cycle: ReasonCredentials,
	// ReasonUnreachable, ReasonIncompatible, ReasonIncompleteSource, or zero for any
	// other. Message is the error in words; it may hold no personal data.
	ErrorReason Reason
	Message     string
	// Changes is how many changes of objects the cycle tried, FailedChanges how many of
	// these failed.
	Changes, FailedChanges int
	// Escrowed is how many objects of the job are in escrow after the cycle.
	Escrowed int
	// DeletionsHeld is set when the accidental-deletion guard holds deletions back;
	// HeldPercent is the share of the job's accounts (users or groups, whichever is
	// larger) that these would have disabled or deleted.
	DeletionsHeld bool
	HeldPercent   int
}

// tooManyHeld is the share of held deletions above which the job stops: the guard alone
// holds deletions back and lets creates and updates go on, but when more than half of all
// accounts would go, the directory or the scope is not what it was.
const tooManyHeld = 50

// Judge returns a job's status after a run, and what happened to it. A run on demand
// changes nothing: one object says nothing about a job.
func Judge(p Policy, s Status, f Facts, now time.Time) (Status, Event) {
	s.State = s.State.known()
	if f.Trigger == TriggerOnDemand {
		return s, EventNone
	}
	if f.Failed {
		s.FailedInRow++
	} else {
		s.FailedInRow = 0
	}
	reason, message := p.reason(s, f)
	switch s.State {
	case StateActive:
		if reason != 0 {
			return p.enter(s, reason, message, now), EventEntered
		}
	case StateQuarantined:
		return p.judgeQuarantined(s, f, verdict{reason, message}, now)
	case StatePaused, StateDisabled:
	}
	return s, EventNone
}

// verdict is the rule that a run broke, if any.
type verdict struct {
	reason  Reason
	message string
}

func (p Policy) judgeQuarantined(s Status, f Facts, v verdict, now time.Time) (Status, Event) {
	event := EventNone
	switch {
	case v.reason == s.Reason:
		s.Message = v.message
	case v.reason != 0:
		s, event = p.changeReason(s, v, now), EventReasonChanged
	case f.Trigger == TriggerManual && !f.Failed:
		return released(s), EventReleased
	}
	return p.expire(s, event, now)
}

// reason returns the first rule that the facts break, most severe first.
func (p Policy) reason(s Status, f Facts) (Reason, string) {
	switch {
	case f.Failed && f.ErrorReason.Probed():
		return f.ErrorReason, or(f.Message, f.ErrorReason.meaning())
	case f.Failed && p.FailedCycles > 0 && s.FailedInRow >= p.FailedCycles:
		return p.repeated(s, f)
	case f.DeletionsHeld && f.HeldPercent > tooManyHeld:
		return ReasonTooManyDeletions, fmt.Sprintf("%d percent of the accounts would be disabled or deleted", f.HeldPercent)
	case p.FailedTotal > 0 && f.Escrowed > p.FailedTotal:
		return ReasonFailedTotal, fmt.Sprintf("%d objects are in escrow, more than %d", f.Escrowed, p.FailedTotal)
	case p.FailedPercent > 0 && f.FailedChanges >= p.FailedMin && f.FailedChanges*100 > f.Changes*p.FailedPercent:
		return ReasonFailedPercent, fmt.Sprintf("%d of %d changes failed, more than %d percent", f.FailedChanges, f.Changes, p.FailedPercent)
	default:
		return 0, ""
	}
}

// repeated is the reason for too many failed cycles in a row. A read that can't be
// trusted has a name of its own, but needs as many: one bad read must not need a person.
func (p Policy) repeated(s Status, f Facts) (Reason, string) {
	reason := ReasonFailedCycles
	if f.ErrorReason == ReasonIncompleteSource {
		reason = ReasonIncompleteSource
	}
	message := fmt.Sprintf("%d cycles in a row failed", s.FailedInRow)
	if f.Message != "" {
		message += ", the last one with: " + f.Message
	}
	return reason, message
}

func (p Policy) enter(s Status, reason Reason, message string, now time.Time) Status {
	s.State, s.Since = StateQuarantined, now
	return p.changeReason(s, verdict{reason, message}, now)
}

// changeReason sets the reason and starts the clock of the probes anew: what is wrong now
// may be over sooner than what was wrong before.
func (p Policy) changeReason(s Status, v verdict, now time.Time) Status {
	s.Reason, s.Message, s.Probes = v.reason, v.message, 0
	s.NextProbe = p.nextProbe(0, now)
	return s
}

func (p Policy) nextProbe(probes int, now time.Time) time.Time {
	if p.ProbeFirst <= 0 {
		return time.Time{}
	}
	return now.Add(p.gap(probes))
}

// Probe is what a connection probe found.
type Probe struct {
	OK bool
	// Reason is what failed it: ReasonCredentials, ReasonUnreachable or
	// ReasonIncompatible. Message says it in words.
	Reason  Reason
	Message string
}

// ProbeResult returns a job's status after a connection probe. A passing probe releases what a
// probe can test; a failing one may find that something else is wrong by now. The other
// reasons stay, whatever the connection does: a probe can't know that they are over.
func ProbeResult(p Policy, s Status, found Probe, now time.Time) (Status, Event) {
	s.State = s.State.known()
	if s.State != StateQuarantined {
		return s, EventNone
	}
	event := EventNone
	switch {
	case !s.Reason.Probed():
	case found.OK:
		return released(s), EventReleased
	case found.Reason.Probed() && found.Reason != s.Reason:
		s.Reason, event = found.Reason, EventReasonChanged
		s.Message = or(found.Message, found.Reason.meaning())
	case found.Message != "":
		s.Message = found.Message
	}
	if s.Probes++; event == EventReasonChanged {
		s.Probes = 0
	}
	s.NextProbe = p.nextProbe(s.Probes, now)
	return p.expire(s, event, now)
}

// Expire disables a job that has been in quarantine for too long. Judge and ProbeResult do the
// same; a scheduler calls it for jobs that have no probes.
func Expire(p Policy, s Status, now time.Time) (Status, Event) {
	s.State = s.State.known()
	return p.expire(s, EventNone, now)
}

func (p Policy) expire(s Status, event Event, now time.Time) (Status, Event) {
	if s.State != StateQuarantined || p.DisableAfter <= 0 || now.Before(s.Since.Add(p.DisableAfter)) {
		return s, event
	}
	s.State, s.NextProbe = StateDisabled, time.Time{}
	return s, EventDisabled
}

// Release ends a quarantine because a person said so, by `quarantine release` or
// `restart`. A disabled job stays disabled: only Resume ends that.
func Release(s Status) (Status, Event) {
	s.State = s.State.known()
	if s.State != StateQuarantined {
		return s, EventNone
	}
	return released(s), EventReleased
}

// Pause stops the automatic cycles of an active job until Resume. In the other states
// there are none to stop.
func Pause(s Status) Status {
	if s.State = s.State.known(); s.State == StateActive {
		s.State = StatePaused
	}
	return s
}

// Resume makes a paused or disabled job active. It doesn't end a quarantine, which would
// hide what is wrong.
func Resume(s Status) (Status, Event) {
	switch s.State.known() {
	case StatePaused:
		s.State = StateActive
		return s, EventResumed
	case StateDisabled:
		return released(s), EventResumed
	default:
		s.State = s.State.known()
		return s, EventNone
	}
}

// released is the status of a job that starts afresh. The count of failed cycles goes
// too, or the next failure would be one too many already.
func released(Status) Status { return Status{State: StateActive} }

func or(message, otherwise string) string {
	if message == "" {
		return otherwise
	}
	return message
}
