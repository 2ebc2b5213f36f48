package engine_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

var salesOnly = mapping.Scope{Users: `user.department != "Sales"`}

// outage is a network that can be cut: requests then get no connection.
type outage struct {
	next http.RoundTripper
	down atomic.Bool
	only string // cuts this method alone; empty: all
}

func (o *outage) RoundTrip(r *http.Request) (*http.Response, error) {
	if o.down.Load() && (o.only == "" || o.only == r.Method) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	return o.next.RoundTrip(r)
}

func newOutage(t *testing.T, o options) (*rig, *outage) {
	t.Helper()
	cut := &outage{}
	o.clients = func(next http.RoundTripper) http.RoundTripper { cut.next = next; return cut }
	return newRig(t, o), cut
}

// TestOutageWhileDisabling: who left while the app could not be reached is disabled when
// it is back.
func TestOutageWhileDisabling(t *testing.T) {
	r, cut := newOutage(t, options{})
	r.fill(10)
	r.run("succeeded", engine.Request{})
	r.dir.PutUser(user(1, "active", false))
	cut.down.Store(true)
	c := r.run("failed", engine.Request{})
	equal(t, "code", c.Error.Code, string(provlog.CodeUnreachable))
	equal(t, "quarantined", c.Quarantined, true)
	cut.down.Store(false)
	r.run("succeeded", engine.Request{})
	equal(t, "active", r.account(1).Active, false)
}

// TestOneChangeIntoAnOutage: a cycle with a single change that could not be sent has not
// succeeded.
func TestOneChangeIntoAnOutage(t *testing.T) {
	r, cut := newOutage(t, options{})
	r.fill(3)
	r.run("succeeded", engine.Request{})
	r.dir.PutUser(user(1, "title", "Director"))
	cut.down.Store(true)
	c := r.run("failed", engine.Request{})
	equal(t, "code", c.Error.Code, string(provlog.CodeUnreachable))
	equal(t, "escrow", len(r.escrow()), 0)
	cut.down.Store(false)
	r.run("succeeded", engine.Request{})
	equal(t, "title", r.account(1).Values["title"], any("Director"))
}

// TestTwoObjectsOneAccount: two objects of the source that match the same account don't
// stop the job, and only one of them gets it.
func TestTwoObjectsOneAccount(t *testing.T) {
	for name, unique := range map[string]bool{"unique": true, "not unique": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, options{app: scimtest.Options{Quirks: scimtest.Quirks{UserNameNotUnique: !unique}}})
			r.fill(20)
			id := r.app.AddUser(map[string]any{"userName": "twin@example.com", "active": true})
			r.dir.PutUser(user(30, "userName", "twin@example.com"))
			r.dir.PutUser(user(31, "userName", "twin@example.com"))
			c := r.run("partial", engine.Request{})
			equal(t, "created", c.Users.Created, 20)
			e := r.escrow()
			equal(t, "escrow", len(e), 1)
			equal(t, "code", e[0].Code, string(provlog.CodeConflict))
			if !strings.Contains(e[0].Message, id) {
				t.Errorf("the message does not name the account: %s", e[0].Message)
			}
			equal(t, "accounts", len(r.app.UsersNamed("twin@example.com")), 1)
			// One, and another form of it since the account has no mail address yet.
			equal(t, "changes of the account", r.app.Counts().Of("PATCH"), 2)
			r.run("partial", engine.Request{Full: true})
		})
	}
}

// TestRenameToATakenName: a rename that somebody else's account is in the way of leaves
// the user's present name alone.
func TestRenameToATakenName(t *testing.T) {
	r := newRig(t, options{})
	r.fill(5)
	r.run("succeeded", engine.Request{})
	r.app.AddUser(map[string]any{"userName": "taken@example.com", "active": true})
	r.dir.PutUser(user(1, "userName", "taken@example.com"))
	r.dir.PutUser(user(2, "userName", "user1@example.com")) // waits for user 1, who can't move
	r.run("partial", engine.Request{})
	equal(t, "one", r.account(1).UserName, "user1@example.com")
	equal(t, "two", r.account(2).UserName, "user2@example.com")
	equal(t, "escrow", len(r.escrow()), 2)
}

// TestReturnWithOtherAttributes: what changed for a person while out of scope is sent on
// the return.
func TestReturnWithOtherAttributes(t *testing.T) {
	r := newRig(t, options{scope: salesOnly})
	r.fill(10)
	r.run("succeeded", engine.Request{})
	r.dir.PutUser(user(1, "department", "Sales"))
	r.run("succeeded", engine.Request{})
	equal(t, "active", r.account(1).Active, false)
	r.dir.PutUser(user(1, "department", "Sales", "title", "Director"))
	r.run("succeeded", engine.Request{})
	r.dir.PutUser(user(1, "title", "Director"))
	r.run("succeeded", engine.Request{})
	equal(t, "active", r.account(1).Active, true)
	equal(t, "title", r.account(1).Values["title"], any("Director"))
}

// TestVanishedUserKeepsItsGroups: an account that somebody deleted in the app is made
// again, with its memberships and as its reports' manager.
func TestVanishedUserKeepsItsGroups(t *testing.T) {
	r := newRig(t, options{})
	r.fill(5)
	r.dir.PutUser(user(2, "manager", "u1"))
	r.dir.PutGroup(group(1, 1, 2))
	r.run("succeeded", engine.Request{})
	must(t, r.app.Remove(r.account(1).ID))
	r.dir.PutUser(user(1, "title", "Director"))
	r.run("succeeded", engine.Request{})
	equal(t, "members", r.members(1), []string{"u1", "u2"})
	equal(t, "manager", r.account(2).Values[manager+".value"], any(r.account(1).ID))
	if !r.logged("u1", provlog.CodeVanished) {
		t.Error("the log does not say that the account vanished")
	}
}

// TestMembershipBackoff: a group whose members are refused again and again is tried less
// and less often.
func TestMembershipBackoff(t *testing.T) {
	r := newRig(t, options{})
	r.fill(5)
	r.dir.PutGroup(group(1, 1))
	r.run("succeeded", engine.Request{})
	r.app.Inject(scimtest.Fault{Method: "PATCH", Path: "/Groups/{id}", Status: 400})
	r.dir.PutGroup(group(1, 1, 2))
	for range 4 {
		r.run("partial", engine.Request{})
		r.now = r.now.Add(40 * time.Minute)
	}
	e := r.escrow()
	equal(t, "escrow", len(e), 1)
	equal(t, "attempts", e[0].Attempts, 2)
	r.app.ClearFaults()
	r.now = r.now.Add(6 * time.Hour)
	r.run("succeeded", engine.Request{})
	equal(t, "members", r.members(1), []string{"u1", "u2"})
}

// TestBusyAppEnds: an app that refuses one object with 412 for ever neither hangs a cycle
// nor hides that object.
func TestBusyAppEnds(t *testing.T) {
	r := newRig(t, options{})
	r.fill(5)
	r.run("succeeded", engine.Request{})
	r.app.Inject(scimtest.Fault{Method: "PATCH", Path: "/Users/{id}", Status: 412})
	r.dir.PutUser(user(1, "title", "Director"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run("partial", engine.Request{})
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the cycle does not end")
	}
}

// TestExistingPolicyAfterACrash: what a process had claimed when it died is not taken for
// its own work where the app shows somebody else's.
func TestExistingPolicyAfterACrash(t *testing.T) {
	r, crash := newCrash(t, options{policy: func(p *plan.Policy) { p.Existing = plan.Fail }})
	r.fill(3)
	r.app.AddUser(map[string]any{"userName": "user1@example.com", "title": "Somebody else", "active": true})
	crash.before(http.MethodPost)
	r.run("partial", engine.Request{})
	equal(t, "title", r.app.UsersNamed("user1@example.com")[0].Values["title"], any("Somebody else"))
}

// TestUnclearSurvivesAFailedLook: that an account may be ours is not forgotten when the
// look for it fails.
func TestUnclearSurvivesAFailedLook(t *testing.T) {
	r := newRig(t, options{policy: func(p *plan.Policy) { p.Existing = plan.Fail }})
	r.fill(1)
	r.app.Inject(scimtest.Fault{Method: "POST", Path: "/Users", DropAfter: true, Times: 1})
	r.app.Inject(scimtest.Fault{Method: "GET", Path: "/Users?filter", Status: 500, Times: 2})
	r.run("partial", engine.Request{})
	r.run("partial", engine.Request{})
	r.now = r.now.Add(7 * time.Hour)
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", len(r.app.Users()), 1)
}

// TestMembersAfterACrash: additions that a dead process may have sent are not sent twice
// to an app that keeps duplicates.
func TestMembersAfterACrash(t *testing.T) {
	r, crash := newCrash(t, options{app: scimtest.Options{Quirks: scimtest.Quirks{MemberAddAgain: scimtest.Append}}})
	r.fill(5)
	r.dir.PutGroup(group(1, 1))
	r.run("succeeded", engine.Request{})
	r.dir.PutGroup(group(1, 1, 2, 3))
	crash.after(http.MethodPatch)
	r.run("succeeded", engine.Request{})
	equal(t, "members", r.members(1), []string{"u1", "u2", "u3"})
}

// TestHeldPeopleKeepTheirGroups: whose deletion is held stays in the groups, too.
func TestHeldPeopleKeepTheirGroups(t *testing.T) {
	r := newRig(t, options{})
	r.fill(20)
	r.dir.PutGroup(group(1, 1, 2, 10))
	r.run("succeeded", engine.Request{})
	for i := range 8 {
		r.dir.RemoveUser(user(i).ID, sources.RemovedHard)
	}
	r.dir.PutGroup(group(1, 10, 11))
	r.run("held", engine.Request{Full: true})
	equal(t, "members", r.members(1), []string{"u1", "u10", "u11", "u2"})
	r.run("succeeded", engine.Request{AllowDeletions: true})
	equal(t, "members", r.members(1), []string{"u10", "u11"})
}

// TestKeptGroupStaysAsItIs: `groups: keep` keeps the members of a group that left the
// scope, and the return brings them up to date.
func TestKeptGroupStaysAsItIs(t *testing.T) {
	scope := salesOnly
	scope.Users, scope.Groups = "", `group.displayName != "Other"`
	r := newRig(t, options{scope: scope, policy: func(p *plan.Policy) { p.Groups = plan.KeepGroup }})
	r.fill(5)
	r.dir.PutGroup(group(1, 1, 2))
	r.run("succeeded", engine.Request{})
	left := group(1, 2, 3)
	left.DisplayName, left.Attributes["displayName"] = "Other", "Other"
	r.dir.PutGroup(left)
	r.run("succeeded", engine.Request{})
	equal(t, "members", r.members(1), []string{"u1", "u2"})
	r.dir.PutGroup(group(1, 2, 3))
	r.run("succeeded", engine.Request{})
	equal(t, "members", r.members(1), []string{"u2", "u3"})
}

// gateway gives up on the first POST at once, and the app behind it does not.
type gateway struct {
	next http.RoundTripper
	once sync.Once
	late sync.WaitGroup
}

func (g *gateway) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if r.Method == http.MethodPost {
		g.once.Do(func() {
			again := r.Clone(context.WithoutCancel(r.Context()))
			again.Body, err = r.GetBody()
			resp = &http.Response{StatusCode: http.StatusGatewayTimeout, Header: http.Header{}, Body: http.NoBody, Request: r}
			g.late.Go(func() {
				time.Sleep(200 * time.Millisecond)
				if real, err := g.next.RoundTrip(again); err == nil {
					_ = real.Body.Close()
				}
			})
		})
		if resp != nil || err != nil {
			return resp, err
		}
	}
	return g.next.RoundTrip(r)
}

// TestGatewayGivesUpFirst: after a gateway's time-out the app may be at work still, so
// that not to find the account proves nothing yet.
func TestGatewayGivesUpFirst(t *testing.T) {
	g := &gateway{}
	r := newRig(t, options{
		app:     scimtest.Options{Quirks: scimtest.Quirks{UserNameNotUnique: true}},
		clients: func(next http.RoundTripper) http.RoundTripper { g.next = next; return g },
	})
	r.fill(1)
	r.run("partial", engine.Request{})
	g.late.Wait()
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", len(r.app.Users()), 1)
}

// logged says whether the provisioning log has a record of an object with an error code.
func (r *rig) logged(id string, code provlog.Code) bool {
	r.t.Helper()
	j, err := r.store.Job(r.t.Context(), r.job.Name)
	must(r.t, err)
	records, err := r.store.Logs(r.t.Context(), j.ID, provlog.Filter{Identity: id, Limit: 100})
	must(r.t, err)
	for _, rec := range records {
		if rec.Error != nil && rec.Error.Code == code {
			return true
		}
	}
	return false
}
