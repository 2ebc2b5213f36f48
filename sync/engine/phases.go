package engine

import (
	"context"
	"fmt"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/apply"
	"github.com/idpbridge/idpbridge/sync/state"
)

// users creates, updates and stages users. Where the mapping has a manager, accounts are
// made from the top of the hierarchy down, so that they come with their manager; who is
// left then has a manager in a circle.
func (c *cycle) users(ctx context.Context) error {
	done, err := c.list(ctx, sinks.User)
	if err != nil {
		return err
	}
	defer done()
	// Who holds a value that somebody waits for may have a turn in a later pass only.
	var knot knot
	if c.job.Mapping.Users().Reference {
		for {
			n, err := c.tangled(ctx, sinks.User, state.Ready, &knot)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	if _, err := c.tangled(ctx, sinks.User, state.Dirty, &knot); err != nil || knot.empty() {
		return err
	}
	return c.untangle(ctx, sinks.User, &knot)
}

func (c *cycle) groups(ctx context.Context) error {
	done, err := c.list(ctx, sinks.Group)
	if err != nil {
		return err
	}
	defer done()
	_, err = c.objects(ctx, sinks.Group, state.Dirty)
	return err
}

// memberships sends member changes, one writer per group. A group that turns out to have
// vanished is made again at once.
func (c *cycle) memberships(ctx context.Context) error {
	_, err := c.pass(ctx, state.ClaimQuery{Resource: sinks.Group, What: state.Membership}, "memberships", c.worker.Members)
	if err != nil {
		return err
	}
	n, err := c.objects(ctx, sinks.Group, state.Dirty)
	if err != nil || n == 0 {
		return err
	}
	_, err = c.pass(ctx, state.ClaimQuery{Resource: sinks.Group, What: state.Membership}, "memberships", c.worker.Members)
	return err
}

// references writes managers whose account was made after their reports'.
func (c *cycle) references(ctx context.Context) error {
	_, err := c.objects(ctx, sinks.User, state.Dirty)
	return err
}

// objects plans and applies the objects of a selection. Updates that wait for each
// other's values are untangled afterwards.
func (c *cycle) objects(ctx context.Context, r sinks.Resource, what state.What) (int, error) {
	var knot knot
	n, err := c.tangled(ctx, r, what, &knot)
	if err != nil || knot.empty() {
		return n, err
	}
	return n, c.untangle(ctx, r, &knot)
}

// tangled is objects without untangling: what waits is added to the knot.
func (c *cycle) tangled(ctx context.Context, r sinks.Resource, what state.What, knot *knot) (int, error) {
	return c.pass(ctx, state.ClaimQuery{Resource: r, What: what}, r.String()+"s", func(ctx context.Context, o *state.Object) apply.Outcome {
		out := c.worker.Object(ctx, o)
		knot.add(&out)
		return out
	})
}

// deletions judges what was staged, users and groups apart, and carries out what passes.
// It runs only after the read was complete.
func (c *cycle) deletions(ctx context.Context) error {
	c.worker.Run.Taking = true
	for _, r := range []sinks.Resource{sinks.User, sinks.Group} {
		if err := c.judge(ctx, r); err != nil {
			return err
		}
		if err := c.confirm(ctx, r); err != nil {
			return fmt.Errorf("confirm deletions: %w", err)
		}
		// Many apps keep who was deleted in their groups, as a member that is nobody.
		if r == sinks.User {
			if err := c.memberships(ctx); err != nil {
				return err
			}
		}
		if _, err := c.objects(ctx, r, state.Decided); err != nil {
			return err
		}
	}
	// Who was disabled is no member any more.
	return c.memberships(ctx)
}

// judge lets the waiting deletions of a resource pass if they are few enough.
func (c *cycle) judge(ctx context.Context, r sinks.Resource) error {
	if _, staged, err := c.store.Waits(ctx, c.row.ID, r); err != nil || staged == 0 {
		return err
	}
	t, err := c.store.Tally(ctx, c.row.ID, r)
	if err != nil {
		return err
	}
	g := Guard{MaxCount: c.job.Policy.MaxCount, MaxPercent: c.job.Policy.MaxPercent}
	if c.req.AllowDeletions || g.Passes(t.Staged, t.Enabled) {
		return c.store.PassStaged(ctx, c.row.ID, int(r))
	}
	c.log.Warn("deletions held", "resource", r.String(), "staged", t.Staged, "accounts", t.Enabled,
		"max_count", g.MaxCount, "max_percent", g.MaxPercent)
	return nil
}

// Guard is the accidental-deletion guard.
type Guard struct {
	MaxCount, MaxPercent int
}

// percentFrom is from how many deletions on the percentage is judged: that one or two
// people leave a small directory is no accident, whatever share of it they are.
const percentFrom = 3

// Passes says whether so many deletions (disables count) of so many accounts may go on.
func (g Guard) Passes(deletions, accounts int) bool {
	if deletions > g.MaxCount {
		return false
	}
	return g.MaxPercent > 0 && deletions < percentFrom || deletions*100 <= g.MaxPercent*accounts
}
