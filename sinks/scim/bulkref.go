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

// refs is what a batch knows of members that go in together with what makes their group,
// or, by bulkId (RFC 7644 section 3.7.2), with what makes them. Most answers in bulk show
// nothing, and a server may drop such members and answer success. So the first ones are
// read back; references always, since SCIMMY resolves one of several in an operation and
// takes the others for ids. Where members can't be read they follow later.
type refs struct {
	settled map[int]bool // operations whose result is final
	later   []int        // operations that have to wait for others
	joined  []int        // those whose members went in, says the server
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

// settle ends a request: members that went in are believed once some were seen.
func (b *batch) settle(ctx context.Context, items []bulkItem) {
	for _, item := range items {
		b.settled[item.index] = true
	}
	for _, item := range items {
		op := b.ops[item.index]
		if op.Action == sinks.Create && item.creation.body.get(sinks.PathMembers) != nil || op.Action == sinks.Update && refers(op) {
			b.sort(ctx, item.index)
		}
	}
	if b.refuted > 0 && len(b.joined) == 0 {
		b.s.stopRefs(ctx)
	}
	for _, i := range b.joined {
		if done := b.s.provenMembers() && !refers(b.ops[i]) || b.look(ctx, i); b.ops[i].Action == sinks.Create {
			b.results[i].Receipt.MembersDone = done
		}
	}
	b.joined, b.refuted = nil, 0
}

// sort says what became of an operation with members.
func (b *batch) sort(ctx context.Context, i int) {
	unmade, waits := refers(b.named(i)), slices.Contains(b.later, i)
	switch r := b.results[i]; {
	case unmade && !waits && r.Err == nil && b.ops[i].Action == sinks.Update:
		b.later = append(b.later, i) // it can't have had its whole effect
		b.results[i].Err = b.takeOut(ctx, b.ops[i].ID, isRef)
	case unmade && !waits && r.Err == nil:
		// The receipt leaves all members to the caller, and nobody may be added twice.
		b.results[i].Err = b.takeOut(ctx, r.Receipt.ID, func(sinks.ID) bool { return true })
	case unmade || r.Err != nil:
	case waits:
		b.refuted++
	case r.Receipt.MembersDone: // its answer showed them
		b.s.proveMembers()
	default:
		b.joined = append(b.joined, i)
	}
}

// look reads a group whose members went in, and puts right what did not. It returns
// whether all of them are in.
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
		b.s.proveMembers()
		return true
	}
	if err == nil && len(shown) == 0 && b.s.tookUnseen(ctx, fix.ID, op.AddMembers) {
		return true
	}
	if err == nil {
		if b.s.stopRefs(ctx); !refers(b.ops[i]) {
			b.s.stopMembers(ctx)
		}
		fix.RemoveMembers = slices.DeleteFunc(shown, func(id sinks.ID) bool { return !isRef(id) })
		_, err = b.s.Do(ctx, fix)
	}
	if err != nil && op.Action == sinks.Update {
		result.Err = fmt.Errorf("look at members that were added in a bulk request: %w", err)
	}
	result.Receipt.Version = ""
	return err == nil
}

// takeOut removes members that went into a group together with one that could not be made.
func (b *batch) takeOut(ctx context.Context, group sinks.ID, which func(sinks.ID) bool) error {
	shown, _, err := b.s.membersOf(ctx, group)
	wrong := slices.DeleteFunc(shown, func(id sinks.ID) bool { return !which(id) })
	if err == nil && len(wrong) > 0 {
		_, err = b.s.Do(ctx, sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: group, RemoveMembers: wrong})
	}
	if err != nil {
		return fmt.Errorf("take out what went into a group in part: %w", err)
	}
	return nil
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

// joinsMembers reports whether members go into the operation that makes their group.
func (s *Sink) joinsMembers() bool {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	return !s.bulk.membersLost && !s.unreadable()
}

// usesRefs reports whether members go in by reference.
func (s *Sink) usesRefs() bool {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	return !s.bulk.refsLost && !s.bulk.membersLost && !s.unreadable()
}

func (s *Sink) provenMembers() bool {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	return s.bulk.membersProven && !s.bulk.membersLost
}

func (s *Sink) proveMembers() {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	s.bulk.membersProven = true
}

func (s *Sink) stopMembers(ctx context.Context) {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	if !s.bulk.membersLost {
		s.bulk.membersLost = true
		s.log.WarnContext(ctx, "a group that was made in a bulk request lacks members; they follow in requests of their own")
	}
}

func (s *Sink) stopRefs(ctx context.Context) {
	s.bulk.Lock()
	defer s.bulk.Unlock()
	if !s.bulk.refsLost {
		s.bulk.refsLost = true
		s.log.WarnContext(ctx, "references in a bulk request are not resolved; none are used any more")
	}
}
