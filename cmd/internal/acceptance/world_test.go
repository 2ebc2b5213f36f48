package acceptance_test

import (
	"fmt"
	"slices"
	"testing"
)

// world is what the directory should have made of the app.
type world struct {
	dir    directory
	people map[int]person
	teams  map[int]team
	left   map[int]bool // deleted, with an account that must be disabled
	titles bool         // the app keeps titles
	nobody bool         // the app shows no members
	asSet  bool         // the app may show a member twice
}

func newWorld(dir directory) *world {
	return &world{dir: dir, people: map[int]person{}, teams: map[int]team{}, left: map[int]bool{}, titles: true}
}

func login(i int) string { return fmt.Sprintf("person%d@example.com", i) }

// populate makes n people in a hierarchy and some teams.
func (w *world) populate(n, teams int) {
	for i := range n {
		w.put(i, person{login: login(i), given: fmt.Sprintf("Given%d", i), family: fmt.Sprintf("Family%d", i), title: "Engineer", active: true, manager: (i - 1) / 10})
	}
	for g := range teams {
		var members []int
		for m := g; m < n; m += teams {
			members = append(members, m)
		}
		w.team(g, fmt.Sprintf("Team %d", g), members)
	}
}

func (w *world) put(i int, p person) {
	if p.manager == i {
		p.manager = -1
	}
	w.people[i] = p
	w.dir.put(i, p)
}

func (w *world) team(g int, name string, members []int) {
	w.teams[g] = team{name, members}
	w.dir.team(g, name, members)
}

func (w *world) remove(i int) {
	w.dir.remove(i)
	w.left[i] = true
	delete(w.people, i)
}

func (w *world) disband(g int) {
	w.dir.disband(g)
	delete(w.teams, g)
}

// check compares the app with the world.
func (w *world) check(t testing.TB, r reader) {
	t.Helper()
	users, names := map[string]resource{}, map[string]string{}
	for _, u := range r.list("Users") {
		name := u.text("userName")
		if _, twice := users[name]; twice {
			t.Fatalf("two accounts are called %s", name)
		}
		users[name], names[u.text("id")] = u, name
	}
	for i, p := range w.people {
		w.checkPerson(t, i, users)
		delete(users, p.login)
	}
	for name, u := range users {
		if u.active() {
			t.Errorf("%s is active and nobody in the directory", name)
		}
	}
	w.checkTeams(t, r, names)
}

func (w *world) checkPerson(t testing.TB, i int, users map[string]resource) {
	t.Helper()
	p := w.people[i]
	u, ok := users[p.login]
	if !ok {
		if p.active {
			t.Errorf("person %d (%s) has no account", i, p.login)
		}
		return
	}
	want := map[string]string{"name.givenName": p.given, "name.familyName": p.family}
	if w.titles {
		want["title"] = p.title
	}
	for path, v := range want {
		if got := u.text(path); got != v {
			t.Errorf("person %d: %s is %q, want %q", i, path, got, v)
		}
	}
	if u.active() != p.active {
		t.Errorf("person %d: active is %v, want %v", i, u.active(), p.active)
	}
}

func (w *world) checkTeams(t testing.TB, r reader, names map[string]string) {
	t.Helper()
	groups := map[string]resource{}
	for _, g := range r.list("Groups") {
		groups[g.text("displayName")] = g
	}
	if len(groups) != len(w.teams) {
		t.Errorf("%d groups, want %d", len(groups), len(w.teams))
	}
	for g, team := range w.teams {
		have, ok := groups[team.name]
		if !ok {
			t.Errorf("group %d (%s) is missing", g, team.name)
			continue
		}
		if w.nobody {
			continue
		}
		want, got := []string{}, []string{}
		for _, m := range team.members {
			if p, ok := w.people[m]; ok && p.active {
				want = append(want, p.login)
			}
		}
		for _, id := range have.members() {
			got = append(got, names[id])
		}
		slices.Sort(want)
		slices.Sort(got)
		if w.asSet {
			got = slices.Compact(got)
		}
		if !slices.Equal(want, got) {
			t.Errorf("group %d has %d members, want %d: %.200v, want %.200v", g, len(got), len(want), got, want)
		}
	}
}
