package engine_test

import (
	"testing"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

// Who is in an application's scope as a member of an assigned group leaves it with the
// group, although nothing is said about the person; who is assigned directly stays. The
// group may be assigned still, as providers' lists of assignments lag behind.
func TestScopeEndsWithTheGroup(t *testing.T) {
	for name, req := range map[string]engine.Request{"incremental": {}, "full": {Full: true}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, options{scope: mapping.Scope{App: "wiki"}})
			r.fill(5)
			r.dir.PutGroup(group(1, 1, 2, 3))
			r.dir.PutGroup(group(2, 3))
			r.dir.Assign("wiki", sources.Assignment{Kind: sources.KindGroup, ID: "g1"}, true)
			r.dir.Assign("wiki", sources.Assignment{Kind: sources.KindGroup, ID: "g2"}, true)
			r.dir.Assign("wiki", sources.Assignment{Kind: sources.KindUser, ID: "u2"}, true)
			r.run("succeeded", engine.Request{})
			equal(t, "accounts", len(r.app.Users()), 3)
			r.dir.RemoveGroup("g1")
			r.run("succeeded", req)
			equal(t, "disabled", r.disabled(), []string{"u1"})
			r.dir.PutGroup(group(1, 1, 2))
			r.run("succeeded", req)
			equal(t, "disabled when the group is back", r.disabled(), []string{})
		})
	}
}

// Who joins an assigned group comes into the application's scope with that, and who leaves
// it goes, although nothing is said about the person.
func TestScopeFollowsMembership(t *testing.T) {
	for name, req := range map[string]engine.Request{"incremental": {}, "full": {Full: true}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, options{scope: mapping.Scope{App: "wiki"}})
			r.fill(5)
			r.dir.PutGroup(group(1, 1, 2, 3))
			r.dir.Assign("wiki", sources.Assignment{Kind: sources.KindGroup, ID: "g1"}, true)
			r.run("succeeded", engine.Request{})
			equal(t, "accounts", len(r.app.Users()), 3)
			r.dir.PutGroup(group(1, 2, 3, 4))
			r.run("succeeded", req)
			equal(t, "accounts when one has joined", len(r.app.Users()), 4)
			equal(t, "disabled", r.disabled(), []string{"u1"})
			r.dir.PutGroup(group(1, 1, 2, 3))
			r.run("succeeded", req)
			equal(t, "disabled when one is back", r.disabled(), []string{"u4"})
		})
	}
}
