package view

import (
	"context"
	"time"

	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Escrows is a job's objects in escrow, the next to be tried first.
type Escrows struct {
	Escrows []Escrow `json:"escrows"`
}

// Escrow is an object whose change failed and is tried again.
type Escrow struct {
	Resource      string    `json:"resource"` // user or group
	SourceID      string    `json:"source_id"`
	DisplayName   string    `json:"display_name"`
	Attempts      int       `json:"attempts"`
	FirstFailedAt time.Time `json:"first_failed_at"`
	// NextAttemptAt is null when the object is not tried again by itself.
	NextAttemptAt *time.Time     `json:"next_attempt_at"`
	Error         *provlog.Error `json:"error"`
}

// OfEscrows reads a job's escrow.
func OfEscrows(ctx context.Context, store *state.Store, job state.JobID) (Escrows, error) {
	found, err := store.Escrows(ctx, job)
	if err != nil {
		return Escrows{}, err
	}
	out := Escrows{Escrows: make([]Escrow, 0, len(found))}
	for _, e := range found {
		out.Escrows = append(out.Escrows, Escrow{
			Resource: e.Resource.String(), SourceID: e.SourceID, DisplayName: e.DisplayName, Attempts: e.Attempts,
			FirstFailedAt: e.FirstFailed, NextAttemptAt: when(e.NextAttempt),
			Error: &provlog.Error{Code: provlog.Code(e.Code), Message: e.Message, Advice: e.Advice},
		})
	}
	return out, nil
}

// StagedDeletions is what the guard holds back and what was decided on.
type StagedDeletions struct {
	Job string `json:"job"`
	// Set names those that wait, so that a decision can be bound to them; null when none
	// does. It changes when one joins or leaves them.
	Set             *string          `json:"set"`
	StagedDeletions []StagedDeletion `json:"staged_deletions"`
}

// StagedDeletion is a disable or delete that waits.
type StagedDeletion struct {
	Resource    string `json:"resource"` // user or group
	Action      string `json:"action"`   // disable, delete or empty (a group's members)
	Reason      string `json:"reason"`   // out_of_scope, disabled, deleted or delete_after
	SourceID    string `json:"source_id"`
	TargetID    string `json:"target_id"`
	DisplayName string `json:"display_name"`
	// StagedAt is when the guard first held it back.
	StagedAt time.Time `json:"staged_at"`
	// Decision is waiting, approved or rejected.
	Decision  string     `json:"decision"`
	DecidedAt *time.Time `json:"decided_at"`
	// ExpiresAt is until when an approval holds.
	ExpiresAt *time.Time `json:"expires_at"`
}

// OfStagedDeletions reads a job's staged deletions, users first.
func OfStagedDeletions(ctx context.Context, store *state.Store, job *state.Job) (StagedDeletions, error) {
	found, err := store.StagedDeletions(ctx, job.ID)
	if err != nil {
		return StagedDeletions{}, err
	}
	out := StagedDeletions{Job: job.Name, StagedDeletions: make([]StagedDeletion, 0, len(found))}
	if set := state.WaitingSet(found); set != "" {
		out.Set = &set
	}
	for _, s := range found {
		d := StagedDeletion{
			Resource: s.Resource.String(), Action: s.Action, Reason: s.Reason, SourceID: string(s.SourceID), TargetID: string(s.SinkID),
			DisplayName: s.Name, StagedAt: s.At, Decision: s.Decision.String(), DecidedAt: when(s.Decided),
		}
		if s.Decision == state.Approved {
			d.ExpiresAt = when(s.Expires)
		}
		out.StagedDeletions = append(out.StagedDeletions, d)
	}
	return out, nil
}
