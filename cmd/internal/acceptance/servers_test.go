package acceptance_test

import (
	"testing"

	"github.com/idpbridge/idpbridge/sinks/sinktest/npm"
	"github.com/idpbridge/idpbridge/sync/engine"
)

// TestRealServers keeps real SCIM servers equal to a directory of each source, through
// everything that happens to people.
func TestRealServers(t *testing.T) {
	servers := []struct {
		software npm.Software
		people   int
		more     string
		titles   bool
		nobody   bool
	}{
		{npm.SCIMMY, 2000, "", true, false},
		{npm.BetterAuth, 300, "", false, false},
	}
	for _, s := range servers {
		for name, makeDir := range directories() {
			t.Run(s.software.String()+"/"+name, func(t *testing.T) {
				server := npm.Start(t, s.software)
				to := sinkAt{server.BaseURL, server.Token, s.more}
				dir := makeDir(t)
				w := newWorld(dir)
				w.titles, w.nobody = s.titles, s.nobody
				n := s.people
				if testing.Short() {
					n = 60
				}
				w.populate(n, 50)
				b := newBridge(t, dir, to, "")
				story(t, b, w, reader{t, to})
			})
		}
	}
}

// story is a life of a directory: after each chapter the app must equal it, and a second
// cycle must have nothing to send.
func story(t *testing.T, b *bridge, w *world, r reader) {
	t.Helper()
	chapters := []struct {
		name   string
		change func()
	}{
		{"everybody joins", func() {}},
		{"a rename, a new title, a cleared one", func() {
			w.edit(1, func(p *person) { p.login, p.family = "renamed1@example.com", "Renamed" })
			w.edit(2, func(p *person) { p.title = "Director" })
			w.edit(3, func(p *person) { p.title = "" })
		}},
		{"two people swap user names", func() {
			w.edit(4, func(p *person) { p.login = login(5) })
			w.edit(5, func(p *person) { p.login = login(4) })
		}},
		{"somebody is locked out, members change, a group is renamed", func() {
			w.edit(6, func(p *person) { p.active = false })
			w.team(0, "Renamed team", append(w.teams[0].members[1:], 7, 8))
		}},
		{"the person comes back, somebody leaves, a group goes", func() {
			w.edit(6, func(p *person) { p.active = true })
			w.remove(9)
			w.disband(1)
		}},
	}
	for _, c := range chapters {
		c.change()
		b.succeed(engine.Request{})
		w.check(t, r)
		if t.Failed() {
			t.Fatalf("after: %s", c.name)
		}
		if again := b.succeed(engine.Request{}); again.Requests.Sink != 0 {
			t.Fatalf("after %q a second cycle sent %d requests", c.name, again.Requests.Sink)
		}
	}
}

func (w *world) edit(i int, change func(*person)) {
	p := w.people[i]
	change(&p)
	w.put(i, p)
}
