package engine

import (
	"context"
	"fmt"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// From listFrom objects without an account on, a list of the app is cheaper than asking
// for each, as long as they are not too small a share of what the app holds.
const (
	listFrom  = 50
	listShare = 100
)

// list reads the app's objects of a resource if that helps to match new ones, or to find
// drift. The function it returns ends the use of the list.
func (c *cycle) list(ctx context.Context, r sinks.Resource) (func(), error) {
	none := func() {}
	reconcile := c.out.Kind == "reconcile"
	if !reconcile {
		worth, err := c.worthListing(ctx, r)
		if err != nil || !worth {
			return none, err
		}
	}
	index, err := c.readSink(ctx, r)
	if err != nil {
		if class := sinks.ClassOf(err); reconcile || class != sinks.Incompatible && class != sinks.Rejected && class != sinks.Missing {
			return none, fmt.Errorf("list the app's %ss: %w", r, err)
		}
		c.log.Warn("the app can't be listed, asking for each object instead", "resource", r.String(), provlog.LogAttr(err))
		return none, nil
	}
	c.worker.Index[r] = index
	done := func() {
		c.worker.Index[r] = nil
		c.previewUnmanaged(ctx, r, index)
		_ = index.Close()
	}
	if reconcile {
		if err := c.observe(ctx, r, index); err != nil {
			done()
			return none, err
		}
	}
	return done, nil
}

func (c *cycle) worthListing(ctx context.Context, r sinks.Resource) (bool, error) {
	_, unlinked, err := c.store.Waiting(ctx, c.row.ID, r)
	if err != nil || unlinked == 0 || c.out.Kind != "initial" && unlinked < listFrom {
		return false, err
	}
	t, err := c.store.Tally(ctx, c.row.ID, r)
	if err != nil {
		return false, err
	}
	least := t.Links / listShare
	if c.out.Kind != "initial" {
		least = max(least, listFrom)
	}
	return unlinked >= max(1, least), nil
}

// readSink reads the whole list. What it shows of members is stored right away.
func (c *cycle) readSink(ctx context.Context, r sinks.Resource) (*state.Index, error) {
	q := c.worker.Job.Query(r)
	q.Members = r == sinks.Group
	match := make([]string, 0, 2)
	table := c.table(r)
	for _, i := range table.Match {
		match = append(match, table.Paths[i])
	}
	index, err := state.NewIndex(ctx, q, match)
	if err != nil {
		return nil, err
	}
	cursor, read := "", 0
	for {
		page, err := c.sink.List(ctx, q, cursor)
		if err == nil {
			err = index.Add(ctx, page.Objects)
		}
		if err != nil {
			_ = index.Close()
			return nil, err
		}
		read += len(page.Objects)
		c.progress("list", read, 0)
		if page.Done {
			return index, nil
		}
		cursor = page.Cursor
	}
}

func (c *cycle) table(r sinks.Resource) *mapping.Table {
	if r == sinks.Group {
		return c.job.Mapping.Groups()
	}
	return c.job.Mapping.Users()
}

// observe compares every linked object with what the app shows. What differs is taken
// for acknowledged, so that the plan repairs it.
func (c *cycle) observe(ctx context.Context, r sinks.Resource, index *state.Index) error {
	if c.out.Drift == nil {
		c.out.Drift = &state.Drift{}
	}
	q := state.ClaimQuery{Job: c.row.ID, Resource: r, Limit: claimSize}
	linked := 0
	for {
		objects, err := c.store.List(ctx, q)
		if err != nil {
			return err
		}
		if len(objects) == 0 {
			break
		}
		n, err := c.observePage(ctx, objects, index)
		if err != nil {
			return err
		}
		linked += n
		q.After = objects[len(objects)-1].ID
	}
	total, err := index.Len(ctx)
	c.out.Drift.Unmanaged += total - linked
	return err
}

// observePage returns how many of the objects the app's list shows.
func (c *cycle) observePage(ctx context.Context, objects []state.Object, index *state.Index) (int, error) {
	var seen []state.Observation
	shown := 0
	for i := range objects {
		ob, found, err := c.observeOne(ctx, &objects[i], index)
		if err != nil {
			return 0, err
		}
		if found {
			shown++
		}
		if ob != nil {
			seen = append(seen, *ob)
		}
	}
	drift, err := c.store.Observe(ctx, seen)
	c.out.Drift.Repaired += drift
	return shown, err
}

// observeOne returns what has to be stored about an object, if anything, and whether the
// app's list shows it.
func (c *cycle) observeOne(ctx context.Context, o *state.Object, index *state.Index) (*state.Observation, bool, error) {
	hit, err := index.Get(ctx, o.SinkID)
	if err != nil {
		return nil, false, err
	}
	if hit == nil {
		// A list is no proof of absence; only the object itself is.
		hit, err = c.sink.Get(ctx, c.worker.Job.Query(o.Resource), o.SinkID)
		if sinks.ClassOf(err) == sinks.Missing {
			c.out.Drift.Vanished++
			c.log.Warn("account vanished from the app", "resource", o.Resource.String(), "source_id", o.SourceID, "sink_id", o.SinkID)
			return &state.Observation{Object: o, Vanished: true}, false, c.store.PutRecord(ctx, c.worker.Vanished(o, err))
		}
		if err != nil {
			return nil, false, fmt.Errorf("read back %s: %w", o.Resource, err)
		}
		ob, err := c.compare(o, hit)
		return ob, false, err
	}
	ob, err := c.compare(o, hit)
	return ob, true, err
}

// compare returns the observation of an object that differs from what was acknowledged.
func (c *cycle) compare(o *state.Object, hit *sinks.Object) (*state.Observation, error) {
	t := c.table(o.Resource)
	shown, differs, err := c.worker.Job.Compare(o, hit)
	if err != nil {
		return nil, err
	}
	ob := &state.Observation{Object: o, Account: o.Account, AckedManager: o.Manager.Acked}
	if o.Resource == sinks.User {
		if manager := c.shownManager(t, o, hit); manager != o.Manager.Acked {
			ob.AckedManager, differs = manager, true
		}
		if account := accountOf(hit); account != o.Account {
			ob.Account, differs = account, true
		}
	}
	if differs {
		c.out.Drift.Repaired++
		ob.Acked = &state.Acked{Table: c.worker.Job.Tables[o.Resource], Values: mapping.Encode(shown)}
	}
	if o.Resource == sinks.Group && hit.MembersKnown && o.Account == plan.Enabled {
		ob.Members, ob.MembersKnown = hit.Members, true
		return ob, nil
	}
	if !differs {
		return nil, nil
	}
	return ob, nil
}

// shownManager returns which acknowledged manager the app's value stands for: the wanted
// one, or nobody that we know.
func (c *cycle) shownManager(t *mapping.Table, o *state.Object, hit *sinks.Object) state.ObjectID {
	if !t.Reference {
		return o.Manager.Acked
	}
	shown, _ := hit.Values[sinks.PathManager].(string)
	switch {
	case o.Manager.SinkID != "" && sinks.ID(shown) == o.Manager.SinkID:
		return o.Manager.ID
	case shown == "":
		return 0
	default:
		return unknownManager
	}
}

// unknownManager stands for a manager that somebody else set in the app.
const unknownManager state.ObjectID = -1

// accountOf reads whether an account is enabled.
func accountOf(hit *sinks.Object) plan.Account {
	if hit.Values[sinks.PathActive] == false {
		return plan.Blocked
	}
	return plan.Enabled
}
