package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Message is what a receiver is told; a webhook gets it as JSON.
type Message struct {
	// ID is the same for every attempt, so that a receiver can drop what it has.
	ID    string    `json:"id"`
	Event string    `json:"event"` // quarantine_entered, quarantine_changed, quarantine_left, deletions_held
	Time  time.Time `json:"time"`  // when it happened
	Job   string    `json:"job"`
	// State is the job's after the event: active, paused, quarantined or disabled.
	State string `json:"state"`
	// Reason is why the job is in quarantine, or was; null with deletions_held.
	// PreviousReason is set by quarantine_changed.
	Reason         *string    `json:"reason"`
	PreviousReason *string    `json:"previous_reason"`
	Since          *time.Time `json:"since"`
	// HeldDeletions is how many disables and deletes wait for a person.
	HeldDeletions int    `json:"held_deletions"`
	Summary       string `json:"summary"`
	Advice        string `json:"advice"`
}

func messageOf(n state.Notice) Message {
	m := Message{
		ID: fmt.Sprintf("idpbridge-%d-%d", n.ID, n.At.UnixMilli()), Event: n.Event.String(), Time: n.At.UTC(), Job: n.Job,
		State: n.State.String(), Reason: word(n.Reason), PreviousReason: word(n.Was), HeldDeletions: n.Held,
	}
	if !n.Since.IsZero() {
		since := n.Since.UTC().Truncate(time.Second)
		m.Since = &since
	}
	m.Summary, m.Advice = texts(n)
	return m
}

func word(r quarantine.Reason) *string {
	if r == 0 {
		return nil
	}
	text := r.String()
	return &text
}

func texts(n state.Notice) (summary, advice string) {
	switch {
	case n.Event == state.NoticeHeld:
		return fmt.Sprintf("Job %s: %d disables or deletes wait for a person", n.Job, n.Held),
			fmt.Sprintf("Nothing was taken away. Look at them with `idpbridge deletions list %[1]s`, then `idpbridge deletions approve %[1]s` or `idpbridge deletions reject %[1]s`.", n.Job)
	case n.Event == state.NoticeLeft:
		return fmt.Sprintf("Job %s left quarantine (%s)", n.Job, n.Reason), "Nothing to do: its automatic cycles run again."
	case n.State == quarantine.StateDisabled:
		return fmt.Sprintf("Job %s was disabled after too long in quarantine (%s)", n.Job, n.Reason),
			fmt.Sprintf("%s Then `idpbridge resume %s`.", remedy(n), n.Job)
	case n.Event == state.NoticeChanged:
		return fmt.Sprintf("Job %s is still in quarantine, now because of %s", n.Job, n.Reason), wayOut(n)
	default:
		return fmt.Sprintf("Job %s is in quarantine (%s): its automatic cycles are stopped", n.Job, n.Reason), wayOut(n)
	}
}

// wayOut says how the job gets out of quarantine.
func wayOut(n state.Notice) string {
	if n.Reason.Probed() {
		return fmt.Sprintf("%s A connection probe ends the quarantine; `idpbridge quarantine release %s` does at once.", remedy(n), n.Job)
	}
	return fmt.Sprintf("%s Then `idpbridge quarantine release %s`.", remedy(n), n.Job)
}

func remedy(n state.Notice) string {
	switch n.Reason {
	case quarantine.ReasonCredentials:
		return "The source or the sink refused the credentials or a right: `idpbridge check " + n.Job + "` says which one to renew."
	case quarantine.ReasonUnreachable:
		return "The source or the sink does not answer: `idpbridge check " + n.Job + "` says which; look at its address, the network and the certificate."
	case quarantine.ReasonIncompatible:
		return "The sink does not keep to SCIM: `idpbridge check " + n.Job + "` says where, and another `profile` may help."
	case quarantine.ReasonFailedCycles:
		return "Cycle after cycle failed: `idpbridge status " + n.Job + "` has the last error."
	case quarantine.ReasonFailedPercent, quarantine.ReasonFailedTotal:
		return "Too many changes fail: `idpbridge logs " + n.Job + " --status failure` says why."
	case quarantine.ReasonTooManyDeletions:
		return "Most accounts would be disabled or deleted: see whether scope, assignments and source are as they should be, with `idpbridge deletions list " + n.Job + "`."
	case quarantine.ReasonIncompleteSource:
		return "The source could not be read to its end, cycle after cycle: `idpbridge status " + n.Job + "` has the last error."
	default:
		return "`idpbridge status " + n.Job + "` says more."
	}
}

// text is the message as plain text.
func (m *Message) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n%s\n\n", m.Summary, m.Advice)
	line := func(name, value string) { fmt.Fprintf(&b, "%-10s %s\n", name, value) }
	line("job:", m.Job)
	line("state:", m.State)
	if m.Reason != nil {
		line("reason:", *m.Reason)
	}
	if m.Since != nil {
		line("since:", m.Since.Format(time.RFC3339))
	}
	if m.HeldDeletions > 0 {
		line("held:", fmt.Sprint(m.HeldDeletions))
	}
	line("time:", m.Time.Format(time.RFC3339))
	return b.String()
}
