package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// probeTimeout bounds a connection probe: a peer that takes longer is not well.
const probeTimeout = 2 * time.Minute

// Probe makes the connection probe of a job in quarantine that is due, and lets it end or
// change the quarantine. It asks the source for its rights and the app for one search,
// through the client that refuses writes. It returns what happened; when no probe is due
// (another process may have made it), nothing.
func (e *Engine) Probe(ctx context.Context, job *Job) (quarantine.Event, error) {
	row, err := e.store.Job(ctx, job.Name)
	if err != nil || !row.Quarantine.ProbeDue(e.now()) {
		return quarantine.EventNone, err
	}
	due := row.Quarantine.NextProbe
	found := e.probe(ctx, job)
	if err := ctx.Err(); err != nil {
		return quarantine.EventNone, err // stopping, which says nothing about the peers
	}
	return e.judge(ctx, job, func(s quarantine.Status) (quarantine.Status, quarantine.Event) {
		if !s.NextProbe.Equal(due) {
			return s, quarantine.EventNone // judged by somebody else meanwhile
		}
		return quarantine.ProbeResult(job.Quarantine, s, found, e.now())
	})
}

// Expire disables a job that has been in quarantine for too long.
func (e *Engine) Expire(ctx context.Context, job *Job) (quarantine.Event, error) {
	return e.judge(ctx, job, func(s quarantine.Status) (quarantine.Status, quarantine.Event) {
		return quarantine.Expire(job.Quarantine, s, e.now())
	})
}

func (e *Engine) probe(ctx context.Context, job *Job) quarantine.Probe {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := job.Source.Check(ctx, job.Query())
	if err == nil {
		err = job.DrySink.Probe(ctx)
	}
	switch {
	case err == nil:
		e.log.Info("connection probe passed", "job", job.Name)
		return quarantine.Probe{OK: true}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("no answer within %s: %w", probeTimeout, err)
	}
	e.log.Info("connection probe failed", "job", job.Name, provlog.LogAttr(err))
	return quarantine.Probe{Reason: Reason(err), Message: provlog.FromError(err).Message}
}

// judge changes a job's quarantine, and logs and counts what happened.
func (e *Engine) judge(ctx context.Context, job *Job, rule func(quarantine.Status) (quarantine.Status, quarantine.Event)) (quarantine.Event, error) {
	row, err := e.store.Job(ctx, job.Name)
	if err != nil {
		return quarantine.EventNone, err
	}
	event := quarantine.EventNone
	_, after, err := e.store.UpdateQuarantine(ctx, row.ID, func(s quarantine.Status) quarantine.Status {
		s, event = rule(s)
		return s
	})
	if err != nil {
		return quarantine.EventNone, fmt.Errorf("job %s: store quarantine: %w", job.Name, err)
	}
	e.happened(job.Name, event, after)
	return event, nil
}
