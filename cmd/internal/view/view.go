// Package view holds the shapes that the command line and the HTTP API show alike: a job
// with its state, what is in escrow, what the deletion guard holds back. Their JSON is part
// of the public contract. Cycles and log records have theirs in sync/state and sync/provlog.
package view

import (
	"context"
	"fmt"
	"time"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Jobs is a list of jobs.
type Jobs struct {
	Jobs []Job `json:"jobs"`
}

// Job is a job as people see it: what it connects and how it is doing.
type Job struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Sink   string `json:"sink"`
	// State is active, paused, quarantined or disabled.
	State string `json:"state"`
	// Interval is from the start of one cycle to the start of the next, e.g. "40m".
	Interval string `json:"interval"`
	// NextCycleAt is null while no automatic cycle is planned.
	NextCycleAt *time.Time `json:"next_cycle_at"`
	// Running says whether a cycle runs now, in this process or another.
	Running bool `json:"running"`
	// LastCycle is the newest one that was not a dry run, also when it still runs.
	LastCycle     *state.Cycle `json:"last_cycle"`
	LastSuccessAt *time.Time   `json:"last_success_at"`
	Links         Links        `json:"links"`
	// Escrowed and StagedDeletions count users and groups together.
	Escrowed        int         `json:"escrowed"`
	StagedDeletions int         `json:"staged_deletions"`
	Quarantine      *Quarantine `json:"quarantine"`
}

// Links counts the objects that have an account or group in the sink.
type Links struct {
	Users  int `json:"users"`
	Groups int `json:"groups"`
}

// Quarantine is why a job's automatic cycles are stopped.
type Quarantine struct {
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
	// NextProbeAt is null when no connection probe is planned.
	NextProbeAt *time.Time `json:"next_probe_at"`
	Probes      int        `json:"probes"`
}

// OfJob reads a job's state.
func OfJob(ctx context.Context, store *state.Store, cfg config.Job) (Job, error) {
	row, err := store.Job(ctx, cfg.Name)
	if err != nil {
		return Job{}, err
	}
	job := Job{
		Name: cfg.Name, Source: cfg.Source, Sink: cfg.Sink, State: row.Quarantine.State.String(), Interval: Duration(cfg.Interval),
		LastSuccessAt: when(row.LastSuccess), Quarantine: ofQuarantine(row.Quarantine),
	}
	if row.Quarantine.Automatic() {
		job.NextCycleAt = when(row.NextCycle)
	}
	holder, err := store.Running(ctx, row.ID)
	if err != nil {
		return Job{}, fmt.Errorf("job %s: read lease: %w", cfg.Name, err)
	}
	job.Running = holder != nil
	if err := job.count(ctx, store, row.ID); err != nil {
		return Job{}, fmt.Errorf("job %s: %w", cfg.Name, err)
	}
	return job, nil
}

// count fills in the last cycle and what is counted.
func (j *Job) count(ctx context.Context, store *state.Store, id state.JobID) error {
	cycles, err := store.Cycles(ctx, id, 1)
	if err != nil {
		return fmt.Errorf("read cycles: %w", err)
	}
	if len(cycles) > 0 {
		j.LastCycle = &cycles[0]
		if err := settle(ctx, store, id, j.LastCycle); err != nil {
			return fmt.Errorf("read last cycle: %w", err)
		}
	}
	n, err := store.Standing(ctx, id)
	if err != nil {
		return fmt.Errorf("count objects: %w", err)
	}
	j.Links = Links{Users: n.Links[sinks.User], Groups: n.Links[sinks.Group]}
	j.Escrowed = n.Escrowed[sinks.User] + n.Escrowed[sinks.Group]
	j.StagedDeletions = n.Staged[sinks.User] + n.Staged[sinks.Group]
	return nil
}

func ofQuarantine(s quarantine.Status) *Quarantine {
	if s.State != quarantine.StateQuarantined && s.State != quarantine.StateDisabled {
		return nil
	}
	return &Quarantine{
		Reason: s.Reason.String(), Message: s.Message, Since: s.Since.UTC(), NextProbeAt: when(s.NextProbe), Probes: s.Probes,
	}
}

// when is null for a time that never was.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
