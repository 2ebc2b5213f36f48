package sourcetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
)

// maxReads ends a round that never says Done; the suite's directory needs far fewer.
const maxReads = 1000

// world is a harness with the suite's own idea of what its directory holds.
type world struct {
	Harness
	t      *testing.T
	people map[sources.ID]Person
	teams  map[sources.ID]Team
	// order of creation, so that a test can name "the third person"
	users, groups []sources.ID
	mirror        *Mirror
}

// seeded returns a world of 12 people and 4 groups: one of 9 members (more than a page),
// two small ones, one empty.
func seeded(t *testing.T, open func(*testing.T) Harness) *world {
	t.Helper()
	w := &world{
		Harness: open(t), t: t, mirror: NewMirror(),
		people: map[sources.ID]Person{}, teams: map[sources.ID]Team{},
	}
	for i := range 12 {
		name := fmt.Sprintf("person%02d", i)
		w.put(Person{
			UserName: name + "@example.com", Mail: name + "@mail.example.com",
			DisplayName: fmt.Sprintf("Person %02d", i), Title: "Engineer", Disabled: i == 7,
		})
	}
	for i, members := range [][]sources.ID{w.users[:9], w.users[9:11], w.users[2:5], nil} {
		w.team(Team{Name: fmt.Sprintf("Team %d", i), Members: members})
	}
	w.settle()
	return w
}

func (w *world) put(p Person) sources.ID {
	w.t.Helper()
	id := w.PutUser(p)
	if p.ID == "" {
		w.users = append(w.users, id)
	}
	p.ID = id
	w.people[id] = p
	return id
}

func (w *world) team(g Team) {
	w.t.Helper()
	g.Members = slices.DeleteFunc(slices.Clone(g.Members), func(id sources.ID) bool {
		_, present := w.people[id]
		return !present
	})
	id := w.PutGroup(g)
	if g.ID == "" {
		w.groups = append(w.groups, id)
	}
	g.ID = id
	w.teams[id] = g
}

func (w *world) remove(id sources.ID) {
	w.RemoveUser(id)
	delete(w.people, id)
}

func (w *world) removeGroup(id sources.ID) {
	w.RemoveGroup(id)
	delete(w.teams, id)
}

func (w *world) settle() {
	if w.Settle != nil {
		w.Settle()
	}
}

// reopen makes the rest of the test read through a new source.
func (w *world) reopen() {
	if w.Reopen != nil {
		w.Source = w.Reopen()
	}
}

// read reads one page and takes it in.
func (w *world) read(at sources.Cursor) *sources.Page {
	w.t.Helper()
	page, err := w.Source.Read(w.t.Context(), w.Query, at)
	if err != nil {
		w.t.Fatalf("Read: %v (class %v)", err, sources.ClassOf(err))
	}
	w.mirror.Apply(page)
	return page
}

// round reads from a cursor to the end and returns its pages. A source may call for a
// full round when its directory changed under it.
func (w *world) round(at sources.Cursor) []*sources.Page {
	w.t.Helper()
	var pages []*sources.Page
	for range maxReads {
		page, err := w.Source.Read(w.t.Context(), w.Query, at)
		if sources.ClassOf(err) == sources.Expired && at != "" {
			at, pages = "", nil
			w.mirror.Restart()
			continue
		}
		if err != nil {
			w.t.Fatalf("Read: %v (class %v)", err, sources.ClassOf(err))
		}
		w.mirror.Apply(page)
		pages = append(pages, page)
		at = page.Cursor
		if page.Done {
			return pages
		}
		if at == "" {
			w.t.Fatal("a page that is not Done has the empty cursor: the round would begin again")
		}
	}
	w.t.Fatalf("no Done after %d pages", maxReads)
	return nil
}

// watermark reads a round to its end and returns where the next one starts.
func (w *world) watermark(at sources.Cursor) sources.Cursor {
	w.t.Helper()
	pages := w.round(at)
	return pages[len(pages)-1].Cursor
}

// view is a directory in a form that can be compared.
type view struct {
	People map[sources.ID]Person
	Teams  map[sources.ID]Team
}

// equal fails the test unless the mirror shows the directory.
func (w *world) equal(when string) {
	w.t.Helper()
	if diff := cmp.Diff(w.want(), w.got()); diff != "" {
		w.t.Fatalf("%s: the pages don't add up to the directory (-directory +pages):\n%s", when, diff)
	}
}

func (w *world) want() view {
	v := view{People: maps.Clone(w.people), Teams: map[sources.ID]Team{}}
	for id, g := range w.teams {
		v.Teams[id] = Team{ID: id, Name: g.Name, Members: w.present(slices.Values(g.Members))}
	}
	return v
}

func (w *world) got() view {
	v := view{People: map[sources.ID]Person{}, Teams: map[sources.ID]Team{}}
	for id, u := range w.mirror.Users {
		v.People[id] = w.person(u)
	}
	for id, g := range w.mirror.Groups {
		v.Teams[id] = Team{ID: id, Name: g.DisplayName, Members: w.present(maps.Keys(g.Members))}
	}
	return v
}

// person reads an entry back into the suite's words.
func (w *world) person(u sources.User) Person {
	title, _ := u.Attributes[w.Title].(string)
	return Person{
		ID: u.ID, UserName: u.UserName, Mail: u.Mail, DisplayName: u.DisplayName,
		Title: title, Disabled: !u.Active,
	}
}

// present sorts members and leaves out people who are no longer in the directory.
func (w *world) present(members func(func(sources.ID) bool)) []sources.ID {
	out := []sources.ID{}
	for id := range members {
		if _, ok := w.people[id]; ok {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}
