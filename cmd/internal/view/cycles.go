package view

import (
	"context"

	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Cycles is a list of cycles, newest first.
type Cycles struct {
	Cycles []state.Cycle `json:"cycles"`
}

// OfCycles reads a job's newest cycles.
func OfCycles(ctx context.Context, store *state.Store, job state.JobID, limit int) (Cycles, error) {
	found, err := store.Cycles(ctx, job, limit)
	if err != nil {
		return Cycles{}, err
	}
	out := Cycles{Cycles: make([]state.Cycle, 0, len(found))}
	for i := range found {
		if err := settle(ctx, store, job, &found[i]); err != nil {
			return Cycles{}, err
		}
		out.Cycles = append(out.Cycles, found[i])
	}
	return out, nil
}

// OfCycle reads one cycle. The error is state.ErrNotFound when there is none.
func OfCycle(ctx context.Context, store *state.Store, job state.JobID, id string) (*state.Cycle, error) {
	c, err := store.Cycle(ctx, job, id)
	if err != nil {
		return nil, err
	}
	return c, settle(ctx, store, job, c)
}

// settle corrects a cycle that stands as running although nobody runs one: its process
// died before it could say how it ended. A cycle stores its end before it gives up the
// lease, so that one which is still without an end after the lease was found free has none.
func settle(ctx context.Context, store *state.Store, job state.JobID, c *state.Cycle) error {
	if c.Status != "running" {
		return nil
	}
	holder, err := store.Running(ctx, job)
	if err != nil || holder != nil {
		return err
	}
	again, err := store.Cycle(ctx, job, c.ID)
	if err != nil {
		return err
	}
	if *c = *again; c.Status == "running" {
		c.Status = "aborted"
	}
	return nil
}

// Records is one page of the provisioning log, newest first. NextCursor is null on the
// last page.
type Records struct {
	Records    []provlog.Record `json:"records"`
	NextCursor *string          `json:"next_cursor"`
}

// Decided says how many held deletions a person decided on.
type Decided struct {
	Job      string `json:"job"`
	Decision string `json:"decision"` // approved or rejected
	Count    int    `json:"count"`
}
