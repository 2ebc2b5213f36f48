package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// world is what a series of changes made of the directory, in the test's own words: the
// expectation must not come from the code under test.
type world struct {
	r      *rig
	users  map[int]*person
	groups map[int]*team
	next   int
}

type person struct {
	name, title, mail string
	manager           int // -1: nobody
	active, gone      bool
	had               bool // an account once
	renamed           bool // since the last cycle: the app has the old name still
}

type team struct {
	name    string
	members map[int]bool
	gone    bool
}

func newWorld(r *rig) *world { return &world{r: r, users: map[int]*person{}, groups: map[int]*team{}} }

func (w *world) put(i int) {
	p := w.users[i]
	pairs := []any{"userName", p.name, "active", p.active, "title", orNil(p.title), "mail", orNil(p.mail)}
	if p.manager >= 0 {
		pairs = append(pairs, "manager", fmt.Sprintf("u%d", p.manager))
	}
	w.r.dir.PutUser(user(i, pairs...))
}

func (w *world) putGroup(i int) {
	g := w.groups[i]
	members := []int{}
	for m := range g.members {
		members = append(members, m)
	}
	slices.Sort(members)
	out := group(i, members...)
	out.DisplayName, out.Attributes["displayName"] = g.name, g.name
	w.r.dir.PutGroup(out)
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (w *world) pick(t *rapid.T, label string) (int, bool) {
	var ids []int
	for i, p := range w.users {
		if !p.gone {
			ids = append(ids, i)
		}
	}
	if len(ids) == 0 {
		return 0, false
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(t, label), true
}

func (w *world) pickGroup(t *rapid.T) (int, bool) {
	var ids []int
	for i, g := range w.groups {
		if !g.gone {
			ids = append(ids, i)
		}
	}
	if len(ids) == 0 {
		return 0, false
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(t, "group"), true
}

func (w *world) change(t *rapid.T) {
	u, some := w.pick(t, "user")
	g, grouped := w.pickGroup(t)
	switch kind := rapid.IntRange(0, 12).Draw(t, "change"); {
	case kind <= 2 || !some:
		w.users[w.next] = &person{name: fmt.Sprintf("user%d@example.com", w.next), title: "Engineer", mail: fmt.Sprintf("user%d@example.com", w.next), active: kind > 0, manager: -1}
		w.put(w.next)
		w.next++
	case kind == 3:
		w.users[u].title = rapid.SampledFrom([]string{"", "Director", "Engineer", "Fellow"}).Draw(t, "title")
		w.put(u)
	case kind == 4:
		w.users[u].active = !w.users[u].active
		w.put(u)
	case kind == 5:
		if m, ok := w.pick(t, "manager"); ok && m != u {
			w.users[u].manager = m
			w.put(u)
		}
	case kind == 6:
		w.users[u].manager = -1
		w.put(u)
	case kind == 7:
		// Who leaves after a rename that no cycle saw keeps the old name in the app, which
		// somebody else may have by now: a real conflict, and not what is tested here.
		if w.users[u].renamed {
			return
		}
		w.users[u].gone = true
		w.r.dir.RemoveUser(user(u).ID, rapid.SampledFrom([]sources.Removal{sources.RemovedSoft, sources.RemovedHard}).Draw(t, "removal"))
	case kind == 8:
		w.rename(t, u)
	case kind == 9 || !grouped:
		w.groups[w.next] = &team{name: fmt.Sprintf("Group %d", w.next), members: map[int]bool{}}
		w.putGroup(w.next)
		w.next++
	case kind == 10:
		if w.present() == 1 {
			return // a full read without any group is refused, which other tests show
		}
		w.groups[g].gone = true
		w.r.dir.RemoveGroup(group(g).ID)
	default:
		if w.groups[g].members[u] {
			delete(w.groups[g].members, u)
		} else {
			w.groups[g].members[u] = true
		}
		w.putGroup(g)
	}
}

func (w *world) present() int {
	n := 0
	for _, g := range w.groups {
		if !g.gone {
			n++
		}
	}
	return n
}

// rename gives a user a new name, or swaps the names of two.
func (w *world) rename(t *rapid.T, u int) {
	v, ok := w.pick(t, "other")
	if !ok || v == u || rapid.Bool().Draw(t, "fresh") {
		w.users[u].name = fmt.Sprintf("renamed%d@example.com", w.next)
		w.next++
		w.users[u].renamed = true
		w.put(u)
		return
	}
	w.users[u].renamed, w.users[v].renamed = true, true
	w.users[u].name, w.users[v].name = w.users[v].name, w.users[u].name
	w.put(u)
	w.put(v)
}

// check compares what the app holds with the world.
func (w *world) check(t *rapid.T) {
	have := map[string]scimtest.User{}
	byID := map[string]string{}
	for _, u := range w.r.app.Users() {
		if _, twice := have[u.ExternalID]; twice {
			t.Fatalf("two accounts for %s", u.ExternalID)
		}
		have[u.ExternalID], byID[u.ID] = u, u.ExternalID
	}
	for i, p := range w.users {
		w.checkUser(t, i, p, have)
	}
	groups := map[string]scimtest.Group{}
	for _, g := range w.r.app.Groups() {
		groups[g.ExternalID] = g
	}
	for i, g := range w.groups {
		w.checkGroup(t, i, g, groups, byID)
	}
}

func (w *world) checkUser(t *rapid.T, i int, p *person, have map[string]scimtest.User) {
	u, exists := have[fmt.Sprintf("u%d", i)]
	p.had = p.had || exists
	switch {
	case p.gone || !p.active && !exists:
		if exists && u.Active {
			t.Fatalf("user %d left and is still active", i)
		}
		if !exists && p.had {
			t.Fatalf("account of user %d vanished", i)
		}
	case !exists:
		t.Fatalf("user %d has no account", i)
	default:
		want := map[string]any{"userName": p.name, "active": p.active, "title": orNil(p.title), workMail: orNil(p.mail), manager + ".value": nil}
		if m := p.manager; m >= 0 { // one who left stays until the source says otherwise
			if boss, ok := have[fmt.Sprintf("u%d", m)]; ok {
				want[manager+".value"] = boss.ID
			}
		}
		for path, v := range want {
			if u.Values[path] != v {
				t.Fatalf("user %d: %s is %v, want %v", i, path, u.Values[path], v)
			}
		}
	}
}

func (w *world) checkGroup(t *rapid.T, i int, g *team, groups map[string]scimtest.Group, byID map[string]string) {
	have, exists := groups[fmt.Sprintf("g%d", i)]
	if exists == g.gone {
		t.Fatalf("group %d: exists %v, gone %v", i, exists, g.gone)
	}
	if g.gone {
		return
	}
	want := []string{}
	for m := range g.members {
		if p := w.users[m]; p.active && !p.gone {
			want = append(want, fmt.Sprintf("u%d", m))
		}
	}
	got := []string{}
	for _, m := range have.Members {
		got = append(got, byID[m])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Fatalf("group %d has members %v, want %v", i, got, want)
	}
}

// TestSeries makes random changes and demands that the app equals the directory after
// every cycle, whatever its kind, and that the next one has nothing to send.
func TestSeries(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, options{policy: func(p *plan.Policy) { p.MaxCount, p.MaxPercent = 1000, 100 }})
		w := newWorld(r)
		for range rapid.IntRange(1, 12).Draw(rt, "cycles") {
			for range rapid.IntRange(0, 15).Draw(rt, "changes") {
				w.change(rt)
			}
			req := engine.Request{Trigger: "manual", Full: rapid.IntRange(0, 5).Draw(rt, "full") == 0, Reconcile: rapid.IntRange(0, 5).Draw(rt, "reconcile") == 0}
			c, err := r.eng.Run(t.Context(), r.job, req)
			if err != nil {
				rt.Fatal(err)
			}
			if everyoneGone(w) {
				continue // an empty directory is refused, which other tests show
			}
			if c.Status != "succeeded" {
				rt.Fatalf("cycle ended %s: %+v, escrow %+v", c.Status, c.Error, r.escrow())
			}
			w.check(rt)
			for _, p := range w.users {
				p.renamed = false
			}
			r.app.ResetCounts()
			if _, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual"}); err != nil {
				rt.Fatal(err)
			}
			if n := r.app.Counts().Total(); n != 0 {
				rt.Fatalf("%d requests with nothing changed: %v", n, r.app.Counts())
			}
		}
	})
}

func everyoneGone(w *world) bool {
	for _, p := range w.users {
		if !p.gone {
			return false
		}
	}
	return true
}
