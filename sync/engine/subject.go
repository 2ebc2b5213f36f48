package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// find reads the object from the source.
func (p *provision) find(ctx context.Context) (*subject, error) {
	finder, ok := p.job.Source.(Finder)
	if !ok {
		return nil, provlog.Coded(provlog.CodeSourceRejected, "this source can't look up single objects")
	}
	if p.req.Group != "" {
		return p.findGroup(ctx, finder)
	}
	return p.findUser(ctx, finder)
}

func (p *provision) findUser(ctx context.Context, finder Finder) (*subject, error) {
	u, err := finder.User(ctx, p.job.Query(), p.req.User)
	if sources.ClassOf(err) == sources.Missing {
		u, err = p.missingUser(ctx, finder, err)
	}
	if err := p.connected(err); err != nil {
		return nil, err
	}
	s := &subject{kind: sources.KindUser, entry: userEntry(p.job.Mapping, &u), attrs: withID(u.Attributes, u.ID)}
	p.imported(s, u.DisplayName)
	return s, nil
}

// missingUser deals with a reference that the source doesn't know (any more): a person
// who is known here by that name may have been renamed, or is gone.
func (p *provision) missingUser(ctx context.Context, finder Finder, cause error) (sources.User, error) {
	known, err := p.known(ctx, sinks.User, p.req.User, cause)
	if err != nil {
		return sources.User{}, err
	}
	u, err := finder.User(ctx, p.job.Query(), string(known.SourceID))
	if sources.ClassOf(err) == sources.Missing {
		return sources.User{ID: known.SourceID, DisplayName: known.DisplayName, Removal: sources.RemovedHard}, nil
	}
	return u, err
}

// known finds the one object that a reference names in the state.
func (p *provision) known(ctx context.Context, r sinks.Resource, ref string, cause error) (*state.Object, error) {
	found, err := p.store.FindObjects(ctx, state.ClaimQuery{Job: p.row.ID, Resource: r}, ref)
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, provlog.Coded(provlog.CodeUnknownReference, "neither the source nor the state knows this %s: %w", r, cause)
	case 1:
		return &found[0], nil
	default:
		return nil, provlog.Coded(provlog.CodeAmbiguousReference, "%d %ss are known by this reference; use the source's id", len(found), r)
	}
}

func (p *provision) findGroup(ctx context.Context, finder Finder) (*subject, error) {
	g, err := finder.Group(ctx, p.job.Query(), p.req.Group)
	if sources.ClassOf(err) == sources.Missing {
		var known *state.Object
		if known, err = p.known(ctx, sinks.Group, p.req.Group, err); err == nil {
			g, err = finder.Group(ctx, p.job.Query(), string(known.SourceID))
			if sources.ClassOf(err) == sources.Missing {
				g, err = sources.Group{ID: known.SourceID, DisplayName: known.DisplayName, Removal: sources.RemovedHard}, nil
			}
		}
	}
	if err := p.connected(err); err != nil {
		return nil, err
	}
	s := &subject{kind: sources.KindGroup, attrs: withID(g.Attributes, g.ID), whole: len(p.req.Members) == 0 && g.Removal == sources.NotRemoved}
	if !s.whole {
		if g.Members, err = p.chosen(ctx, finder, g.Members); err != nil {
			return nil, err
		}
	}
	s.entry = groupEntry(p.job.Mapping, &g)
	p.imported(s, g.DisplayName)
	return s, nil
}

// chosen leaves the requested members of a group: those who are in it, and those who are
// not as removals.
func (p *provision) chosen(ctx context.Context, finder Finder, all []sources.Member) ([]sources.Member, error) {
	in := make(map[sources.ID]bool, len(all))
	for _, m := range all {
		in[m.User] = true
	}
	var out []sources.Member
	for _, ref := range p.req.Members {
		id := sources.ID(ref)
		if !in[id] {
			u, err := finder.User(ctx, p.job.Query(), ref)
			if err != nil {
				return nil, provlog.Coded(provlog.CodeUnknownReference, "member: %w", err)
			}
			id = u.ID
		}
		out = append(out, sources.Member{User: id, Removed: !in[id]})
	}
	return out, nil
}

// connected tells the first step from what the source answered.
func (p *provision) connected(err error) error {
	switch sources.ClassOf(err) {
	case sources.Missing:
		err = provlog.Coded(provlog.CodeUnknownReference, "%w", err)
	case sources.Ambiguous:
		err = provlog.Coded(provlog.CodeAmbiguousReference, "%w", err)
	default:
		if err != nil && provlog.CodeOf(err) != provlog.CodeUnknownReference && provlog.CodeOf(err) != provlog.CodeAmbiguousReference {
			return err
		}
	}
	p.Step(provlog.StepConnect, string(provlog.StatusSuccess), "the source answers", nil)
	return err
}

func (p *provision) imported(s *subject, name string) {
	hidden := hiddenAttributes(p.job.Mapping, s.kind)
	attrs := map[string]any{}
	for k, v := range s.attrs {
		if hidden[k] && v != nil {
			if v == name {
				name = provlog.Hidden
			}
			v = provlog.Hidden
		}
		attrs[k] = v
	}
	p.out.SourceIdentity = provlog.Identity{ID: string(s.entry.SourceID), DisplayName: name, Type: s.entry.Resource.String()}
	p.Step(provlog.StepImport, string(provlog.StatusSuccess), presenceWords(s.entry.Presence), map[string]any{"attributes": attrs})
}

func presenceWords(at plan.Presence) string {
	switch at {
	case plan.Disabled:
		return "read from the source; not active there"
	case plan.DeletedSoft:
		return "deleted in the source, and could be restored there"
	case plan.Gone:
		return "deleted in the source"
	default:
		return "read from the source"
	}
}

// scope says clause by clause why the object is in scope, or not.
func (p *provision) scope(ctx context.Context, s *subject) error {
	if s.entry.Presence >= plan.DeletedSoft {
		p.Step(provlog.StepScope, string(provlog.StatusSkipped), "deleted in the source", map[string]any{"active_in_source": false})
		return nil
	}
	scope, err := p.job.scopeOf(ctx, s)
	if err != nil {
		return fmt.Errorf("assignment to the application: %w", err)
	}
	s.scoped = scope.Assigned == nil || *scope.Assigned
	status := provlog.StatusSuccess
	if scope.Filter.Error != "" {
		status = provlog.StatusFailure
	}
	p.Step(provlog.StepScope, string(status), scope.words(), scope.data())
	return nil
}

var errNoReference = errors.New("name a user or a group")

// Validate says what is wrong with the request itself.
func (r ProvisionRequest) Validate() error {
	if (r.User == "") == (r.Group == "") {
		return errNoReference
	}
	if r.User != "" && len(r.Members) > 0 {
		return errors.New("members can be chosen for a group only")
	}
	return nil
}
