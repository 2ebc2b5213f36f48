package engine

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// end closes the cycle: it counts what waits, judges the job and stores the account.
func (c *cycle) end(ctx context.Context, err error) (*state.Cycle, error) {
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		err = c.worker.Unanswered()
		if denied := c.worker.Denied(); denied != nil {
			err = denied
		}
	}
	held := 0
	for _, r := range []sinks.Resource{sinks.User, sinks.Group} {
		percent, werr := c.waiting(ctx, r)
		held, err = max(held, percent), errors.Join(err, werr)
	}
	now := c.job.Requests()
	c.out.Requests = state.Requests{Source: now.Source - c.base.Source, Sink: now.Sink - c.base.Sink}
	c.status(err)
	c.endPreview(ctx)
	if jerr := c.judgeJob(ctx, err, held); jerr != nil {
		return c.out, jerr
	}
	ended := c.e.now().UTC()
	c.out.EndedAt = &ended
	c.log.Info("cycle ended", "status", c.out.Status, "users_changed", changes(c.out.Users), "groups_changed", changes(c.out.Groups),
		"members_added", c.out.Memberships.Added, "members_removed", c.out.Memberships.Removed,
		"escrowed", c.out.Escrowed, "staged_deletions", c.out.StagedDeletions, "quarantined", c.out.Quarantined)
	c.e.metrics.ended(c.out)
	return c.out, c.store.PutCycle(ctx, c.row.ID, c.out)
}

// waiting adds what waits of a resource to the account, and returns how many percent of
// its accounts are held deletions.
func (c *cycle) waiting(ctx context.Context, r sinks.Resource) (int, error) {
	escrowed, staged, err := c.store.Waits(ctx, c.row.ID, r)
	c.out.Escrowed += escrowed
	c.out.StagedDeletions += staged
	if err != nil || staged == 0 {
		return 0, err
	}
	t, err := c.store.Tally(ctx, c.row.ID, r)
	return 100 * staged / max(1, t.Enabled), err
}

func changes(c state.Counts) int { return c.Created + c.Updated + c.Disabled + c.Deleted }

// status says how the cycle ended.
func (c *cycle) status(err error) {
	switch {
	case errors.Is(err, context.Canceled):
		c.out.Status = "aborted"
	case err != nil:
		c.out.Status = "failed"
	case c.out.StagedDeletions > 0:
		c.out.Status = "held"
	case c.out.Escrowed > 0, c.out.Nameless > 0:
		c.out.Status = "partial"
	default:
		c.out.Status = "succeeded"
	}
	if err != nil {
		e := cycleError(err)
		c.out.Error = &state.Problem{Code: string(e.Code), Message: e.Message, Advice: e.Advice}
		c.log.Error("cycle could not be completed", "code", string(e.Code), provlog.LogAttr(err))
		if wait := toldWait(err); wait > 0 {
			c.out.NotBefore = c.e.now().Add(wait).UTC()
		}
	}
}

// maxPause is the longest pause that is believed. Peers tell nonsense, too.
const maxPause = 24 * time.Hour

// toldWait is how long the source or the app wants no requests, by its own words.
func toldWait(err error) time.Duration {
	var wait time.Duration
	if e, ok := errors.AsType[*sources.Error](err); ok {
		wait = e.RetryAfter
	}
	if e, ok := errors.AsType[*sinks.Error](err); ok {
		wait = max(wait, e.RetryAfter)
	}
	return min(wait, maxPause)
}

// cycleError puts a cycle's error into words. A read that can't be trusted is named for
// that, whatever stood behind it: that nobody was removed is what matters. What to do the
// source knows best.
func cycleError(err error) *provlog.Error {
	if !untrusted(err) {
		return provlog.FromError(err)
	}
	e := provlog.FromError(provlog.Coded(provlog.CodeIncompleteSource, "%w", err))
	e.Advice = cmp.Or(sources.HintOf(err), e.Advice)
	return e
}

func untrusted(err error) bool {
	if errors.Is(err, state.ErrEmptyRead) || errors.Is(err, state.ErrNoAssignments) {
		return true
	}
	switch sources.ClassOf(err) {
	case sources.Incomplete, sources.Transient, sources.Rejected, sources.Throttled, sources.Expired:
		return true
	default:
		return false
	}
}

// judgeJob lets the quarantine rules judge the cycle. A dry run and a run that was
// stopped say nothing about the job.
func (c *cycle) judgeJob(ctx context.Context, err error, held int) error {
	if c.req.DryRun || c.out.Status == "aborted" {
		return nil
	}
	facts := quarantine.Facts{
		Trigger: quarantine.TriggerManual, Failed: err != nil, ErrorReason: Reason(err),
		Changes:       changes(c.out.Users) + changes(c.out.Groups) + c.out.Users.Failed + c.out.Groups.Failed,
		FailedChanges: c.out.Users.Failed + c.out.Groups.Failed, Escrowed: c.out.Escrowed,
		DeletionsHeld: c.out.StagedDeletions > 0, HeldPercent: held,
	}
	if c.req.Trigger == "schedule" {
		facts.Trigger = quarantine.TriggerAutomatic
	}
	if err != nil {
		facts.Message = cycleError(err).Message
	}
	var event quarantine.Event
	_, after, qerr := c.store.UpdateQuarantine(ctx, c.row.ID, func(s quarantine.Status) quarantine.Status {
		s, event = quarantine.Judge(c.job.Quarantine, s, facts, c.e.now())
		return s
	})
	if qerr != nil {
		return qerr
	}
	c.out.Quarantined = after.State == quarantine.StateQuarantined
	c.e.happened(c.job.Name, event, after)
	return nil
}

// Reason returns the quarantine reason that an error stands for, or 0.
func Reason(err error) quarantine.Reason {
	switch {
	case err == nil:
		return 0
	case sources.ClassOf(err) == sources.Denied, sinks.ClassOf(err) == sinks.Denied:
		return quarantine.ReasonCredentials
	case sources.ClassOf(err) == sources.Unreachable, sinks.ClassOf(err) == sinks.Unreachable:
		return quarantine.ReasonUnreachable
	case sinks.ClassOf(err) == sinks.Incompatible:
		return quarantine.ReasonIncompatible
	case untrusted(err):
		return quarantine.ReasonIncompleteSource
	default:
		return 0
	}
}

// happened logs and counts what became of a job's quarantine.
func (e *Engine) happened(job string, event quarantine.Event, s quarantine.Status) {
	if event == quarantine.EventNone || event == 0 {
		return
	}
	e.log.Warn("quarantine", "job", job, "event", event.String(), "state", s.State.String(), "reason", s.Reason.String())
	e.metrics.quarantined(job, event, s)
}

func formatID(id state.ObjectID) string { return strconv.FormatInt(int64(id), 36) }
