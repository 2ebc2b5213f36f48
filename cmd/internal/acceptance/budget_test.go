package acceptance_test

import (
	"fmt"
	"testing"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/engine"
)

// TestRequestBudget counts what cycles cost at the app, for each source (contract:
// "What a cycle may cost").
func TestRequestBudget(t *testing.T) {
	for name, makeDir := range directories() {
		t.Run(name, func(t *testing.T) {
			app := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "scim-token"}})
			dir := makeDir(t)
			w := newWorld(dir)
			w.populate(230, 10)
			w.put(230, person{login: login(230), given: "Big", family: "Team", active: true, manager: 0})
			w.team(10, "Everybody", all(231))
			b := newBridge(t, dir, sinkAt{url: app.Start(t), token: "scim-token"}, "")
			spent := func(req engine.Request) scimtest.Counts {
				app.ResetCounts()
				b.succeed(req)
				return app.Counts()
			}
			initial := spent(engine.Request{})
			equal(t, "initial: POST", initial.Of("POST"), 231+11)
			equal(t, "initial: PATCH for 231 members, of which 100 fit the POST", initial.Of("PATCH"), 2)
			if n := initial.Of("GET"); n > 5 {
				t.Errorf("initial: %d GET, want at most 3 of discovery and 2 lists: %v", n, initial)
			}
			equal(t, "nothing changed", spent(engine.Request{}).Total(), 0)
			w.edit(3, func(p *person) { p.title = "Director" })
			counts := spent(engine.Request{})
			equal(t, "one attribute", fmt.Sprint(counts), "map[PATCH /Users/{id}:1]")
			w.team(10, "Everybody", all(231)[120:])
			counts = spent(engine.Request{})
			equal(t, "120 members leave", fmt.Sprint(counts), "map[PATCH /Groups/{id}:2]")
			equal(t, "full read, all equal: writes", spent(engine.Request{Full: true}).Writes(), 0)
		})
	}
}

// TestSourceBudget counts what a cycle without changes costs at the source.
func TestSourceBudget(t *testing.T) {
	for name, want := range map[string]int{"graph": 2, "okta": 5} {
		t.Run(name, func(t *testing.T) {
			app := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "scim-token"}})
			dir := directories()[name](t)
			w := newWorld(dir)
			w.populate(500, 10)
			b := newBridge(t, dir, sinkAt{url: app.Start(t), token: "scim-token"}, "")
			b.succeed(engine.Request{})
			b.succeed(engine.Request{}) // Okta's feeds overlap once
			c := b.succeed(engine.Request{})
			equal(t, "requests at the source", dir.requests(), want)
			equal(t, "requests as the cycle tells", int(c.Requests.Source), want)
		})
	}
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
