package sourcetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/idpbridge/idpbridge/sources"
)

// Run checks that a source keeps the rules of package sources. open is called once per
// subtest and returns a harness over a new, empty directory.
func Run(t *testing.T, open func(*testing.T) Harness) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*world)
	}{
		{"check", check},
		{"full round", fullRound},
		{"nothing changed", nothingChanged},
		{"incremental", incremental},
		{"removal", removal},
		{"rename", rename},
		{"disable", disable},
		{"null clears", nullClears},
		{"members", members},
		{"repeated pages", repeatedPages},
		{"resume at every page", resume},
		{"changes during a round", changesDuringRound},
		{"look-up", lookUp},
		{"assignments", assignments},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(seeded(t, open)) })
	}
	t.Run("faults", func(t *testing.T) { faults(t, open) })
}

func check(w *world) {
	if err := w.Source.Check(w.t.Context(), w.Query); err != nil {
		w.t.Fatalf("Check of a healthy source: %v", err)
	}
}

func fullRound(w *world) {
	pages := w.round("")
	w.equal("full round")
	for i, p := range pages {
		if !p.Full {
			w.t.Errorf("page %d of a round from the empty cursor is not Full: nobody who left would be noticed", i+1)
		}
	}
	if len(pages) < 2 {
		w.t.Errorf("the suite's directory came in %d page; configure pages of at most 5 entries", len(pages))
	}
}

func nothingChanged(w *world) {
	at := w.watermark("")
	w.settle()
	for range 3 {
		pages := w.round(at)
		w.equal("round without changes")
		if users, groups := entries(pages); len(users)+len(groups) > 0 {
			w.t.Fatalf("a round without changes brought users %v and groups %v", users, groups)
		}
		at = pages[len(pages)-1].Cursor
		w.settle()
	}
}

func incremental(w *world) {
	at := w.watermark("")
	w.settle()
	p := w.people[w.users[3]]
	p.Title = "Director"
	w.put(p)
	added := w.put(Person{UserName: "new@example.com", Mail: "new@mail.example.com", DisplayName: "New"})
	pages := w.round(at)
	w.equal("incremental round")
	if w.Whole {
		return
	}
	users, groups := entries(pages)
	for _, id := range users {
		if id != p.ID && id != added {
			w.t.Errorf("user %s did not change and is in the incremental round", id)
		}
	}
	if len(groups) > 0 {
		w.t.Errorf("groups %v did not change and are in the incremental round", groups)
	}
}

func removal(w *world) {
	at := w.watermark("")
	w.settle()
	w.remove(w.users[1])
	w.remove(w.users[11])
	w.removeGroup(w.groups[2])
	at = w.watermark(at)
	w.equal("incremental round after removals")
	w.round("")
	w.equal("full round after removals")
	w.round(at)
	w.equal("incremental round after a full one")
}

func rename(w *world) {
	at := w.watermark("")
	w.settle()
	p := w.people[w.users[0]]
	p.UserName, p.Mail, p.DisplayName = "married@example.com", "married@mail.example.com", "Married Name"
	w.put(p)
	p = w.people[w.users[1]]
	p.UserName = "Person01@example.com"
	w.put(p)
	g := w.teams[w.groups[1]]
	g.Name = "Team one"
	w.team(g)
	at = w.watermark(at)
	w.equal("renames of a user, of its letter case and of a group")

	w.settle()
	a, b := w.people[w.users[4]], w.people[w.users[5]]
	aside := a
	aside.UserName = "aside@example.com"
	w.put(aside)
	a.UserName, b.UserName = b.UserName, a.UserName
	w.put(b)
	w.put(a)
	w.round(at)
	w.equal("two users swapped their names")
}

func disable(w *world) {
	at := w.watermark("")
	w.settle()
	p := w.people[w.users[5]]
	p.Disabled = true
	w.put(p)
	at = w.watermark(at)
	w.equal("disabled")
	w.settle()
	p.Disabled = false
	w.put(p)
	w.round(at)
	w.equal("enabled again")
}

func nullClears(w *world) {
	at := w.watermark("")
	w.settle()
	p := w.people[w.users[6]]
	p.Title = ""
	w.put(p)
	w.round(at)
	w.equal("an attribute was cleared")
}

func members(w *world) {
	at := w.watermark("")
	w.settle()
	big := w.teams[w.groups[0]]
	big.Members = append(slices.Clone(big.Members[2:]), w.users[9], w.users[10])
	w.team(big)
	empty := w.teams[w.groups[3]]
	empty.Members = []sources.ID{w.users[0]}
	w.team(empty)
	at = w.watermark(at)
	w.equal("members joined and left")

	w.settle()
	small := w.teams[w.groups[1]]
	small.Members = nil
	w.team(small)
	w.team(Team{Name: "New team", Members: w.users[:7]})
	w.round(at)
	w.equal("a group was emptied, another made")
	w.round("")
	w.equal("full round afterwards")
}

// repeatedPages reads every page twice and every round twice: entries may come again.
func repeatedPages(w *world) {
	at := sources.Cursor("")
	for range maxReads {
		w.read(at)
		again, err := w.Source.Read(w.t.Context(), w.Query, at)
		if err != nil {
			w.t.Fatalf("Read of the same cursor again: %v", err)
		}
		if !again.Done {
			w.mirror.Apply(again)
		}
		at = again.Cursor
		if again.Done {
			break
		}
	}
	w.equal("every page of the full round came twice")
	w.settle()
	p := w.people[w.users[2]]
	p.Title = "Writer"
	w.put(p)
	w.remove(w.users[8])
	w.round(at)
	w.equal("incremental round")
	w.round(at)
	w.equal("the same incremental round again")
}

// resume stops a full round after every possible page and goes on in a new process.
func resume(w *world) {
	total := len(w.round(""))
	for stop := 1; stop < total; stop++ {
		w.mirror = NewMirror()
		at := sources.Cursor("")
		for range stop {
			at = w.read(at).Cursor
		}
		w.reopen()
		w.round(at)
		w.equal(fmt.Sprintf("resumed after page %d of %d", stop, total))
	}
}

// changesDuringRound changes the directory between the pages of a full round. The round
// itself may show either state; the next one must have caught up.
func changesDuringRound(w *world) {
	total := len(w.round(""))
	for stop := 1; stop < total; stop++ {
		w.mirror = NewMirror()
		at := sources.Cursor("")
		for range stop {
			at = w.read(at).Cursor
		}
		p := w.people[w.users[2]]
		p.Title = fmt.Sprintf("Title %d", stop)
		w.put(p)
		id := w.put(Person{UserName: fmt.Sprintf("mid%d@example.com", stop), Mail: fmt.Sprintf("mid%d@mail.example.com", stop), DisplayName: "Mid"})
		if stop > 1 {
			w.remove(w.users[len(w.users)-2])
		}
		g := w.teams[w.groups[1]]
		g.Members = append(slices.Clone(g.Members), id)
		w.team(g)
		at = w.watermark(at)
		w.settle()
		w.watermark(at)
		w.equal(fmt.Sprintf("changed after page %d", stop))
	}
}

// entries lists who is named in the pages, in order, with repetitions.
func entries(pages []*sources.Page) (users, groups []sources.ID) {
	for _, p := range pages {
		for _, u := range p.Users {
			users = append(users, u.ID)
		}
		for _, g := range p.Groups {
			groups = append(groups, g.ID)
		}
	}
	return users, groups
}
