package scim

import (
	"context"
	"fmt"
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
)

// removalGuard watches over member removal by value, which means "all members" to a
// strict reading of RFC 7644 section 3.5.2.2. The first removal that can show harm (from
// a group with other members) is read back; one wrong effect ends all member changes.
type removalGuard struct {
	mu     sync.Mutex
	proven bool
	err    error
}

func (g *removalGuard) stopped() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// removeByValue sends a PATCH with a removal by value, under guard until the form is
// proven harmless. Others wait meanwhile: harm must not spread.
func (s *Sink) removeByValue(ctx context.Context, op *sinks.Op, changes []change) ([]string, error) {
	g := &s.removal
	g.mu.Lock()
	if g.err != nil || g.proven || s.profile.MembersUnreadable {
		err := g.err
		g.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return s.patch(ctx, op, changes)
	}
	defer g.mu.Unlock()
	before, shown, err := s.membersOf(ctx, op.ID)
	if err != nil || !shown || len(before) == 0 && !s.saw(ctx) {
		return nil, s.unguarded(*op, err)
	}
	ignored, patchErr := s.patch(ctx, op, changes)
	if patchErr != nil && sinks.ClassOf(patchErr) != sinks.Unclear && !isNoEffect(patchErr) {
		return nil, patchErr
	}
	after, _, err := s.membersOf(ctx, op.ID)
	if err != nil {
		return nil, fmt.Errorf("read back the first removal of members: %w", err)
	}
	lost, others := missing(before, after, op.RemoveMembers)
	if len(lost) == 0 {
		g.proven = g.proven || patchErr == nil && others > 0
		return ignored, patchErr
	}
	g.err = s.restore(ctx, *op, lost)
	return nil, g.err
}

// unguarded refuses a removal whose effect could not be seen.
func (s *Sink) unguarded(op sinks.Op, err error) error {
	if err != nil {
		return fmt.Errorf("read members before their first removal: %w", err)
	}
	return &sinks.Error{
		Class: sinks.Rejected, Op: request{method: "PATCH", resource: op.Resource, id: op.ID}.op(),
		Message: "not sent: removal by value may empty a group, and this one shows no members to check it by",
		Hint:    "If the application never shows members, set override.members_unreadable: true; otherwise use override.member_removal: filter.",
	}
}

// restore puts back who should not have left, and words the error that stops the rest.
func (s *Sink) restore(ctx context.Context, op sinks.Op, lost []sinks.ID) error {
	e := &sinks.Error{
		Class: sinks.Incompatible, Op: request{method: "PATCH", resource: op.Resource, id: op.ID}.op(),
		Message: fmt.Sprintf("removing members by value took %d others out of the group as well", len(lost)),
		Hint:    "Set override.member_removal: filter. Member changes are stopped until the bridge is started with another setting.",
	}
	for len(lost) > 0 {
		n := min(len(lost), s.profile.MembersPerRequest)
		add := sinks.Op{Action: sinks.Update, Resource: op.Resource, ID: op.ID, AddMembers: lost[:n]}
		if _, err := s.patch(ctx, &add, nil); err != nil {
			e.Message += fmt.Sprintf("; %d could not be put back", len(lost))
			e.Err = err
			return e
		}
		lost = lost[n:]
	}
	e.Message += "; they were put back"
	return e
}

func (s *Sink) membersOf(ctx context.Context, id sinks.ID) ([]sinks.ID, bool, error) {
	r, _, err := s.fetch(ctx, sinks.Query{Resource: sinks.Group, Members: true}, id)
	if err != nil {
		return nil, false, err
	}
	ids, shown := r.members()
	return ids, shown, nil
}

// missing returns the members that were there before, are not now, and were not to be
// removed; and how many were not to be removed.
func missing(before, after, removed []sinks.ID) (lost []sinks.ID, others int) {
	have := make(map[sinks.ID]struct{}, len(after)+len(removed))
	for _, id := range after {
		have[id] = struct{}{}
	}
	gone := make(map[sinks.ID]struct{}, len(removed))
	for _, id := range removed {
		gone[id] = struct{}{}
	}
	for _, id := range before {
		if _, ok := gone[id]; ok {
			continue
		}
		others++
		if _, ok := have[id]; !ok {
			lost = append(lost, id)
		}
	}
	return lost, others
}

// isNoEffect reports the verdict of judge, after which the group may have changed all
// the same.
func isNoEffect(err error) bool {
	return sinks.ClassOf(err) == sinks.Rejected && statusOf(err) == 200
}
