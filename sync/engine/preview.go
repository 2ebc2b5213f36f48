package engine

import (
	"cmp"
	"context"
	"slices"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/apply"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// A dry run's account has more than a cycle's: the plan, line by line in the order of the
// real run, and on a run that reads everything the adoption report. Both come from the
// outcomes of the very code that a real run goes through.

// adoptedList is the most objects that one list of the adoption report names.
const adoptedList = 100

type adoptedBy struct{ resource, attribute string }

func (c *cycle) beginPreview(kind string) {
	c.out.Plan = []state.Change{}
	if kind != "incremental" {
		c.out.Adoption = &state.Adoption{Linked: []state.Adopted{}, UnmanagedObjects: []state.Named{}, AmbiguousObjects: []state.Named{}}
		c.linked = map[adoptedBy]*state.Adopted{}
	}
}

// preview adds an outcome to the plan. A deletion that the guard lets through comes back as
// a change of its own and takes the place of the held one.
func (c *cycle) preview(o *apply.Outcome) {
	object := o.Result.Object
	if o.Change != nil {
		o.Change.Object = object.ID
		c.out.Plan = append(c.out.Plan, *o.Change)
	}
	if o.Held != nil {
		o.Held.Object = object.ID
		c.held = append(c.held, *o.Held)
	}
	if c.out.Adoption == nil {
		return
	}
	name := state.Named{Resource: object.Resource.String(), SourceID: string(object.SourceID), DisplayName: object.DisplayName}
	switch {
	case o.Adopted != "":
		name.TargetID = string(o.Result.SinkID)
		c.adopted(name, o.Adopted)
	case provlog.CodeOf(o.Err) == provlog.CodeAmbiguousMatch:
		c.out.Adoption.Ambiguous++
		c.out.Adoption.AmbiguousObjects = addNamed(c.out.Adoption.AmbiguousObjects, name)
	}
}

func (c *cycle) adopted(name state.Named, attribute string) {
	key := adoptedBy{name.Resource, attribute}
	if c.linked[key] == nil {
		c.linked[key] = &state.Adopted{Resource: name.Resource, Attribute: attribute}
	}
	a := c.linked[key]
	a.Count++
	a.Objects = addNamed(a.Objects, name)
}

func addNamed(list []state.Named, name state.Named) []state.Named {
	if len(list) == adoptedList {
		return list
	}
	return append(list, name)
}

// previewUnmanaged counts the accounts of the app that nobody is linked to in the end.
func (c *cycle) previewUnmanaged(ctx context.Context, r sinks.Resource, index *state.Index) {
	if c.out.Adoption == nil || ctx.Err() != nil {
		return
	}
	left, err := c.unmanaged(ctx, r, index)
	if err != nil {
		c.log.Warn("unmanaged accounts can't be counted", "resource", r.String(), provlog.LogAttr(err))
		return
	}
	total, err := index.Len(ctx)
	if err != nil {
		c.log.Warn("unmanaged accounts can't be counted", "resource", r.String(), provlog.LogAttr(err))
		return
	}
	if c.out.Adoption.Unmanaged == nil {
		c.out.Adoption.Unmanaged = new(int)
	}
	*c.out.Adoption.Unmanaged += total
	for _, o := range left {
		c.out.Adoption.UnmanagedObjects = addNamed(c.out.Adoption.UnmanagedObjects, state.Named{
			Resource: r.String(), TargetID: string(o.ID), DisplayName: nameOf(&o),
		})
	}
}

// unmanaged takes everybody who is linked out of the list and returns some of the rest.
func (c *cycle) unmanaged(ctx context.Context, r sinks.Resource, index *state.Index) ([]sinks.Object, error) {
	q := state.ClaimQuery{Job: c.row.ID, Resource: r, Limit: claimSize}
	for {
		objects, err := c.store.List(ctx, q)
		if err != nil {
			return nil, err
		}
		if len(objects) == 0 {
			return index.Some(ctx, adoptedList)
		}
		ids := make([]sinks.ID, 0, len(objects))
		for i := range objects {
			ids = append(ids, objects[i].SinkID)
		}
		if err := index.Drop(ctx, ids); err != nil {
			return nil, err
		}
		q.After = objects[len(objects)-1].ID
	}
}

// nameOf is what an account is called in the app.
func nameOf(o *sinks.Object) string {
	for _, path := range []string{sinks.PathUserName, sinks.PathDisplayName} {
		if name, ok := o.Values[path].(string); ok {
			return name
		}
	}
	return ""
}

// endPreview puts what the guard would hold at the end of the plan, and drops failures of
// objects that went through later on.
func (c *cycle) endPreview(ctx context.Context) {
	if !c.req.DryRun {
		return
	}
	ended := map[state.ObjectID]int{}
	for i, p := range c.out.Plan {
		ended[p.Object] = i
	}
	kept := c.out.Plan[:0]
	for i, p := range c.out.Plan {
		if p.Error == nil || p.Object == 0 || ended[p.Object] == i {
			kept = append(kept, p)
		}
	}
	c.out.Plan = kept
	if err := c.previewHeld(ctx); err != nil {
		c.log.Warn("held deletions can't be listed", provlog.LogAttr(err))
	}
	if c.out.Adoption == nil {
		return
	}
	for _, a := range c.linked {
		c.out.Adoption.Linked = append(c.out.Adoption.Linked, *a)
	}
	slices.SortFunc(c.out.Adoption.Linked, func(a, b state.Adopted) int {
		return cmp.Or(-cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Attribute, b.Attribute)) // users first
	})
}

// previewHeld lists what would wait for a person in the end, from this run or an earlier
// one. What was planned and is not among it was let through, and has lines of its own.
func (c *cycle) previewHeld(ctx context.Context) error {
	staged, err := c.store.StagedDeletions(ctx, c.row.ID)
	if err != nil {
		return err
	}
	planned := map[state.ObjectID]state.Change{}
	for _, p := range c.held {
		planned[p.Object] = p
	}
	for i := range staged {
		s := &staged[i]
		if s.Decision != state.Waiting {
			continue
		}
		line, ok := planned[s.Object]
		if !ok {
			line = state.Change{
				Resource: s.Resource.String(), Action: s.Action, SourceID: string(s.SourceID), DisplayName: s.Name,
				Properties: []state.Property{}, Reason: s.Reason, Held: true,
			}
		}
		c.out.Plan = append(c.out.Plan, line)
	}
	return nil
}

// inOrder sorts the lines of one phase: workers end in any order, people compare plans.
func inOrder(lines []state.Change) {
	slices.SortStableFunc(lines, func(a, b state.Change) int { return cmp.Compare(a.Object, b.Object) })
}
