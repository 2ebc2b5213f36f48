// Package control is what a person does to a job, besides running it: pause, resume,
// restart, release from quarantine, decide on held deletions. The HTTP API and the pages
// do it in the same way, and with the same words when it can't be done.
//
// Everything works on the state alone, which other processes share: a running server sees
// it within seconds. What lets a job go on makes its next cycle due at once, since whoever
// put the cause right wants to see that it was the cause.
package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/state"
)

// RefusedError says why something can't be done to a job as it is, and what to do instead.
type RefusedError struct {
	Message string
	Advice  string
}

// Error returns the message without the advice.
func (e *RefusedError) Error() string { return e.Message }

// Job is a job that something is done to.
type Job struct {
	store *state.Store
	row   *state.Job
}

// Open finds a job in the state, which need not know it yet.
func Open(ctx context.Context, store *state.Store, name string) (Job, error) {
	row, err := store.Job(ctx, name)
	return Job{store, row}, err
}

// Row is the job as it was when it was opened.
func (j Job) Row() *state.Job { return j.row }

// Pause stops the job's automatic cycles until Resume. It fails with a *RefusedError when
// something else has stopped them already.
func (j Job) Pause(ctx context.Context) error {
	_, after, err := j.store.UpdateQuarantine(ctx, j.row.ID, quarantine.Pause)
	if err != nil {
		return err
	}
	if after.State != quarantine.StatePaused {
		return &RefusedError{
			Message: fmt.Sprintf("job %s is %s: its automatic cycles don't run, and it can't be paused", j.row.Name, after.State),
			Advice:  "the job's status says why",
		}
	}
	return nil
}

// Resume lets a paused or disabled job run automatically again, and says whether it was
// either. It fails with a *RefusedError in quarantine, which it would hide.
func (j Job) Resume(ctx context.Context) (bool, error) {
	after, event, err := j.judge(ctx, quarantine.Resume)
	if err != nil {
		return false, err
	}
	if after.State == quarantine.StateQuarantined {
		return false, &RefusedError{
			Message: fmt.Sprintf("job %s is in quarantine (%s: %s), which resume does not end", j.row.Name, after.Reason, after.Message),
			Advice:  "put the cause right, then release the job",
		}
	}
	return event == quarantine.EventResumed, nil
}

// Release ends the job's quarantine, and says whether it was in one. It fails with a
// *RefusedError when the job was disabled, which a person has to undo by Resume.
func (j Job) Release(ctx context.Context) (bool, error) {
	after, event, err := j.judge(ctx, quarantine.Release)
	if err != nil {
		return false, err
	}
	if after.State == quarantine.StateDisabled {
		return false, &RefusedError{
			Message: fmt.Sprintf("job %s was disabled after too long in quarantine, and a release does not end that", j.row.Name),
			Advice:  "resume makes it active again",
		}
	}
	return event == quarantine.EventReleased, nil
}

// judge changes the job's quarantine, and makes a cycle due when that lets it go on.
func (j Job) judge(ctx context.Context, rule func(quarantine.Status) (quarantine.Status, quarantine.Event)) (quarantine.Status, quarantine.Event, error) {
	var event quarantine.Event
	_, after, err := j.store.UpdateQuarantine(ctx, j.row.ID, func(was quarantine.Status) quarantine.Status {
		was, event = rule(was)
		return was
	})
	if err == nil && (event == quarantine.EventReleased || event == quarantine.EventResumed) {
		err = j.store.SetNextCycle(context.WithoutCancel(ctx), j.row.ID, time.Now())
	}
	return after, event, err
}

// Parts are what a restart forgets. Links always stay, so that nothing is made twice.
type Parts struct {
	Watermark  bool // the next cycle reads everything
	Escrows    bool // all objects in escrow are due now
	Quarantine bool // the quarantine ends
}

// OrAll returns all parts when none is named.
func (p Parts) OrAll() Parts {
	if p == (Parts{}) {
		return Parts{Watermark: true, Escrows: true, Quarantine: true}
	}
	return p
}

// Restart forgets the parts. It fails with a *state.LeasedError when the watermark is one
// of them and a cycle runs, which would store its own over it. A disabled job stays
// disabled.
func (j Job) Restart(ctx context.Context, p Parts) error {
	if p.Watermark {
		lease, err := j.store.LeaseCycle(ctx, j.row)
		if err != nil {
			return err
		}
		defer func() { _ = lease.Release(ctx) }()
	}
	if err := j.store.Restart(ctx, j.row.ID, state.Restart{Watermark: p.Watermark, Escrows: p.Escrows}); err != nil {
		return err
	}
	if p.Quarantine {
		_, _, err := j.judge(ctx, quarantine.Release)
		return err
	}
	return nil
}

// Decide lets the next cycle carry out the deletions that are held now (state.Approved), or
// keeps their accounts and groups (state.Denied). It returns how many there are, and fails
// with a *RefusedError when they are not the set that the ruling names.
func (j Job) Decide(ctx context.Context, r state.Ruling) (int, error) {
	n, err := j.store.Decide(ctx, j.row.ID, r)
	if changed, ok := errors.AsType[*state.SetChangedError](err); ok {
		return 0, &RefusedError{Message: "job " + j.row.Name + ": " + changed.Error(), Advice: "nothing was decided; list them again and look at what is new"}
	}
	return n, err
}

// SourceID finds the source's id of the user or group that a reference names. What is not
// known is taken for an id: the log outlives the objects. It fails with a *RefusedError
// when the reference stands for several.
func (j Job) SourceID(ctx context.Context, ref string) (string, error) {
	var ids []string
	for _, resource := range []sinks.Resource{sinks.User, sinks.Group} {
		found, err := j.store.FindObjects(ctx, state.ClaimQuery{Job: j.row.ID, Resource: resource}, ref)
		if err != nil {
			return "", err
		}
		for i := range found {
			ids = append(ids, string(found[i].SourceID))
		}
	}
	slices.Sort(ids)
	switch ids = slices.Compact(ids); len(ids) {
	case 0:
		return ref, nil
	case 1:
		return ids[0], nil
	default:
		return "", &RefusedError{
			Message: fmt.Sprintf("%q stands for several", ref), Advice: "use one of the ids " + strings.Join(ids, ", "),
		}
	}
}

// Refusal returns the *RefusedError in an error, or nil.
func Refusal(err error) *RefusedError {
	e, _ := errors.AsType[*RefusedError](err)
	return e
}
