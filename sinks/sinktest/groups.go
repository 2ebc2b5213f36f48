package sinktest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
)

func runGroups(t *testing.T, fresh Harness) {
	t.Run("create, rename, delete", func(t *testing.T) {
		b := begin(t, fresh)
		id := b.create(sinks.Group, map[string]any{"displayName": "Staff", "externalId": "g1"})
		b.wantHeld(sinks.Group, id, map[string]any{"displayName": "Staff", "externalId": "g1"})
		b.update(sinks.Group, id, map[string]any{"displayName": "Everybody"})
		b.wantHeld(sinks.Group, id, map[string]any{"displayName": "Everybody", "externalId": "g1"})
		b.do(sinks.Op{Action: sinks.Delete, Resource: sinks.Group, ID: id})
		if _, ok := b.held(sinks.Group, id); ok {
			t.Error("the application still has the group")
		}
	})
	t.Run("first members", testFirstMembers(fresh))
	t.Run("members in chunks", testChunks(fresh))
	t.Run("rename keeps members", func(t *testing.T) {
		b := begin(t, fresh)
		ids := b.crowd(3)
		id := b.create(sinks.Group, map[string]any{"displayName": "Staff"})
		b.members(id, ids, nil)
		b.update(sinks.Group, id, map[string]any{"displayName": "Renamed"})
		b.wantMembers(id, ids)
	})
	t.Run("rename and members at once", func(t *testing.T) {
		b := begin(t, fresh)
		ids := b.crowd(4)
		id := b.create(sinks.Group, map[string]any{"displayName": "Staff"})
		b.members(id, ids[:2], nil)
		b.do(sinks.Op{
			Action: sinks.Update, Resource: sinks.Group, ID: id, AddMembers: ids[2:], RemoveMembers: ids[:1],
			Attributes: []sinks.Attribute{{Path: "displayName", Value: "Both"}},
		})
		b.wantMembers(id, ids[1:])
		b.wantHeld(sinks.Group, id, map[string]any{"displayName": "Both"})
	})
	t.Run("the last member leaves", func(t *testing.T) {
		b := begin(t, fresh)
		ids := b.crowd(2)
		id := b.create(sinks.Group, map[string]any{"displayName": "Staff"})
		b.members(id, ids, nil)
		b.members(id, nil, ids[:1])
		b.wantMembers(id, ids[1:])
		b.members(id, nil, ids[1:])
		b.wantMembers(id, nil)
		b.members(id, ids[:1], nil)
		b.wantMembers(id, ids[:1])
	})
}

// testFirstMembers creates a group with members. Where the receipt does not prove that
// they were taken, adding them again must be harmless.
func testFirstMembers(fresh Harness) func(*testing.T) {
	return func(t *testing.T) {
		b := begin(t, fresh)
		ids := b.crowd(3)
		receipt := b.do(sinks.Op{
			Action: sinks.Create, Resource: sinks.Group, AddMembers: ids,
			Attributes: []sinks.Attribute{{Path: "displayName", Value: "Staff"}},
		})
		if !receipt.MembersDone {
			b.members(receipt.ID, ids, nil)
		}
		b.wantMembers(receipt.ID, ids)
	}
}

func testChunks(fresh Harness) func(*testing.T) {
	return func(t *testing.T) {
		b := begin(t, fresh)
		ids := b.crowd(250)
		id := b.create(sinks.Group, map[string]any{"displayName": "Staff"})
		b.members(id, ids, nil)
		b.wantMembers(id, ids)
		b.members(id, nil, ids[:130])
		b.wantMembers(id, ids[130:])
		b.members(id, ids[:10], ids[240:])
		b.wantMembers(id, slices.Concat(ids[:10], ids[130:240]))
	}
}

// members changes members as the engine does: in chunks of Limits.Members.
func (b bench) members(group sinks.ID, add, remove []sinks.ID) {
	b.t.Helper()
	most := b.Sink.Limits().Members
	for len(add)+len(remove) > 0 {
		a := min(len(add), most)
		r := min(len(remove), most-a)
		b.do(sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: group, AddMembers: add[:a], RemoveMembers: remove[:r]})
		add, remove = add[a:], remove[r:]
	}
}

func (b bench) wantMembers(group sinks.ID, want []sinks.ID) {
	b.t.Helper()
	o, ok := b.held(sinks.Group, group)
	if !ok {
		b.t.Fatalf("the application has no group %s", group)
	}
	if diff := cmp.Diff(sorted(want), sorted(o.Members)); diff != "" {
		b.t.Errorf("members in the application (-want +got):\n%s", diff)
	}
	if b.Sink.Limits().MembersUnreadable {
		return
	}
	read, err := b.Sink.Get(b.t.Context(), sinks.Query{Resource: sinks.Group, Members: true}, group)
	if err != nil {
		b.t.Fatal(err)
	}
	if diff := cmp.Diff(sorted(want), sorted(read.Members)); diff != "" && (read.MembersKnown || len(want) > 0) {
		b.t.Errorf("members read back (-want +got):\n%s", diff)
	}
}

func sorted(ids []sinks.ID) []sinks.ID {
	return append([]sinks.ID{}, slices.Sorted(slices.Values(ids))...)
}
