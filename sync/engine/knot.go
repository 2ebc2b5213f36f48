package engine

import (
	"context"
	"errors"
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
		if errors.Is(err, state.ErrBusy) {
			continue // somebody provisions it on demand at this moment
		}
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
		c.worker.Recorded([]state.Result{out.Result})
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

// stepAside gives one of the refused accounts values that nobody has, so that its old ones
// are free. Only users who wait for each other in a circle take part: where somebody
// else's account is in the way, moving ours would cost a person the present name and gain
// nothing.
func (c *cycle) stepAside(ctx context.Context, r sinks.Resource, ids []state.ObjectID) (bool, error) {
	if r != sinks.User {
		return false, nil
	}
	circle, err := c.circle(ctx, r, ids)
	if err != nil {
		return false, err
	}
	for _, id := range circle {
		o, err := c.claimOne(ctx, r, id)
		if errors.Is(err, state.ErrBusy) {
			continue
		}
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

// circle returns the objects that wait, directly or over others, for a value of their own.
func (c *cycle) circle(ctx context.Context, r sinks.Resource, ids []state.ObjectID) ([]state.ObjectID, error) {
	holder := map[string]state.ObjectID{}
	wants := map[state.ObjectID][]string{}
	for _, id := range ids {
		o, err := c.store.Object(ctx, state.ClaimQuery{Job: c.row.ID, Resource: r, Scoped: c.worker.Job.Scoped}, id)
		if err != nil {
			return nil, err
		}
		has, want, err := c.worker.Values(o)
		if err != nil {
			return nil, err
		}
		for _, v := range has {
			holder[v] = id
		}
		wants[id] = want
	}
	var out []state.ObjectID
	for _, id := range ids {
		if waitsForItself(id, holder, wants) {
			out = append(out, id)
		}
	}
	return out, nil
}

func waitsForItself(start state.ObjectID, holder map[string]state.ObjectID, wants map[state.ObjectID][]string) bool {
	seen := map[state.ObjectID]bool{}
	queue := []state.ObjectID{start}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		for _, v := range wants[id] {
			next, held := holder[v]
			if !held || next == id {
				continue
			}
			if next == start {
				return true
			}
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return false
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
