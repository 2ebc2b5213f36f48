package engine_test

import (
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

func TestInitialThenNothing(t *testing.T) {
	r := newRig(t, options{})
	r.fill(120)
	r.dir.PutUser(user(3, "manager", "u7"))
	r.dir.PutUser(user(7, "manager", "u9"))
	r.dir.PutGroup(group(1, 1, 2, 3))
	r.dir.PutGroup(group(2, 5))
	c := r.run("succeeded", engine.Request{})
	equal(t, "kind", c.Kind, "initial")
	equal(t, "created users", c.Users.Created, 120)
	equal(t, "created groups", c.Groups.Created, 2)
	equal(t, "members", r.members(1), []string{"u1", "u2", "u3"})
	equal(t, "manager", r.account(3).Values[manager+".value"], any(r.account(7).ID))
	counts := r.app.Counts()
	equal(t, "POST", counts.Of("POST"), 122)
	equal(t, "PATCH", counts.Of("PATCH"), 0)
	if counts.Of("GET") > 5 {
		t.Errorf("%d GET: %v", counts.Of("GET"), counts)
	}
	c = r.run("succeeded", engine.Request{})
	equal(t, "kind", c.Kind, "incremental")
	equal(t, "requests to the sink", r.app.Counts().Total(), 0)
	c = r.run("succeeded", engine.Request{Full: true})
	equal(t, "unchanged", c.Users.Unchanged, 120)
	equal(t, "requests to the sink", r.app.Counts().Total(), 0)
}

func TestOneAttributeIsOnePatch(t *testing.T) {
	r := newRig(t, options{})
	r.fill(10)
	r.run("succeeded", engine.Request{})
	r.dir.PutUser(user(4, "title", "Director"))
	c := r.run("succeeded", engine.Request{})
	equal(t, "updated", c.Users.Updated, 1)
	equal(t, "requests", r.app.Counts().Total(), 1)
	equal(t, "title", r.account(4).Values["title"], any("Director"))
	r.dir.PutUser(user(4, "title", nil))
	r.run("succeeded", engine.Request{})
	equal(t, "requests", r.app.Counts().Total(), 1)
	if v, ok := r.account(4).Values["title"]; ok {
		t.Errorf("title is still %v", v)
	}
}

func TestDisableEnableKeepsTheAccount(t *testing.T) {
	r := newRig(t, options{})
	r.fill(10)
	r.dir.PutGroup(group(1, 1, 2))
	r.run("succeeded", engine.Request{})
	id := r.account(1).ID
	r.dir.PutUser(user(1, "active", false))
	c := r.run("succeeded", engine.Request{})
	equal(t, "disabled", c.Users.Disabled, 1)
	equal(t, "active", r.account(1).Active, false)
	equal(t, "members", r.members(1), []string{"u2"})
	r.dir.PutUser(user(1))
	r.run("succeeded", engine.Request{})
	equal(t, "active", r.account(1).Active, true)
	equal(t, "id", r.account(1).ID, id)
	equal(t, "members", r.members(1), []string{"u1", "u2"})
	r.dir.RemoveUser("u1", sources.RemovedHard)
	r.run("succeeded", engine.Request{})
	equal(t, "active", r.account(1).Active, false)
}

func TestSwapOfUserNames(t *testing.T) {
	r := newRig(t, options{})
	r.fill(5)
	r.run("succeeded", engine.Request{})
	one, two := r.account(1).ID, r.account(2).ID
	r.dir.PutUser(user(1, "userName", "user2@example.com"))
	r.dir.PutUser(user(2, "userName", "user1@example.com"))
	c := r.run("succeeded", engine.Request{})
	equal(t, "failed", c.Users.Failed, 0)
	equal(t, "one", r.account(1).UserName, "user2@example.com")
	equal(t, "two", r.account(2).UserName, "user1@example.com")
	equal(t, "ids", []string{r.account(1).ID, r.account(2).ID}, []string{one, two})
}

func TestHeldDeletions(t *testing.T) {
	r := newRig(t, options{})
	r.fill(20)
	r.run("succeeded", engine.Request{})
	for i := range 6 {
		r.dir.RemoveUser(user(i).ID, sources.RemovedSoft)
	}
	r.dir.PutUser(user(100))
	c := r.run("held", engine.Request{})
	equal(t, "staged", c.StagedDeletions, 6)
	equal(t, "created", c.Users.Created, 1)
	equal(t, "active", r.account(1).Active, true)
	c = r.run("succeeded", engine.Request{AllowDeletions: true})
	equal(t, "disabled", c.Users.Disabled, 6)
	equal(t, "active", r.account(1).Active, false)
}

func TestAdoptionOfEqualAccountsWritesNothing(t *testing.T) {
	r := newRig(t, options{})
	r.fill(30)
	r.dir.PutUser(user(3, "manager", "u7"))
	r.dir.PutGroup(group(1, 1, 2))
	r.run("succeeded", engine.Request{})
	// A second job on the same app finds everything there already.
	other := *r.job
	other.Name = "other"
	r.job = &other
	c := r.run("succeeded", engine.Request{})
	equal(t, "writes", r.app.Counts().Writes(), 0)
	equal(t, "unchanged", c.Users.Unchanged, 30)
	if n := r.app.Counts().Of("GET"); n > 5 {
		t.Errorf("%d GET", n)
	}
}

// TestRenamesKeepTheAccount renames a user and a group in every way, letter case alone
// included, and demands the same accounts with the new names.
func TestRenamesKeepTheAccount(t *testing.T) {
	r := newRig(t, options{})
	r.fill(5)
	r.dir.PutGroup(group(1, 1, 2))
	r.run("succeeded", engine.Request{})
	user1, group1 := r.account(1).ID, r.app.Groups()[0].ID
	for _, name := range []string{"USER1@example.com", "someone.else@example.org", "User1@Example.com"} {
		r.dir.PutUser(user(1, "userName", name, "mail", name))
		g := group(1, 1, 2)
		g.DisplayName, g.Attributes["displayName"] = name, "Team "+name
		r.dir.PutGroup(g)
		r.run("succeeded", engine.Request{})
		equal(t, "PATCH", r.app.Counts().Of("PATCH"), 2)
		equal(t, "accounts", len(r.app.Users()), 5)
		equal(t, "user", r.account(1).ID, user1)
		equal(t, "user name", r.account(1).UserName, name)
		equal(t, "mail", r.account(1).Values[workMail], any(name))
		equal(t, "group", r.app.Groups()[0].ID, group1)
		equal(t, "group name", r.app.Groups()[0].DisplayName, "Team "+name)
	}
}

// TestToldPause: what the source or the app told when it ended a cycle is in its account.
func TestToldPause(t *testing.T) {
	refused := func(wait time.Duration) func(*rig) {
		return func(r *rig) {
			r.dir.FailRead(1, &sources.Error{Class: sources.Throttled, Status: 429, RetryAfter: wait})
		}
	}
	for name, c := range map[string]struct {
		status string
		happen func(*rig)
		want   time.Duration
	}{
		"source":   {"failed", refused(time.Hour), time.Hour},
		"nonsense": {"failed", refused(1000 * time.Hour), 24 * time.Hour},
		"app":      {"failed", func(r *rig) { r.app.Inject(scimtest.RetryAfter(429, "7200")) }, 2 * time.Hour},
		"nobody":   {"succeeded", func(*rig) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, options{})
			r.fill(10)
			c.happen(r)
			got := r.run(c.status, engine.Request{}).NotBefore
			if c.want == 0 {
				equal(t, "no pause", got, time.Time{})
				return
			}
			equal(t, "pause", got, r.now.Add(c.want))
		})
	}
}

// TestStartedIsACopy: what is told of a cycle as it begins stays as it was, though a dry
// run goes on filling its report.
func TestStartedIsACopy(t *testing.T) {
	r := newRig(t, options{})
	r.fill(2)
	r.app.AddUser(map[string]any{"userName": "somebody else"})
	var begun state.Cycle
	c := r.run("succeeded", engine.Request{DryRun: true, Started: func(c state.Cycle) { begun = c }})
	if c.Adoption.Unmanaged == nil || *c.Adoption.Unmanaged != 1 {
		t.Fatalf("report: %+v", c.Adoption)
	}
	equal(t, "the report at the start", begun.Adoption, &state.Adoption{Linked: []state.Adopted{}, UnmanagedObjects: []state.Named{}, AmbiguousObjects: []state.Named{}})
}
