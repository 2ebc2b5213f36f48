package quarantine

import "fmt"

// State is what a job may do by itself.
type State int

// The states of a job.
const (
	StateActive State = iota + 1
	StatePaused
	StateQuarantined
	StateDisabled
)

// Reason is why a job is in quarantine. The words are part of the public contract: they
// label metrics and stand in the API.
type Reason int

// The reasons.
const (
	// ReasonCredentials: source or sink refused the credentials or a right.
	ReasonCredentials Reason = iota + 1
	// ReasonUnreachable: source or sink did not answer.
	ReasonUnreachable
	// ReasonIncompatible: the sink breaks the protocol in a way that concerns all.
	ReasonIncompatible
	// ReasonFailedCycles: too many cycles failed in a row.
	ReasonFailedCycles
	// ReasonFailedPercent: too large a share of a cycle's changes failed.
	ReasonFailedPercent
	// ReasonFailedTotal: too many objects are in escrow.
	ReasonFailedTotal
	// ReasonTooManyDeletions: most accounts would be disabled or deleted.
	ReasonTooManyDeletions
	// ReasonIncompleteSource: reads of the source that can't be trusted, repeatedly.
	ReasonIncompleteSource
)

// Trigger is what started a run.
type Trigger int

// The triggers.
const (
	TriggerAutomatic Trigger = iota + 1
	// TriggerManual is a whole cycle that a person started, by CLI or API.
	TriggerManual
	// TriggerOnDemand is a run for one user or group.
	TriggerOnDemand
)

// Event is what happened to a job's status, for logs, counters and notifications.
type Event int

// The events.
const (
	EventNone Event = iota + 1
	EventEntered
	EventReasonChanged
	EventReleased
	EventDisabled
	EventResumed
)

var (
	stateWords  = [...]string{"", "active", "paused", "quarantined", "disabled"}
	reasonWords = [...]string{
		"", "credentials", "unreachable", "incompatible", "failed_cycles", "failed_percent",
		"failed_total", "too_many_deletions", "incomplete_source",
	}
	triggerWords = [...]string{"", "automatic", "manual", "on_demand"}
	eventWords   = [...]string{"", "none", "entered", "reason_changed", "released", "disabled", "resumed"}
)

// States returns every state, in order.
func States() []State { return all[State](len(stateWords)) }

// Reasons returns every reason, in order.
func Reasons() []Reason { return all[Reason](len(reasonWords)) }

// Events returns every event, in order.
func Events() []Event { return all[Event](len(eventWords)) }

func all[E ~int](n int) []E {
	out := make([]E, 0, n-1)
	for i := 1; i < n; i++ {
		out = append(out, E(i))
	}
	return out
}

// Probed says whether a connection probe can tell that the reason is over.
func (r Reason) Probed() bool {
	return r == ReasonCredentials || r == ReasonUnreachable || r == ReasonIncompatible
}

// meaning is the message when the facts give none.
func (r Reason) meaning() string {
	switch r {
	case ReasonCredentials:
		return "credentials or rights were refused"
	case ReasonUnreachable:
		return "there was no answer"
	case ReasonIncompatible:
		return "the application breaks the protocol"
	default:
		return r.String()
	}
}

// known takes the zero State for active.
func (s State) known() State {
	if s == 0 {
		return StateActive
	}
	return s
}

// String returns the state's word; the zero state is active.
func (s State) String() string { return word(stateWords[:], int(s.known())) }

// String returns the reason's word, "" for none.
func (r Reason) String() string { return word(reasonWords[:], int(r)) }

// String returns the trigger's word.
func (t Trigger) String() string { return word(triggerWords[:], int(t)) }

// String returns the event's word.
func (e Event) String() string { return word(eventWords[:], int(e)) }

// MarshalText writes the state's word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalText writes the reason's word.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// MarshalText writes the trigger's word.
func (t Trigger) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalText writes the event's word.
func (e Event) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads a state's word.
func (s *State) UnmarshalText(text []byte) (err error) {
	*s, err = parse[State](stateWords[:], "state", string(text))
	return err
}

// UnmarshalText reads a reason's word; "" is none.
func (r *Reason) UnmarshalText(text []byte) (err error) {
	*r, err = parse[Reason](reasonWords[:], "reason", string(text))
	return err
}

func word(words []string, i int) string {
	if i < 0 || i >= len(words) {
		return fmt.Sprintf("unknown(%d)", i)
	}
	return words[i]
}

func parse[E ~int](words []string, what, text string) (E, error) {
	for i, w := range words {
		if w == text {
			return E(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a %s of a quarantine", text, what)
}
