package engine_test

import (
	"net/http"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// A name is handed on to somebody whose turn comes before that of who gives it up: who
// reports to somebody without an account is worked on in a later pass.
func TestNameHandedOnAcrossPasses(t *testing.T) {
	r := newRig(t, options{})
	r.fill(3)
	r.run("succeeded", engine.Request{})
	r.dir.PutUser(user(9, "active", false))
	r.dir.PutUser(user(0, "userName", "user1@example.com"))
	r.dir.PutUser(user(1, "userName", "new@example.com", "manager", "u9"))
	r.run("succeeded", engine.Request{})
	equal(t, "the name's new owner", r.account(0).UserName, "user1@example.com")
	equal(t, "its old owner", r.account(1).UserName, "new@example.com")
}

// Two swap their names while one of them is provisioned on demand, before or after that
// one was tried again: the cycle leaves that one alone and goes on with everybody else.
func TestSwapBesideProvision(t *testing.T) {
	for _, c := range []struct {
		name string
		at   int // the turn of the swap's PATCH at which somebody else takes the other one
	}{{"before its turn", 3}, {"before it steps aside", 4}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, options{})
			r.fill(5)
			r.run("succeeded", engine.Request{})
			paths := map[string]int{"/Users/" + r.account(1).ID: 1, "/Users/" + r.account(2).ID: 2}
			r.dir.PutUser(user(1, "userName", "user2@example.com"))
			r.dir.PutUser(user(2, "userName", "user1@example.com"))
			r.dir.PutUser(user(3, "title", "Director"))
			var turn int
			var lease *state.Lease
			var err error
			r.app.Inject(scimtest.Fault{Method: http.MethodPatch, Match: func(req scimtest.Request) bool {
				if i := paths[req.Path]; i != 0 {
					if turn++; turn == c.at {
						lease, err = r.provisions(3 - i)
					}
				}
				return false
			}})
			r.run("partial", engine.Request{})
			r.app.ClearFaults()
			if lease == nil || err != nil {
				t.Fatalf("nobody was provisioned on demand meanwhile: %v", err)
			}
			equal(t, "somebody else's change", r.account(3).Values["title"], any("Director"))
			must(t, lease.Release(t.Context()))
			r.run("succeeded", engine.Request{})
			equal(t, "one", r.account(1).UserName, "user2@example.com")
			equal(t, "two", r.account(2).UserName, "user1@example.com")
			equal(t, "escrow", len(r.escrow()), 0)
		})
	}
}

// provisions has user i claimed by a provision on demand that takes its time.
func (r *rig) provisions(i int) (*state.Lease, error) {
	ctx := r.t.Context()
	job, err := r.store.Job(ctx, r.job.Name)
	if err != nil {
		return nil, err
	}
	lease, err := r.store.LeaseProvision(ctx, job)
	if err != nil {
		return nil, err
	}
	q := state.ClaimQuery{Job: job.ID, Holder: lease.Holder, Resource: sinks.User}
	found, err := r.store.FindObjects(ctx, q, string(user(i).ID))
	if err == nil {
		_, err = r.store.ClaimOne(ctx, q, found[0].ID)
	}
	return lease, err
}
