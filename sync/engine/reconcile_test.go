package engine_test

import (
	"context"
	"slices"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// TestDrift: a reconcile repairs what somebody changed in the app, where it is ours, and
// reports who vanished and whom nobody manages.
func TestDrift(t *testing.T) {
	r := newRig(t, options{})
	r.fill(8)
	r.dir.PutUser(user(5, "manager", "u6"))
	r.dir.PutGroup(group(1, 1, 2))
	r.run("succeeded", engine.Request{})
	must(t, r.app.Edit(r.account(0).ID, "title", "Hacker"))
	must(t, r.app.Edit(r.account(0).ID, "nickName", "not ours"))
	must(t, r.app.Edit(r.account(3).ID, "active", false))
	must(t, r.app.Edit(r.account(5).ID, manager, map[string]any{"value": r.account(7).ID}))
	g := r.app.Groups()[0].ID
	must(t, r.app.RemoveMember(g, r.account(1).ID))
	must(t, r.app.AddMember(g, r.account(4).ID))
	stranger := r.app.AddUser(map[string]any{"userName": "stranger@example.com"})
	must(t, r.app.AddMember(g, stranger))
	must(t, r.app.Remove(r.account(6).ID))
	c := r.run("succeeded", engine.Request{Reconcile: true})
	equal(t, "drift", *c.Drift, state.Drift{Repaired: 5, Vanished: 1, Unmanaged: 1})
	equal(t, "title", r.account(0).Values["title"], any("Engineer"))
	equal(t, "nickName", r.account(0).Values["nickName"], any("not ours"))
	equal(t, "active", r.account(3).Active, true)
	equal(t, "vanished", r.account(6).Active, true)
	equal(t, "manager", r.account(5).Values[manager+".value"], any(r.account(6).ID))
	equal(t, "members", r.members(1), []string{"", "u1", "u2"}) // the stranger is left alone
	if !r.logged("u6", provlog.CodeVanished) {
		t.Error("the log does not say that the account vanished")
	}
	c = r.run("succeeded", engine.Request{Reconcile: true})
	equal(t, "writes", r.app.Counts().Writes(), 0)
	equal(t, "drift", *c.Drift, state.Drift{Unmanaged: 1})
}

// hiding is an app that leaves one account out of its lists.
type hiding struct {
	engine.Sink
	id sinks.ID
}

func (h hiding) List(ctx context.Context, q sinks.Query, cursor string) (*sinks.Page, error) {
	p, err := h.Sink.List(ctx, q, cursor)
	if err == nil {
		p.Objects = slices.DeleteFunc(p.Objects, func(o sinks.Object) bool { return o.ID == h.id })
	}
	return p, err
}

// TestListsThatHide: an account that the app leaves out of its lists, but shows when it is
// asked for by id, has not vanished, and hides nobody who is unmanaged.
func TestListsThatHide(t *testing.T) {
	r := newRig(t, options{})
	r.fill(3)
	r.run("succeeded", engine.Request{})
	r.app.AddUser(map[string]any{"userName": "stranger@example.com"})
	r.job.Sink = hiding{r.job.Sink, sinks.ID(r.account(1).ID)}
	c := r.run("succeeded", engine.Request{Reconcile: true})
	equal(t, "drift", *c.Drift, state.Drift{Unmanaged: 1})
	equal(t, "accounts", len(r.app.Users()), 4)
}

// TestHiddenMembers: where groups never show their members, what was acknowledged counts,
// and a reconcile sends nothing.
func TestHiddenMembers(t *testing.T) {
	for name, q := range map[string]scimtest.Quirks{
		"never shown":            {MembersNeverShown: true},
		"always empty":           {MembersAlwaysEmpty: true},
		"always empty, appended": {MembersAlwaysEmpty: true, MemberAddAgain: scimtest.Append},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, options{app: scimtest.Options{Quirks: q}})
			r.fill(4)
			r.dir.PutGroup(group(1, 1, 2))
			r.run("succeeded", engine.Request{})
			r.dir.PutGroup(group(1, 2, 3))
			r.run("succeeded", engine.Request{})
			equal(t, "members", r.members(1), []string{"u2", "u3"})
			for range 2 {
				c := r.run("succeeded", engine.Request{Reconcile: true})
				equal(t, "writes", r.app.Counts().Writes(), 0)
				equal(t, "drift", *c.Drift, state.Drift{})
				again := *r.job // another process, which knows nothing of the app yet
				sink, err := scim.New(scim.Config{BaseURL: r.url, Auth: bearer()}, nil, nil)
				must(t, err)
				again.Sink = sink
				r.job = &again
			}
		})
	}
}
