package sourcetest

import (
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
)

func lookUp(w *world) {
	if w.Finder == nil {
		w.t.Fatal("the harness has no Finder: provision on demand needs one")
	}
	w.lookUpUsers()
	w.lookUpGroups()
}

func (w *world) lookUpUsers() {
	ctx := w.t.Context()
	for _, id := range []sources.ID{w.users[4], w.users[7]} {
		want := w.people[id]
		for _, ref := range []string{string(id), want.UserName, want.Mail} {
			u, err := w.Finder.User(ctx, w.Query, ref)
			if err != nil {
				w.t.Fatalf("User(%q): %v", ref, err)
			}
			if diff := cmp.Diff(want, w.person(u)); diff != "" {
				w.t.Errorf("User(%q) (-want +got):\n%s", ref, diff)
			}
		}
	}
	for _, ref := range []string{"nobody@example.com", "o'nobody", "00000000-0000-0000-0000-00000000dead"} {
		if _, err := w.Finder.User(ctx, w.Query, ref); sources.ClassOf(err) != sources.Missing {
			w.t.Errorf("User(%q): class %v, want missing: %v", ref, sources.ClassOf(err), err)
		}
	}
}

func (w *world) lookUpGroups() {
	ctx := w.t.Context()
	for _, id := range []sources.ID{w.groups[0], w.groups[3]} {
		want := w.teams[id]
		for _, ref := range []string{string(id), want.Name} {
			g, err := w.Finder.Group(ctx, w.Query, ref)
			if err != nil {
				w.t.Fatalf("Group(%q): %v", ref, err)
			}
			got := Team{ID: g.ID, Name: g.DisplayName}
			for _, m := range g.Members {
				got.Members = append(got.Members, m.User)
			}
			slices.Sort(got.Members)
			sorted := Team{ID: want.ID, Name: want.Name, Members: slices.Sorted(slices.Values(want.Members))}
			if diff := cmp.Diff(sorted, got); diff != "" {
				w.t.Errorf("Group(%q) (-want +got):\n%s", ref, diff)
			}
		}
	}
	if _, err := w.Finder.Group(ctx, w.Query, "no such group"); sources.ClassOf(err) != sources.Missing {
		w.t.Errorf("Group of an unknown name: class %v, want missing: %v", sources.ClassOf(err), err)
	}
}

func assignments(w *world) {
	if w.Assign == nil {
		w.t.Log("the source has no applications")
		return
	}
	w.Query.App = w.App
	direct := sources.Assignment{Kind: sources.KindUser, ID: w.users[11]}
	team := sources.Assignment{Kind: sources.KindGroup, ID: w.groups[1]}
	small := sources.Assignment{Kind: sources.KindGroup, ID: w.groups[2]}
	w.Assign(direct, true)
	w.Assign(team, true)
	w.settle()

	at := w.watermark("")
	w.equal("full round with an application")
	w.assigned("full round", direct, team)
	w.inScope(map[sources.Assignment]bool{
		direct: true, team: true, small: false,
		{Kind: sources.KindUser, ID: w.users[9]}: true,
		{Kind: sources.KindUser, ID: w.users[0]}: false,
	})

	w.settle()
	w.Assign(direct, false)
	w.Assign(small, true)
	w.settle()
	w.round(at)
	w.assigned("incremental round", team, small)
	w.inScope(map[sources.Assignment]bool{direct: false, small: true})
}

// assigned checks who is assigned. A source may also name the members of assigned groups,
// as Okta does: they are assigned all the same.
func (w *world) assigned(when string, want ...sources.Assignment) {
	w.t.Helper()
	set, got := map[sources.Assignment]bool{}, maps.Clone(w.mirror.Assigned)
	for _, a := range want {
		set[a] = true
		for _, member := range w.teams[a.ID].Members {
			if implied := (sources.Assignment{Kind: sources.KindUser, ID: member}); !slices.Contains(want, implied) {
				delete(got, implied)
			}
		}
	}
	if !maps.Equal(set, got) {
		w.t.Errorf("%s: assigned %v, want %v", when, got, set)
	}
}

func (w *world) inScope(want map[sources.Assignment]bool) {
	w.t.Helper()
	if w.Finder == nil {
		return
	}
	for who, yes := range want {
		got, err := w.Finder.Assigned(w.t.Context(), w.Query, who)
		if err != nil || got != yes {
			w.t.Errorf("Assigned(%v) = %v, %v, want %v", who, got, err, yes)
		}
	}
}
