package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// refs is what a batch knows of operations that refer to what others create (RFC 7644
// section 3.7.2): a group's first members to the group, and members to their own creation.
// A server may take a reference for an id, or drop it, and answer success; so the first
// use is read back, and where members can't be read there is none.
type refs struct {
	settled map[int]bool // operations whose result is final
	later   []int        // operations that have to wait for others
	joined  []int        // those whose members went in by reference, says the server
	doubted []int        // creations of groups whose members went in, or not
	refuted int          // operations with references that the server refused
}

func bulkID(i int) string { return strings.TrimPrefix(string(sinks.Made(i)), "bulkId:") }

// isRef reports whether an id stands for what another operation creates.
func isRef(id sinks.ID) bool { _, ok := id.MadeBy(); return ok }

func refers(op sinks.Op) bool { return slices.ContainsFunc(op.AddMembers, isRef) }

// errReference is for callers of Do: only DoAll knows what a reference means.
var errReference = errors.New("a member is named by a reference outside of a bulk request")

// link writes ids in the place of references that have one by now. It returns false for
// an operation that has to wait: it refers to something outside of the next request.
func (b *batch) link(i int) bool {
	b.ops[i] = b.named(i)
	for _, id := range b.ops[i].AddMembers {
		if j, ok := id.MadeBy(); ok && (!b.coming(j) || !b.s.usesRefs()) {
			return false
		}
	}
	return true
}

// coming reports whether the next request creates what ops[j] creates.
func (b *batch) coming(j int) bool {
	return slices.ContainsFunc(b.items, func(item bulkItem) bool { return item.index == j && item.Method == http.MethodPost })
}

// named is an operation with the ids that are known.
func (b *batch) named(i int) sinks.Op {
	op := b.ops[i]
	if !refers(op) {
		return op
	}
	op.AddMembers = slices.Clone(op.AddMembers)
	for k, id := range op.AddMembers {
		if j, ok := id.MadeBy(); ok && b.settled[j] && b.results[j].Receipt.ID != "" {
			op.AddMembers[k] = b.results[j].Receipt.ID
		}
	}
	return op
}

// bulkItems prepares an Op: one operation, or two for a group with its first members.
func (s *Sink) bulkItems(ctx context.Context, i int, op sinks.Op) (items []bulkItem, size int, ok bool) {
	item, size, ok := s.bulkItem(ctx, i, op)
	if !ok {
		return nil, 0, false
	}
	items = []bulkItem{item}
	if op.Action != sinks.Create || len(op.AddMembers) == 0 || s.byPut(op.Resource) || s.removal.stopped() != nil || !s.usesRefs() {
		return items, size, true
	}
	add := sinks.Op{AddMembers: op.AddMembers}
	req := request{method: http.MethodPatch, resource: op.Resource, id: sinks.Made(i), body: patchBody(s.memberOperations(add))}
	members := bulkItem{Method: req.method, Path: req.path(), BulkID: bulkID(i) + "m", Data: req.body, index: i, members: true, req: req}
	body, err := encode(members)
	return append(items, members), size + len(body), err == nil
}

// takeMembers notes how the addition of a new group's members was answered. It never makes
// the group fail: members that did not go in are left to the caller.
func (b *batch) takeMembers(ctx context.Context, item bulkItem, got bulkAnswer) {
	i := item.index
	op := b.named(i)
	if !b.settled[i] || b.results[i].Err != nil || refers(op) {
		return // the group, or a member, is not there, or is being made alone
	}
	op.ID = b.results[i].Receipt.ID
	b.results[i].Receipt.Version = got.version
	now, err := echo(item.req, &answer{status: got.status, body: got.response})
	switch {
	case got.status == 0 || got.status >= 500 && got.status != http.StatusNotImplemented || err != nil:
		b.doubted = append(b.doubted, i)
	case got.status > 299 || b.s.judgeMembersOf(ctx, op, now) != nil:
		b.refuted++
	default:
		b.joined = append(b.joined, i)
	}
}

// settle ends a request: what went in by reference is believed once that was seen.
func (b *batch) settle(ctx context.Context, items []bulkItem) {
	for _, item := range items {
		b.settled[item.index] = true
	}
	for _, item := range items {
		if b.ops[item.index].Action == sinks.Update && refers(b.ops[item.index]) {
			b.settleUpdate(item.index)
		}
	}
	if b.refuted > 0 && len(b.joined) == 0 {
		b.s.stopRefs(ctx, "refused")
	}
	for _, i := range b.joined {
		if done := b.s.provenRefs() || b.look(ctx, i); b.ops[i].Action == sinks.Create {
			b.results[i].Receipt.MembersDone = done
		}
	}
	for _, i := range b.doubted {
		b.results[i].Receipt.MembersDone = b.look(ctx, i)
	}
	b.joined, b.doubted, b.refuted = nil, nil, 0
}

func (b *batch) settleUpdate(i int) {
	waits := slices.Contains(b.later, i)
	switch missing := refers(b.named(i)); {
	case missing && !waits && b.results[i].Err == nil:
		b.later = append(b.later, i) // it can't have had its whole effect
	case missing || b.results[i].Err != nil:
	case waits:
		b.refuted++
	default:
		b.joined = append(b.joined, i)
	}
}

// look reads a group whose members went in by reference, and puts right what did not. It
// returns whether all of them are in.
func (b *batch) look(ctx context.Context, i int) bool {
	result, op := &b.results[i], b.named(i)
	fix := sinks.Op{Action: sinks.Update, Resource: op.Resource, ID: op.ID}
	if result.Err != nil {
		return false
	}
	if op.Action == sinks.Create {
		fix.ID = result.Receipt.ID
	}
	shown, _, err := b.s.membersOf(ctx, fix.ID)
	if fix.AddMembers, _ = missing(op.AddMembers, shown, nil); err == nil && len(fix.AddMembers) == 0 {
		b.s.proveRefs()
		return true
	}
	if err == nil {
		b.s.stopRefs(ctx, "not resolved")
		fix.RemoveMembers = slices.DeleteFunc(shown, func(id sinks.ID) bool { return !isRef(id) })
		_, err = b.s.Do(ctx, fix)
	}
	if err != nil && op.Action == sinks.Update {
		result.Err = fmt.Errorf("look at members that were added by reference: %w", err)
	}
	result.Receipt.Version = ""
	return err == nil
}

// late sends what had to wait for ids. A group of which a member could not be made leaves
// all of them to the caller.
func (b *batch) late(ctx context.Context) {
	for i := range b.ops {
		b.settled[i] = true
	}
	for _, i := range b.later {
		b.ops[i] = b.named(i)
		switch {
		case !refers(b.ops[i]):
			b.single(ctx, i)
		case b.ops[i].Action == sinks.Create:
			b.ops[i].AddMembers = nil
			b.single(ctx, i)
		default:
			b.results[i] = sinks.Result{Err: &sinks.Error{
				Class: sinks.Rejected, Op: request{method: http.MethodPatch, resource: b.ops[i].Resource, id: b.ops[i].ID}.op(),
				Message: "not done: a member was to be made together with this change, and could not be",
				Hint:    "See why the member could not be made; the change is tried again later.",
			}}
		}
	}
	b.singles.Wait()
}

// usesRefs reports whether references are worth sending.
func (s *Sink) usesRefs() bool {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	return !s.bulk.refsBroken && !s.unreadable()
}

func (s *Sink) provenRefs() bool {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	return s.bulk.refsProven && !s.bulk.refsBroken
}

func (s *Sink) proveRefs() {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	s.bulk.refsProven = true
}

func (s *Sink) stopRefs(ctx context.Context, why string) {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	if !s.bulk.refsBroken {
		s.bulk.refsBroken = true
		s.log.WarnContext(ctx, "references within bulk requests don't work; members follow in requests of their own", "reason", why)
	}
}
