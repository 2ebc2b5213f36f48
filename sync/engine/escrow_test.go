package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/sourcetest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// poison is an app that takes everybody but one.
type poison struct{ discard }

func (p *poison) Do(ctx context.Context, op sinks.Op) (sinks.Receipt, error) {
	for _, a := range op.Attributes {
		if a.Path == sinks.PathExternalID && a.Value == "u777" {
			return sinks.Receipt{}, &sinks.Error{Class: sinks.Rejected, Op: "POST /Users", Status: 400, Message: "no"}
		}
	}
	return p.discard.Do(ctx, op)
}

// TestPoison: one object that the app refuses stops none of 10,000 others.
func TestPoison(t *testing.T) {
	const n = 10_000
	r := newRig(t, options{})
	r.job.Sink = &poison{}
	r.dir.PageSize = 1000
	r.dir.CrowdSize, r.dir.Crowd = n, func(i int) sources.User { return user(i) }
	c := r.run("partial", engine.Request{})
	equal(t, "created", c.Users.Created, n-1)
	equal(t, "failed", c.Users.Failed, 1)
	e := r.escrow()
	equal(t, "escrow", len(e), 1)
	equal(t, "object", e[0].SourceID, "u777")
	equal(t, "code", e[0].Code, string(provlog.CodeRejected))
}

// TestRepair: an object leaves the escrow when its source is repaired, at once, however
// far away its next try was.
func TestRepair(t *testing.T) {
	r := newRig(t, options{app: scimtest.Options{Quirks: scimtest.Quirks{DisplayNameForbids: "#"}}})
	r.fill(5)
	r.dir.PutUser(user(2, "displayName", "Bad #2"))
	for range 6 {
		r.run("partial", engine.Request{})
		r.now = r.now.Add(24 * time.Hour)
	}
	r.run("partial", engine.Request{})
	equal(t, "attempts", r.escrow()[0].Attempts, 7)
	r.dir.PutUser(user(2))
	r.run("succeeded", engine.Request{})
	equal(t, "escrow", len(r.escrow()), 0)
	equal(t, "account", r.account(2).Active, true)
}

// TestRestartEscrows makes everything due at once.
func TestRestartEscrows(t *testing.T) {
	r := newRig(t, options{})
	r.fill(3)
	r.app.Inject(scimtest.Fault{Method: "POST", Status: 400})
	r.run("partial", engine.Request{})
	r.run("partial", engine.Request{})
	r.app.ClearFaults()
	r.run("partial", engine.Request{})
	equal(t, "requests before they are due", r.app.Counts().Writes(), 0)
	j, err := r.store.Job(t.Context(), r.job.Name)
	must(t, err)
	must(t, r.store.Restart(t.Context(), j.ID, state.Restart{Escrows: true}))
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", len(r.app.Users()), 3)
}

// TestWaitingForAManager is no failure: the reference is written when its target has an
// account, and the former one goes at once.
func TestWaitingForAManager(t *testing.T) {
	r := newRig(t, options{})
	r.fill(3)
	r.dir.PutUser(user(1, "manager", "u2"))
	r.dir.PutUser(user(9, "active", false))
	r.run("succeeded", engine.Request{})
	equal(t, "manager", r.account(1).Values[manager+".value"], any(r.account(2).ID))
	r.dir.PutUser(user(1, "manager", "u9"))
	r.run("succeeded", engine.Request{})
	equal(t, "escrow", len(r.escrow()), 0)
	equal(t, "manager", r.account(1).Values[manager+".value"], nil)
	r.dir.PutUser(user(9))
	r.run("succeeded", engine.Request{})
	equal(t, "manager", r.account(1).Values[manager+".value"], any(r.account(9).ID))
}

// TestConflict: after a 409 the account is looked for by everything that may be unique,
// and adopted when it is nobody's.
func TestConflict(t *testing.T) {
	for name, attrs := range map[string]map[string]any{
		"externalId": {"userName": "other@example.com", "externalId": "u1"},
		"userName":   {"userName": "USER1@example.com"},
		"mail":       {"userName": "other@example.com", "emails": []any{map[string]any{"type": "work", "value": "user1@example.com"}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, options{})
			r.fill(5)
			id := r.app.AddUser(attrs)
			if name != "userName" { // which is found before anything is sent
				r.app.Inject(scimtest.Fault{Method: "POST", Path: "/Users", Match: func(q scimtest.Request) bool { return true }, Skip: 1, Times: 1, Status: 409})
				r.job.Sink = lonely{r.job.Sink}
			}
			r.run("succeeded", engine.Request{})
			equal(t, "accounts", len(r.app.Users()), 5)
			equal(t, "adopted", r.account(1).ID, id)
			equal(t, "name", r.account(1).UserName, "user1@example.com")
		})
	}
}

// lonely is an app that is worth one request at a time, so that a fault meets the object
// it is meant for.
type lonely struct{ engine.Sink }

func (l lonely) Limits() sinks.Limits {
	out := l.Sink.Limits()
	out.Concurrency = 1
	return out
}

// TestConflictWithoutAnybody: the value is taken, and no account that holds it can be
// found.
func TestConflictWithoutAnybody(t *testing.T) {
	r := newRig(t, options{})
	r.fill(3)
	r.app.Inject(scimtest.Fault{Method: "POST", Path: "/Users", Status: 409, Times: 1})
	r.run("partial", engine.Request{})
	equal(t, "code", r.escrow()[0].Code, string(provlog.CodeConflict))
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", len(r.app.Users()), 3)
}

// TestUnlink: a dropped link is matched anew, without a write where all is equal.
func TestUnlink(t *testing.T) {
	r := newRig(t, options{})
	r.fill(3)
	r.dir.PutGroup(group(1, 1))
	r.run("succeeded", engine.Request{})
	j, err := r.store.Job(t.Context(), r.job.Name)
	must(t, err)
	found, err := r.store.FindObjects(t.Context(), state.ClaimQuery{Job: j.ID, Resource: sinks.User}, "u1")
	must(t, err)
	must(t, r.store.Unlink(t.Context(), found[0].ID))
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", len(r.app.Users()), 3)
	equal(t, "members", r.members(1), []string{"u1"})
	r.dir.PutUser(user(1, "title", "Director"))
	r.run("succeeded", engine.Request{})
	equal(t, "title", r.account(1).Values["title"], any("Director"))
}

// short is a source whose full reads leave some people and groups out, although they are
// there when asked for by id.
type short struct {
	*sourcetest.Directory
	left map[sources.ID]bool
}

func (s *short) Read(ctx context.Context, q sources.Query, at sources.Cursor) (*sources.Page, error) {
	p, err := s.Directory.Read(ctx, q, at)
	if err != nil {
		return nil, err
	}
	out := *p
	out.Users, out.Groups = nil, nil
	for _, u := range p.Users {
		if !s.left[u.ID] {
			out.Users = append(out.Users, u)
		}
	}
	for _, g := range p.Groups {
		if !s.left[g.ID] {
			out.Groups = append(out.Groups, g)
		}
	}
	return &out, nil
}

// TestShortReadIsConfirmed: nobody is deleted for being missing from a list alone. Who is
// there when asked for by id keeps the account, and the read is not believed.
func TestShortReadIsConfirmed(t *testing.T) {
	for name, id := range map[string]sources.ID{"user": "u1", "group": "g1"} {
		t.Run(name, func(t *testing.T) {
			src := &short{left: map[sources.ID]bool{}}
			r := newRig(t, options{source: src, policy: func(p *plan.Policy) { p.Deleted = plan.Delete }})
			src.Directory = r.dir
			r.fill(20)
			r.dir.PutGroup(group(1, 1, 2))
			r.dir.PutGroup(group(2, 3))
			r.run("succeeded", engine.Request{})
			src.left[id] = true
			c := r.run("failed", engine.Request{Full: true})
			equal(t, "code", c.Error.Code, string(provlog.CodeIncompleteSource))
			equal(t, "writes", r.app.Counts().Writes(), 0)
			delete(src.left, id)
			c = r.run("succeeded", engine.Request{})
			equal(t, "kind", c.Kind, "initial")
			equal(t, "writes", r.app.Counts().Writes(), 0)
			r.leave(1, 2)
			r.dir.RemoveGroup("g1")
			r.run("succeeded", engine.Request{Full: true})
			equal(t, "accounts", len(r.app.Users()), 19)
			equal(t, "groups", len(r.app.Groups()), 1)
		})
	}
}

// TestSoftlyDeletedIsNotShort: a full read doesn't show who is in the recycle bin; the
// account is disabled and not deleted.
func TestSoftlyDeletedIsNotShort(t *testing.T) {
	r := newRig(t, options{policy: func(p *plan.Policy) { p.Deleted = plan.Delete }})
	r.fill(20)
	r.run("succeeded", engine.Request{})
	r.dir.RemoveUser("u1", sources.RemovedSoft)
	for range 3 {
		r.run("succeeded", engine.Request{Full: true, AllowDeletions: true})
	}
	equal(t, "disabled", r.disabled(), []string{"u1"})
}
