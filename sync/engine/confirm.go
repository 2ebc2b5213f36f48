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
	wrong, restorable := 0, 0
	for {
		objects, err := c.store.Swept(ctx, q)
		if err != nil {
			return err
		}
		if len(objects) == 0 {
			break
		}
		for i := range objects {
			now, err := c.askFor(ctx, finder, &objects[i])
			switch {
			case err != nil:
				return fmt.Errorf("look up %s %s: %w", r, objects[i].SourceID, err)
			case now == nil:
			case presentNow(*now):
				wrong++
			default:
				restorable++
			}
		}
		q.After = objects[len(objects)-1].ID
	}
	if wrong == 0 && restorable > 0 {
		return c.judgeAgain(ctx, r)
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

// judgeAgain plans those who can be restored, and are disabled rather than deleted.
func (c *cycle) judgeAgain(ctx context.Context, r sinks.Resource) error {
	if _, err := c.objects(ctx, r, state.Dirty); err != nil {
		return err
	}
	return c.judge(ctx, r)
}

// askFor looks an object up by its id and stores what the source says; nil: it is not there.
func (c *cycle) askFor(ctx context.Context, finder Finder, o *state.Object) (*state.Entry, error) {
	entry, err := lookUp(ctx, finder, c.job, o)
	if missing(err) || err == nil && entry.SourceID != o.SourceID {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	im, err := c.importer(ctx, state.Round{})
	if err != nil {
		return nil, err
	}
	_, err = im.One(ctx, entry, o.Resource == sinks.Group && presentNow(entry))
	return &entry, err
}

func lookUp(ctx context.Context, finder Finder, job *Job, o *state.Object) (state.Entry, error) {
	if o.Resource == sinks.Group {
		g, err := finder.Group(ctx, job.Query(), string(o.SourceID))
		return groupEntry(job.Mapping, &g), err
	}
	u, err := finder.User(ctx, job.Query(), string(o.SourceID))
	return userEntry(job.Mapping, &u), err
}

func missing(err error) bool { return sources.ClassOf(err) == sources.Missing }
