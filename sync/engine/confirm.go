package engine

import (
	"context"
	"fmt"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/state"
)

// confirm asks the source by id for everyone who is about to be deleted from the app only
// because a full read did not show them. A list that leaves people out is the worst kind
// of bad read, since a deletion can't be taken back. If anybody is there after all, the
// whole read is distrusted: nothing is deleted, and the next cycle reads everything again.
func (c *cycle) confirm(ctx context.Context, r sinks.Resource) error {
	finder, ok := c.job.Source.(Finder)
	if !ok {
		return nil
	}
	q := state.ClaimQuery{Job: c.row.ID, Resource: r, Scoped: c.worker.Job.Scoped, Limit: claimSize}
	wrong := 0
	for {
		objects, err := c.store.Swept(ctx, q)
		if err != nil {
			return err
		}
		if len(objects) == 0 {
			break
		}
		for i := range objects {
			there, err := c.there(ctx, finder, &objects[i])
			if err != nil {
				return fmt.Errorf("confirm that %s %s is deleted in the source: %w", r, objects[i].SourceID, err)
			}
			if there {
				wrong++
			}
		}
		q.After = objects[len(objects)-1].ID
	}
	if wrong == 0 {
		return nil
	}
	if err := c.store.AbandonRound(ctx, c.row.ID); err != nil {
		return err
	}
	return &sources.Error{
		Class: sources.Incomplete, Op: "read the source",
		Message: fmt.Sprintf("the full read left out %d %ss that the source has when asked by id; nothing was deleted", wrong, r),
		Hint:    "The next cycle reads everything again. If it happens again, ask the provider why its lists are short.",
	}
}

// there says whether the source has an object after all, and stores what it is now.
func (c *cycle) there(ctx context.Context, finder Finder, o *state.Object) (bool, error) {
	var entry state.Entry
	if o.Resource == sinks.Group {
		g, err := finder.Group(ctx, c.job.Query(), string(o.SourceID))
		if missing(err) || err == nil && g.ID != o.SourceID {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		entry = groupEntry(c.job.Mapping, &g)
	} else {
		u, err := finder.User(ctx, c.job.Query(), string(o.SourceID))
		if missing(err) || err == nil && u.ID != o.SourceID {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		entry = userEntry(c.job.Mapping, &u)
	}
	im, err := c.importer(ctx, state.Round{})
	if err != nil {
		return false, err
	}
	_, err = im.One(ctx, entry, o.Resource == sinks.Group && presentNow(entry))
	return presentNow(entry), err
}

func missing(err error) bool { return sources.ClassOf(err) == sources.Missing }
