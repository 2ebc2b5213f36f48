package engine

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/apply"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

const (
	// claimSize objects are claimed in one transaction: that many may have to be looked
	// for again after a crash.
	claimSize = 256
	// recordSize results, or those of recordEvery, are stored in one transaction. The results
	// of membersAsOne members count like one more.
	recordSize   = 1024
	recordEvery  = 250 * time.Millisecond
	membersAsOne = 50
	// grace is how long requests in flight may take to end after a cycle was stopped.
	grace = 20 * time.Second
)

// work is what a pass does to each object.
type work func(ctx context.Context, o *state.Object) apply.Outcome

// pass claims all objects of a selection, works on them concurrently and records what
// came of them. It returns how many it got through with: the others stay as they were.
func (c *cycle) pass(ctx context.Context, q state.ClaimQuery, phase string, do work) (int, error) {
	q.Job, q.Holder, q.Scoped, q.Limit = c.row.ID, c.lease.Holder, c.worker.Job.Scoped, claimSize
	if err := cmp.Or(c.worker.Stopped(), ctx.Err()); err != nil {
		return 0, err
	}
	first, err := c.store.Claim(ctx, q)
	if err != nil || len(first) == 0 {
		return 0, err
	}
	crew := crew{c.width(ctx, len(first)), do}
	tasks := make(chan state.Object, claimSize) // the next are claimed while these are worked on
	outcomes := make(chan apply.Outcome, recordSize/2)
	total, claimErr := 0, error(nil)
	go func() {
		defer close(tasks)
		total, claimErr = c.claim(ctx, q, tasks, first)
	}()
	go c.workers(ctx, crew, tasks, outcomes)
	planned := len(c.out.Plan)
	kept, err := c.recorder(ctx, phase, outcomes)
	inOrder(c.out.Plan[planned:])
	total -= kept
	if err != nil {
		return total, err
	}
	if claimErr != nil {
		return total, claimErr
	}
	if err := c.worker.Stopped(); err != nil {
		return total, err
	}
	return total, ctx.Err()
}

// claim feeds the workers what was claimed and goes on until nothing is left.
func (c *cycle) claim(ctx context.Context, q state.ClaimQuery, tasks chan<- state.Object, objects []state.Object) (int, error) {
	total, err := 0, error(nil)
	for len(objects) > 0 {
		for i := range objects {
			tasks <- objects[i]
		}
		total += len(objects)
		if ctx.Err() != nil || c.worker.Stopped() != nil {
			break
		}
		q.After = objects[len(objects)-1].ID
		if objects, err = c.store.Claim(ctx, q); err != nil {
			break
		}
	}
	return total, err
}

// crew is how many workers do what.
type crew struct {
	size int
	do   work
}

// width is how many workers a pass over about so many objects is worth.
func (c *cycle) width(ctx context.Context, objects int) int {
	n := max(1, c.worker.Job.Limits.Concurrency)
	if b, ok := c.worker.Sink.(*apply.Batches); ok {
		return b.Expect(ctx, objects, n)
	}
	return n
}

// workers runs a crew, and closes outcomes after the last. A stopped cycle lets requests
// in flight end.
func (c *cycle) workers(ctx context.Context, crew crew, tasks <-chan state.Object, outcomes chan<- apply.Outcome) {
	inFlight, cancel := withGrace(ctx, grace)
	defer cancel()
	var wg sync.WaitGroup
	for range crew.size {
		wg.Go(func() {
			for o := range tasks {
				if ctx.Err() != nil {
					untried := o.Unchanged()
					untried.Keep = true
					outcomes <- apply.Outcome{Result: untried}
					continue
				}
				outcomes <- crew.do(inFlight, &o)
			}
		})
	}
	wg.Wait()
	close(outcomes)
}

// withGrace returns a context that outlives its parent by d.
func withGrace(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return out, func() { stop(); cancel() }
}

// recorder stores outcomes in batches and counts them. It returns how many were not
// tried. What can't be stored must not be sent: then the workers are stopped.
func (c *cycle) recorder(ctx context.Context, phase string, outcomes <-chan apply.Outcome) (kept int, failed error) {
	var batch []state.Result
	done, size := 0, 0
	tick := time.NewTicker(recordEvery)
	defer tick.Stop()
	flush := func() {
		if len(batch) > 0 && failed == nil {
			if failed = c.store.Record(ctx, batch); failed != nil {
				failed = fmt.Errorf("store results: %w", failed)
				c.worker.Stop(failed)
			}
		}
		c.worker.Recorded(batch)
		clear(batch)
		batch, size = batch[:0], 0
	}
	for {
		select {
		case o, ok := <-outcomes:
			if !ok {
				flush()
				return kept, failed
			}
			if o.Result.Keep {
				kept++
			}
			c.count(&o)
			done++
			c.progress(phase, done, 0)
			batch = append(batch, o.Result)
			if size += 1 + len(o.Result.Members)/membersAsOne; size >= recordSize {
				flush()
			}
		case <-tick.C:
			flush()
		}
	}
}

// count adds an outcome to the cycle's account.
func (c *cycle) count(o *apply.Outcome) {
	counts := &c.out.Users
	if o.Result.Object.Resource == sinks.Group {
		counts = &c.out.Groups
	}
	add(counts, o.Counted)
	c.out.Memberships.Added += o.Added
	c.out.Memberships.Removed += o.Removed
	if c.req.DryRun {
		c.preview(o)
	} else {
		c.e.metrics.changed(c.job.Name, o)
	}
	if o.Err != nil {
		c.log.Warn("object failed", "resource", o.Result.Object.Resource.String(), "source_id", o.Result.Object.SourceID,
			"kept_for_later", o.Result.Keep, provlog.LogAttr(o.Err))
	}
}

func add(c *state.Counts, column apply.Counted) {
	switch column {
	case apply.Created:
		c.Created++
	case apply.Updated:
		c.Updated++
	case apply.Disabled:
		c.Disabled++
	case apply.Deleted:
		c.Deleted++
	case apply.Unchanged:
		c.Unchanged++
	case apply.Skipped:
		c.Skipped++
	case apply.Failed:
		c.Failed++
	case apply.NotCounted:
	}
}

func (c *cycle) progress(phase string, done, total int) {
	if c.req.Progress != nil {
		c.req.Progress(Progress{Phase: phase, Done: done, Total: total})
	}
}
