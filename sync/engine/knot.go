package engine

import (
	"context"
	"strings"
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/apply"
	"github.com/idpbridge/idpbridge/sync/state"
)

// knot collects updates that the app refused because another account of the job still
// holds the value: two users who swap their user names, or a row of people who each take
// over the next one's address.
type knot struct {
	mu  sync.Mutex
	ids []state.ObjectID
}

func (k *knot) add(out *apply.Outcome) {
	if !out.Blocked {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ids = append(k.ids, out.Result.Object.ID)
}

func (k *knot) empty() bool { return len(k.ids) == 0 }

// untangle tries the refused updates again as long as one of them goes through, since
// that may have freed the value of another. When none does, it moves one account's user
// name out of the way for a moment; its turn comes again.
func (c *cycle) untangle(ctx context.Context, r sinks.Resource, k *knot) error {
	// The list of the app is older than the changes that may have freed a value.
	list := c.worker.Index[r]
	c.worker.Index[r] = nil
	defer func() { c.worker.Index[r] = list }()
	left := k.ids
	for range 2*len(k.ids) + 1 {
		before := len(left)
		var err error
		if left, err = c.retry(ctx, r, left); err != nil || len(left) == 0 {
			return err
		}
		if len(left) < before {
			continue
		}
		moved, err := c.stepAside(ctx, r, left)
		if err != nil || !moved {
			return err
		}
	}
	return nil
}

// retry tries objects once more and returns those that are still refused.
func (c *cycle) retry(ctx context.Context, r sinks.Resource, ids []state.ObjectID) ([]state.ObjectID, error) {
	var left []state.ObjectID
	for _, id := range ids {
		o, err := c.claimOne(ctx, r, id)
		if err != nil {
			return nil, err
		}
		out := c.worker.Object(ctx, o)
		if out.Blocked {
			left = append(left, id)
		}
		c.recount(r, &out)
		out.Result.Again = true
		if err := c.store.Record(ctx, []state.Result{out.Result}); err != nil {
			return nil, err
		}
		if err := c.worker.Stopped(); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// recount counts a retried object, which was counted as failed before.
func (c *cycle) recount(r sinks.Resource, out *apply.Outcome) {
	counts := &c.out.Users
	if r == sinks.Group {
		counts = &c.out.Groups
	}
	if !out.Blocked {
		counts.Failed--
		c.count(out)
	}
}

func (c *cycle) claimOne(ctx context.Context, r sinks.Resource, id state.ObjectID) (*state.Object, error) {
	return c.store.ClaimOne(ctx, state.ClaimQuery{
		Job: c.row.ID, Holder: c.lease.Holder, Resource: r, Scoped: c.worker.Job.Scoped,
	}, id)
}

// stepAside gives one of the refused accounts a user name that nobody has, so that its
// old one is free. Only users whose present name another refused object waits for take
// part: an account of somebody else is never moved.
func (c *cycle) stepAside(ctx context.Context, r sinks.Resource, ids []state.ObjectID) (bool, error) {
	if r != sinks.User {
		return false, nil
	}
	for _, id := range ids {
		o, err := c.claimOne(ctx, r, id)
		if err != nil {
			return false, err
		}
		done, result := c.worker.StepAside(ctx, o, aside)
		if err := c.store.Record(ctx, []state.Result{result}); err != nil || done {
			return done, err
		}
	}
	return false, nil
}

// aside turns a user name into one that nobody has but everybody recognises. A mail
// address stays one, since some apps want that.
func aside(name string, id state.ObjectID) string {
	tag := ".idpbridge-" + formatID(id)
	if local, domain, ok := strings.Cut(name, "@"); ok {
		return local + tag + "@" + domain
	}
	return name + tag
}
