package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

func (s *Sink) update(ctx context.Context, op sinks.Op, changes []change) (sinks.Receipt, error) {
	changes, ignored := s.sendable(op, changes)
	receipt := sinks.Receipt{Ignored: ignored, Version: op.Version}
	if len(changes)+len(op.AddMembers)+len(op.RemoveMembers) == 0 {
		return receipt, nil
	}
	if len(op.AddMembers)+len(op.RemoveMembers) > 0 {
		if err := s.removal.stopped(); err != nil {
			return sinks.Receipt{}, err
		}
	}
	more, err := s.carryOut(ctx, &op, changes)
	if err != nil {
		return sinks.Receipt{}, err
	}
	receipt.Ignored, receipt.Version = append(receipt.Ignored, more...), op.Version
	return receipt, nil
}

// sendable leaves out what the application can't take, and names it. It reuses changes.
func (s *Sink) sendable(op sinks.Op, changes []change) (kept []change, ignored []string) {
	kept = changes[:0]
	for _, c := range changes {
		changing := op.Action == sinks.Update
		switch {
		case changing && s.profile.fixed(op.Resource, c.path),
			changing && c.value == nil && listed(s.profile.NotClearable, c.path),
			s.secondary(c.path):
			ignored = append(ignored, c.name)
		default:
			kept = append(kept, c)
		}
	}
	return kept, ignored
}

// secondary reports an entry that a single-valued attribute has no room for. Which entry
// is kept must not depend on what else is sent, or updates would change it.
func (s *Sink) secondary(p path) bool {
	if len(p.filter) == 0 || p.schema != "" || !listed(s.profile.SingleValued, p) {
		return false
	}
	for _, t := range p.filter {
		typed, _ := t.value.(string)
		work := strings.EqualFold(t.sub, "type") && strings.EqualFold(typed, "work")
		primary := strings.EqualFold(t.sub, "primary") && t.value == true
		if work || primary {
			return false
		}
	}
	return true
}

// carryOut sends the update by the dialect's verb. However many requests that takes,
// op.Version is what the last answer told of the object's version.
func (s *Sink) carryOut(ctx context.Context, op *sinks.Op, changes []change) ([]string, error) {
	byPut := s.byPut(op.Resource) ||
		len(op.RemoveMembers) > 0 && s.profile.MemberRemoval == RemoveByPut
	if byPut {
		return s.put(ctx, op, changes)
	}
	guarded := len(op.RemoveMembers) > 0 && s.profile.MemberRemoval == RemoveByValue
	if guarded {
		return s.removeByValue(ctx, op, changes)
	}
	ignored, err := s.patch(ctx, op, changes)
	if s.patchMissing(ctx, op.Resource, err) {
		return s.put(ctx, op, changes)
	}
	return ignored, err
}

func (s *Sink) byPut(r sinks.Resource) bool {
	if r == sinks.Group {
		return s.groupsByPut.Load() || s.profile.GroupUpdate == UpdatePut
	}
	return s.usersByPut.Load() || s.profile.UserUpdate == UpdatePut
}

// patchMissing reports whether a PATCH was refused by an application that says itself
// that it has none. From then on PUT is used, and the log says so.
func (s *Sink) patchMissing(ctx context.Context, r sinks.Resource, err error) bool {
	e, ok := errors.AsType[*sinks.Error](err)
	if !ok || e.Status != http.StatusMethodNotAllowed && e.Status != http.StatusNotImplemented {
		return false
	}
	if s.claims(ctx).Patch != No {
		return false
	}
	s.log.WarnContext(ctx, "the application has no PATCH; PUT is used", "resource", r.String())
	if r == sinks.Group {
		s.groupsByPut.Store(true)
	} else {
		s.usersByPut.Store(true)
	}
	return true
}

// patch sends only what changed. Two more forms are tried when entries of multi-valued
// attributes are involved, since RFC 7644 section 3.5.2.3 lets a replace of an absent
// entry fail, and some servers silently do nothing instead.
func (s *Sink) patch(ctx context.Context, op *sinks.Op, changes []change) ([]string, error) {
	members := s.memberOperations(*op)
	now, err := s.sendPatch(ctx, op, append(s.operations(changes), members...))
	if done, ignored, verdict := s.settled(ctx, *op, now, changes, err); done {
		return ignored, verdict
	}
	if err == nil {
		members = nil // they were taken with the first try
	} else if now, op.Version, err = s.fetch(ctx, sinks.Query{Resource: op.Resource}, op.ID); err != nil {
		return nil, err
	}
	before := now
	now, err = s.sendPatch(ctx, op, append(s.adapted(changes, before), members...))
	if done, ignored, verdict := s.settled(ctx, *op, now, changes, err); done {
		return ignored, verdict
	}
	if err == nil {
		before, members = now, nil
	}
	now, err = s.sendPatch(ctx, op, append(s.whole(changes, before), members...))
	if err != nil {
		return nil, err
	}
	return s.judge(ctx, *op, now, changes)
}

// sendPatch sends operations and returns the object that the answer shows; nil when it
// shows none. Without operations nothing is sent, and the object stays as it is.
func (s *Sink) sendPatch(ctx context.Context, op *sinks.Op, ops []operation) (*document, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	req := request{method: http.MethodPatch, resource: op.Resource, id: op.ID, body: patchBody(ops), ifMatch: s.ifMatch(op.Version)}
	a, err := s.writeIf(ctx, req, s.present(req))
	if err != nil {
		return nil, s.confirm(ctx, req, err)
	}
	now, err := echo(req, a)
	op.Version = versionOf(a.header, now)
	if now != nil || err != nil {
		return now, err
	}
	return nil, s.stillThere(ctx, req, a)
}

// stillThere looks behind a success whose body is no resource. Some servers answer `{}` or
// a message of their own to a change; one that is switched off answers so to everything,
// and then a GET shows no resource either.
func (s *Sink) stillThere(ctx context.Context, req request, a *answer) error {
	if a.status == http.StatusNoContent || len(a.body) == 0 {
		return nil
	}
	_, _, err := s.fetch(ctx, sinks.Query{Resource: req.resource}, req.id)
	return err
}

// echo is the object in the answer to a change: nil when there is none, which is trusted.
func echo(req request, a *answer) (*document, error) {
	if a.status == http.StatusNoContent || len(a.body) == 0 {
		return nil, nil
	}
	d, err := readDocument(a.body, len(a.body) < bigEcho)
	if err != nil {
		return nil, garbage(req, a, "the answer is no SCIM resource")
	}
	if d.isV1() {
		return nil, garbage(req, a, "")
	}
	if d.id() == "" {
		return nil, nil // some answer `{}` or a message of their own
	}
	return d, nil
}

// bigEcho is the size from which the members in an answer are not worth reading: a group
// of a hundred thousand is echoed with every change of one.
const bigEcho = 1 << 20

// settled decides whether a try at a PATCH was the last: it worked, or failed in a way
// that another form of the same can't help.
func (s *Sink) settled(ctx context.Context, op sinks.Op, now *document, changes []change, err error) (bool, []string, error) {
	if err != nil {
		return !s.worthAnotherForm(err, changes), nil, err
	}
	if len(entryChanges(s.untaken(now, changes))) > 0 {
		return false, nil, nil
	}
	ignored, err := s.judge(ctx, op, now, changes)
	return true, ignored, err
}

// worthAnotherForm reports whether a refused PATCH may have stumbled over something that
// was not there.
func (s *Sink) worthAnotherForm(err error, changes []change) bool {
	e, ok := errors.AsType[*sinks.Error](err)
	if !ok || e.Class != sinks.Rejected || e.Status != http.StatusBadRequest {
		return false
	}
	switch e.ScimType {
	case "", "noTarget", "invalidPath", "invalidFilter", "invalidSyntax":
		return len(entryChanges(changes)) > 0 || e.ScimType == "noTarget"
	default:
		return false
	}
}

// entryChanges are the changes of single entries of multi-valued attributes, and
// removals: those that depend on what the object has.
func entryChanges(changes []change) []change {
	var out []change
	for _, c := range changes {
		if len(c.path.filter) > 0 || c.value == nil {
			out = append(out, c)
		}
	}
	return out
}

// untaken are the changes that an answer shows not to have happened. A text that only
// looks different was normalised; see same.
func (s *Sink) untaken(d *document, changes []change) []change {
	if d == nil {
		return nil
	}
	var out []change
	for _, c := range changes {
		if listed(s.profile.Unechoed, c.path) {
			continue
		}
		got := d.get(c.path)
		want := c.value
		if c.path.isManager() {
			want = objectOf(want).get("value")
		}
		taken := got == nil
		if want != nil {
			taken = same(want, got)
		}
		if !taken {
			out = append(out, c)
		}
	}
	return out
}

// judge compares the object in an answer with what was sent. An account that stays
// active, and a change of which nothing happened, are errors; the rest is reported.
func (s *Sink) judge(ctx context.Context, op sinks.Op, d *document, changes []change) ([]string, error) {
	if d == nil {
		return nil, nil
	}
	if err := s.judgeMembers(ctx, op, d); err != nil {
		return nil, err
	}
	var ignored []string
	untaken := s.untaken(d, changes)
	for _, c := range untaken {
		ignored = append(ignored, c.name)
		if c.path.key() == sinks.PathActive || len(untaken) == len(changes) && len(op.AddMembers)+len(op.RemoveMembers) == 0 {
			return nil, noEffect(op, fmt.Sprintf("answered with success, but %s did not change", c.name),
				"The application ignores this attribute or takes it in another form: remove it from the mapping, or choose another profile or override.")
		}
	}
	return ignored, nil
}

// judgeMembers looks for removed members that are still there, and for added ones that
// were dropped. A long list may be cut off, so that an absence in it proves nothing; an
// empty one may be all that this application ever shows.
func (s *Sink) judgeMembers(ctx context.Context, op sinks.Op, d *document) error {
	if s.unreadable() || len(op.AddMembers)+len(op.RemoveMembers) == 0 || d.attribute(sinks.PathMembers) == nil {
		return nil
	}
	if !s.saw(ctx, d) && len(op.AddMembers) > 0 && s.hides(ctx, op.ID, op.AddMembers[0]) {
		return nil
	}
	if len(op.RemoveMembers) > 0 && d.roll(op.RemoveMembers).present > 0 {
		return noEffect(op, "answered with success, but a removed member is still in the group",
			"The application takes member removals in another form; try override.member_removal: value or put.")
	}
	if len(op.AddMembers) == 0 {
		return nil
	}
	if added := d.roll(op.AddMembers); added.shown && added.absent > 0 && added.members < cutOff {
		return noEffect(op, "answered with success, but an added member is not in the group",
			"The application may not know the member yet. If it never shows members, set override.members_unreadable: true.")
	}
	return nil
}

// cutOff is the shortest member list that a server was seen to cut off.
const cutOff = 100

func noEffect(op sinks.Op, message, hint string) *sinks.Error {
	req := request{method: http.MethodPatch, resource: op.Resource, id: op.ID}
	return &sinks.Error{Class: sinks.Rejected, Op: req.op(), Status: http.StatusOK, Message: message, Hint: hint}
}
