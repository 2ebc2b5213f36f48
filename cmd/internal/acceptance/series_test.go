package acceptance_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/engine"
)

// TestSeries makes random changes in each kind of directory and demands that the app
// equals it after every cycle.
func TestSeries(t *testing.T) {
	for name, makeDir := range directories() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				app := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "scim-token"}})
				to := sinkAt{url: app.Start(t), token: "scim-token"}
				dir := makeDir(t)
				s := series{rt, newWorld(dir), 6}
				s.w.populate(6, 3)
				b := newBridge(t, dir, to, "")
				for range rapid.IntRange(1, 6).Draw(rt, "cycles") {
					for range rapid.IntRange(0, 10).Draw(rt, "changes") {
						s.change()
					}
					c := b.cycle(engine.Request{Full: rapid.IntRange(0, 4).Draw(rt, "full") == 0})
					if c.Status != "succeeded" {
						rt.Fatalf("cycle ended %s: %+v, escrow %s", c.Status, c.Error, b.escrow())
					}
					s.w.check(rtTB{t, rt}, reader{t, to})
				}
			})
		})
	}
}

// rtTB reports to rapid, so that it can shrink what failed.
type rtTB struct {
	testing.TB
	rt *rapid.T
}

func (t rtTB) Helper()                           {}
func (t rtTB) Errorf(format string, args ...any) { t.rt.Fatalf(format, args...) }
func (t rtTB) Fatalf(format string, args ...any) { t.rt.Fatalf(format, args...) }

// series draws changes. User names are never reused after somebody left: that is a real
// conflict, which other tests show.
type series struct {
	t    *rapid.T
	w    *world
	next int
}

func (s *series) someone() int {
	ids := []int{}
	for i := range s.w.people {
		ids = append(ids, i)
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(s.t, "person")
}

func (s *series) team() int {
	ids := []int{}
	for g := range s.w.teams {
		ids = append(ids, g)
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(s.t, "team")
}

func (s *series) change() {
	switch rapid.IntRange(0, 8).Draw(s.t, "change") {
	case 0, 1:
		s.w.put(s.next, person{login: login(s.next), given: "New", family: fmt.Sprint("Person", s.next), active: true, manager: s.someone()})
		s.next++
	case 2:
		s.w.edit(s.someone(), func(p *person) { p.title = rapid.SampledFrom([]string{"", "Director", "Fellow"}).Draw(s.t, "title") })
	case 3:
		s.w.edit(s.someone(), func(p *person) { p.active = !p.active })
	case 4:
		if i := s.someone(); len(s.w.people) > 3 && s.w.people[i].login == login(i) {
			s.w.remove(i)
		}
	case 5:
		s.next++
		s.w.edit(s.someone(), func(p *person) { p.login = login(1000 + s.next) })
	case 6:
		s.next++
		s.w.team(s.next, fmt.Sprint("Team ", s.next), nil)
	case 7:
		if g := s.team(); len(s.w.teams) > 2 {
			s.w.disband(g)
		}
	default:
		s.join()
	}
}

// join puts someone into a team or takes them out.
func (s *series) join() {
	g, i := s.team(), s.someone()
	team := s.w.teams[g]
	var members []int
	for _, m := range team.members {
		if _, here := s.w.people[m]; here && m != i {
			members = append(members, m)
		}
	}
	if !slices.Contains(team.members, i) {
		members = append(members, i)
	}
	s.w.team(g, team.name, members)
}
