package scim

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
)

// visibility is what was learnt about whether groups show their members. An empty list
// means that a group has none, or that its members are never shown. One group that shows
// some proves the first, once and for all. The second takes a proof as well, since to
// believe it wrongly would take members for added that were dropped: the application must
// say elsewhere that somebody is in a group which shows nobody.
type visibility struct {
	sync.Mutex
	looked bool // for a group that shows members, before a PUT
	proven bool // some group showed members
	hidden bool // a PUT with members was taken, and none were shown
	unread bool // somebody is in a group that shows nobody
	asked  int  // questions for that proof that came to nothing
}

// mostAsked bounds the questions: each costs up to four requests.
const mostAsked = 3

// saw notes the members that groups show, and reports whether any ever did.
func (s *Sink) saw(ctx context.Context, groups ...*document) bool {
	v := &s.visible
	v.Lock()
	defer v.Unlock()
	if v.proven {
		return true
	}
	v.proven = slices.ContainsFunc(groups, func(g *document) bool { return g.roll(nil).members > 0 })
	if v.proven && v.unread {
		v.unread = false
		s.log.WarnContext(ctx, "a group shows members after all; members are read again")
	}
	return v.proven
}

// unreadable reports whether members can't be read: by the profile, or as was proven.
func (s *Sink) unreadable() bool {
	v := &s.visible
	v.Lock()
	defer v.Unlock()
	return s.profile.MembersUnreadable || v.unread
}

// membersKnown reports whether the members that these groups show are theirs. It looks
// for a proof of the contrary when all of them show an empty list.
func (s *Sink) membersKnown(ctx context.Context, q sinks.Query, groups ...*document) bool {
	if !q.Members || q.Resource != sinks.Group || s.profile.MembersUnreadable {
		return false
	}
	if s.saw(ctx, groups...) {
		return true
	}
	i := slices.IndexFunc(groups, func(g *document) bool { return g.roll(nil).shown })
	return i < 0 || !s.hides(ctx, groups[i].id(), "")
}

// hides reports whether a group that shows an empty list hides members; somebody is a
// user who was just added, or empty. The answer is remembered once it is yes.
func (s *Sink) hides(ctx context.Context, group, somebody sinks.ID) bool {
	v := &s.visible
	v.Lock()
	known, idle := v.unread, v.proven || v.asked >= mostAsked
	v.Unlock()
	if known || idle {
		return known
	}
	proof := s.proofOfMember(ctx, group, somebody)
	if proof && somebody != "" { // what was added may show by now
		shown, _, err := s.fetch(ctx, sinks.Query{Resource: sinks.Group, Members: true}, group)
		proof = err == nil && !s.saw(ctx, shown)
	}
	v.Lock()
	defer v.Unlock()
	if !proof {
		v.asked++
		return false
	}
	if !v.unread {
		s.log.WarnContext(ctx, "groups show an empty list of members whoever is in them; members are not read back", "group", string(group))
	}
	v.unread = true
	return true
}

// tookUnseen reports whether a group that was made with members, and shows an empty list,
// has them all. To add them again would do harm: some applications keep duplicates.
func (s *Sink) tookUnseen(ctx context.Context, group sinks.ID, members []sinks.ID) bool {
	return s.hides(ctx, group, members[0]) &&
		!slices.ContainsFunc(members[1:], func(m sinks.ID) bool { return !s.proofOfMember(ctx, group, m) })
}

// proofOfMember asks whether somebody is in the group, in other ways than by the group's
// own list: by the user's `groups` (RFC 7643 section 4.1.2), and by a search for the
// group with that member, as Microsoft Entra asks.
func (s *Sink) proofOfMember(ctx context.Context, group, somebody sinks.ID) bool {
	users := sinks.Query{Resource: sinks.User}
	if somebody == "" {
		l, err := s.ask(ctx, users, "groups.value eq "+literal(string(group)))
		return err == nil && slices.ContainsFunc(l.resources, func(u *document) bool { return inGroup(u, group) })
	}
	if u, _, err := s.fetch(ctx, users, somebody); err != nil || inGroup(u, group) {
		return err == nil
	}
	return s.foundWith(ctx, group, somebody) && !s.foundWith(ctx, group, sinks.ID("idpbridge-probe-"+rand.Text()))
}

// inGroup reports whether a user shows a membership.
func inGroup(u *document, group sinks.ID) bool {
	found := false
	u.attribute("groups").entries(func(g node) bool {
		found = found || sinks.ID(g.sub("value").id()) == group
		return true
	})
	return found
}

// foundWith reports whether a search for the group and a member finds the group.
func (s *Sink) foundWith(ctx context.Context, group, member sinks.ID) bool {
	expression := "id eq " + literal(string(group)) + " and members eq " + literal(string(member))
	req := request{method: http.MethodGet, resource: sinks.Group, query: url.Values{"filter": {expression}, "excludedAttributes": {sinks.PathMembers}}}
	a, err := s.send(ctx, req)
	if err != nil {
		return false
	}
	l, err := readList(req, a, false)
	return err == nil && len(l.resources) == 1 && l.resources[0].id() == group
}
