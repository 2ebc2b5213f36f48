package scim

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/idpbridge/idpbridge/sinks"
)

// put reads the object, merges the changes into it and sends it whole. The merge keeps
// what the application showed; what it hides is lost, which is why PATCH comes first.
// The version that was read guards against changes in between where there are versions.
func (s *Sink) put(ctx context.Context, op *sinks.Op, changes []change) ([]string, error) {
	req, err := s.merged(ctx, *op, changes)
	if err != nil {
		return nil, err
	}
	a, err := s.writeIf(ctx, req, func(ctx context.Context) (request, error) {
		req, err = s.merged(ctx, *op, changes)
		return req, err
	})
	if err != nil {
		return nil, s.confirm(ctx, req, err)
	}
	now, err := echo(req, a)
	if err != nil {
		return nil, err
	}
	op.Version = versionOf(a.header, now)
	if err := s.membersKept(ctx, *op, req, now); err != nil {
		return nil, err
	}
	return s.judge(ctx, *op, now, changes)
}

// merged is the PUT for an update.
func (s *Sink) merged(ctx context.Context, op sinks.Op, changes []change) (request, error) {
	q := sinks.Query{Resource: op.Resource, Members: op.Resource == sinks.Group}
	now, version, err := s.fetch(ctx, q, op.ID)
	if err != nil {
		return request{}, err
	}
	r := now.resource()
	for _, c := range changes {
		r.set(c.path, c.value)
	}
	r.drop("meta")
	if op.Resource == sinks.User {
		r.drop("groups") // read-only, RFC 7643 section 4.1.2
		r.setSchemas(schemaUser, changes)
	} else {
		r.setSchemas(schemaGroup, changes)
		if err := s.mergeMembers(ctx, op, now, r); err != nil {
			return request{}, err
		}
	}
	if version != "" && s.profile.IfMatch == IfMatchTold {
		s.claims(ctx) // a PUT is worth the question: it replaces what somebody else may have set
	}
	return request{method: http.MethodPut, resource: op.Resource, id: op.ID, body: r, ifMatch: s.ifMatch(version)}, nil
}

// mergeMembers writes the member list that a PUT has to carry. It is refused when the
// application does not show members: a list that is not known would empty the group.
func (s *Sink) mergeMembers(ctx context.Context, op sinks.Op, now *document, r *object) error {
	members, _ := now.members()
	if len(members) == 0 {
		if err := s.membersVisible(ctx, op); err != nil {
			return err
		}
	}
	gone := make(map[sinks.ID]struct{}, len(op.RemoveMembers))
	for _, id := range op.RemoveMembers {
		gone[id] = struct{}{}
	}
	kept := make(map[sinks.ID]struct{}, len(members))
	var all []sinks.ID
	for _, id := range slices.Concat(members, op.AddMembers) {
		_, removed := gone[id]
		_, dup := kept[id]
		if !removed && !dup {
			kept[id] = struct{}{}
			all = append(all, id)
		}
	}
	r.put(sinks.PathMembers, memberList(all))
	return nil
}

// membersVisible decides what a group that shows no member means: it has none, or
// members that are never shown. One group that shows some proves the first. Where none
// does, the first PUT goes ahead, and membersKept looks at what became of it.
func (s *Sink) membersVisible(ctx context.Context, op sinks.Op) error {
	v := &s.visible
	v.Lock()
	defer v.Unlock()
	if s.profile.MembersUnreadable || v.hidden || v.unread {
		return &sinks.Error{
			Class: sinks.Rejected, Op: request{method: http.MethodPut, resource: op.Resource, id: op.ID}.op(),
			Message: "not sent: a PUT needs all members, and the application does not show them",
			Hint:    "Use override.group_update: patch with member_removal: filter or value.",
		}
	}
	if v.proven || v.looked {
		return nil
	}
	w := newWalk()
	groups, _, err := s.page(ctx, sinks.Query{Resource: sinks.Group, Members: true}, w)
	if err != nil {
		return fmt.Errorf("look whether groups show members: %w", err)
	}
	v.looked = true
	v.proven = slices.ContainsFunc(groups, func(g *document) bool { ids, _ := g.members(); return len(ids) > 0 })
	return nil
}

// membersKept checks after a PUT with members that the application shows some, until one
// group has proven it.
func (s *Sink) membersKept(ctx context.Context, op sinks.Op, req request, now *document) error {
	v := &s.visible
	v.Lock()
	defer v.Unlock()
	sent, _ := objectOf(req.body).get(sinks.PathMembers).(memberList)
	if v.proven || op.Resource != sinks.Group || len(sent) == 0 {
		return nil
	}
	if now == nil {
		var err error
		if now, _, err = s.fetch(ctx, sinks.Query{Resource: sinks.Group, Members: true}, op.ID); err != nil {
			return fmt.Errorf("read back the first PUT with members: %w", err)
		}
	}
	ids, _ := now.members()
	v.proven, v.hidden = len(ids) > 0, len(ids) == 0
	if v.hidden {
		return noEffect(op, "a PUT with members was taken, but the group shows none",
			"Without seeing members, PUT would lose them: use override.group_update: patch, and members_unreadable: true if they are never shown.")
	}
	return nil
}
