package scim_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

// TestEveryQuirkIsMet: each habit that the emulator can be given is one that some test of
// this package gives it.
func TestEveryQuirkIsMet(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\b([A-Z]\w+): `).FindAllSubmatch(text, -1) {
			met[string(m[1])] = true
		}
	}
	for f := range reflect.TypeFor[scimtest.Quirks]().Fields() {
		if !met[f.Name] {
			t.Errorf("no test sets %s", f.Name)
		}
	}
}

// TestRejections: what an application's own rules refuse is refused with its words, and
// nobody takes it for a fault of the line.
func TestRejections(t *testing.T) {
	t.Parallel()
	several := []sinks.Attribute{{Path: "title", Value: "a"}, {Path: "nickName", Value: "b"}, {Path: "displayName", Value: "c"}}
	for name, tt := range map[string]struct {
		quirks scimtest.Quirks
		call   call
		want   sinks.Class
	}{
		"a character":       {scimtest.Quirks{DisplayNameForbids: "<"}, update(sinks.User, sinks.Attribute{Path: "displayName", Value: "a<b"}), sinks.Rejected},
		"a long name":       {scimtest.Quirks{UserNameLength: 10}, create(sinks.Attribute{Path: "userName", Value: "ada@example.com"}), sinks.Rejected},
		"many operations":   {scimtest.Quirks{OpsPerPatch: 2}, update(sinks.User, several...), sinks.Rejected},
		"taken":             {scimtest.Quirks{}, update(sinks.User, sinks.Attribute{Path: "userName", Value: "ub"}), sinks.Conflict},
		"taken, as a fault": {scimtest.Quirks{RenameConflict: scimtest.Fail}, update(sinks.User, sinks.Attribute{Path: "userName", Value: "ub"}), sinks.Unclear},
		"taken, and shared": {scimtest.Quirks{RenameConflict: scimtest.Allow}, update(sinks.User, sinks.Attribute{Path: "userName", Value: "ub"}), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sink := quirk(tt.quirks).start(t)
			before, _ := srv.User(string(populate(srv)(0)))
			err := tt.call(t, srv, sink, func(int) sinks.ID { return sinks.ID(before.ID) })
			if got := sinks.ClassOf(err); got != tt.want || err != nil && sinks.HintOf(err) == "" {
				t.Errorf("class %s, want %s: %v", got, tt.want, err)
			}
			after, _ := srv.User(before.ID)
			if changed := !cmp.Equal(before.Values, after.Values); changed != (err == nil) {
				t.Errorf("changed: %t, with %v", changed, err)
			}
		})
	}
}

// TestUnauthorizedText: a 401 is about the credentials, whatever it looks like.
func TestUnauthorizedText(t *testing.T) {
	t.Parallel()
	for _, q := range []scimtest.Quirks{{UnauthorizedText: true}, {UnauthorizedEmpty: true}} {
		srv := scimtest.New(scimtest.Options{Quirks: q, Auth: scimtest.Auth{Bearer: "other"}})
		sink, err := scim.New(scim.Config{BaseURL: srv.Start(t), Auth: scim.Auth{Type: "bearer", Token: token}}, nil, discard())
		if err != nil {
			t.Fatal(err)
		}
		for verb, do := range verbs {
			if err := do(t.Context(), sink, "1"); sinks.ClassOf(err) != sinks.Denied {
				t.Errorf("%s: %v", verb, err)
			}
		}
	}
}

// TestHiddenAccount: an account that the application shows nobody is not found, and the
// attempt to make it again is a conflict; there is no second one.
func TestHiddenAccount(t *testing.T) {
	t.Parallel()
	srv, sink := quirk(scimtest.Quirks{FilterHidesUnmanaged: true}).start(t)
	srv.AddUser(map[string]any{"userName": "ada"})
	hits, err := sink.Find(t.Context(), sinks.Query{Resource: sinks.User}, "userName", "ada")
	if err != nil || len(hits) != 0 {
		t.Errorf("found %v, %v", hits, err)
	}
	page, err := sink.List(t.Context(), sinks.Query{Resource: sinks.User}, "")
	if err != nil || len(page.Objects) != 0 || !page.Done {
		t.Errorf("listed %+v, %v", page, err)
	}
	if err := create(sinks.Attribute{Path: "userName", Value: "ada"})(t, srv, sink, nil); sinks.ClassOf(err) != sinks.Conflict {
		t.Errorf("made again: %v", err)
	}
	if n := len(srv.Users()); n != 1 {
		t.Errorf("%d accounts", n)
	}
}

// TestReadLag: an account that can't be read yet exists by its receipt. Nothing that is
// done with it meanwhile succeeds in silence or makes a second one.
func TestReadLag(t *testing.T) {
	t.Parallel()
	srv, sink := quirk(scimtest.Quirks{ReadLag: time.Hour}).start(t)
	name := sinks.Attribute{Path: "userName", Value: "ada"}
	made, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{name}})
	if err != nil || made.ID == "" {
		t.Fatalf("%+v, %v", made, err)
	}
	group := sinks.ID(srv.AddGroup("Staff"))
	_, addErr := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.Group, ID: group, AddMembers: []sinks.ID{made.ID}})
	_, changeErr := sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: made.ID, Attributes: []sinks.Attribute{{Path: "title", Value: "x"}}})
	againErr := create(name)(t, srv, sink, nil)
	got := []sinks.Class{sinks.ClassOf(addErr), sinks.ClassOf(changeErr), sinks.ClassOf(againErr)}
	if diff := cmp.Diff([]sinks.Class{sinks.Rejected, sinks.Missing, sinks.Conflict}, got); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	if n := len(srv.Users()); n != 1 {
		t.Errorf("%d accounts", n)
	}
}

// TestIdleConnections: a connection that the application drops on reuse costs a read
// nothing, and leaves the effect of a write unclear; nothing is sent twice.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	for verb, want := range map[string]sinks.Class{"GET": 0, "LIST": 0, "FILTER": 0, "POST": sinks.Unclear, "PATCH": sinks.Unclear, "DELETE": sinks.Unclear} {
		srv, sink := quirk(scimtest.Quirks{IdleDrop: time.Nanosecond}).start(t)
		id := sinks.ID(srv.AddUser(map[string]any{"userName": "ada"}))
		if err := verbs["GET"](t.Context(), sink, id); err != nil {
			t.Fatal(err)
		}
		if err := verbs[verb](t.Context(), sink, id); sinks.ClassOf(err) != want || (want == 0) != (err == nil) {
			t.Errorf("%s on a dropped connection: %v", verb, err)
		}
		if want == 0 {
			continue
		}
		if n := srv.Counts().Writes(); n != 1 {
			t.Errorf("%s was sent %d times", verb, n)
		}
		if err := verbs[verb](t.Context(), sink, id); err != nil {
			t.Errorf("%s on a new connection: %v", verb, err)
		}
	}
}

// TestRaces: of several who make one account at the same time, one succeeds, and the
// others know that it is theirs to look. Where the application lets all of them through,
// a search shows it.
func TestRaces(t *testing.T) {
	t.Parallel()
	for _, b := range []scimtest.Behaviour{scimtest.Fail, scimtest.Allow} {
		srv, sink := quirk(scimtest.Quirks{Race: b, RaceGap: 200 * time.Millisecond}).start(t)
		classes := make([]sinks.Class, 4)
		var wg sync.WaitGroup
		for i := range classes {
			wg.Go(func() {
				classes[i] = sinks.ClassOf(create(sinks.Attribute{Path: "userName", Value: "ada"})(t, srv, sink, nil))
			})
		}
		wg.Wait()
		made := len(srv.Users())
		lost := slices.DeleteFunc(classes, func(c sinks.Class) bool { return c == 0 })
		raced := b == scimtest.Allow && made > 1 || b == scimtest.Fail && made == 1 && slices.Contains(lost, sinks.Unclear)
		if len(lost) != 4-made || !raced {
			t.Errorf("%s: %d accounts, refused %v", b, made, lost)
		}
		for _, c := range lost {
			if c != sinks.Unclear && c != sinks.Conflict {
				t.Errorf("%s: a loser is told %s", b, c)
			}
		}
		hits, err := sink.Find(t.Context(), sinks.Query{Resource: sinks.User}, "userName", "ada")
		if err != nil || len(hits) != made {
			t.Errorf("%s: %s found, %v", b, fmt.Sprint(len(hits)), err)
		}
	}
}
