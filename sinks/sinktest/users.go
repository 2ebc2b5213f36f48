package sinktest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"

// attributes turns a map into the list of an Op, in the order of paths.
func attributes(values map[string]any) []sinks.Attribute {
	out := make([]sinks.Attribute, 0, len(values))
	for _, path := range slices.Sorted(maps.Keys(values)) {
		out = append(out, sinks.Attribute{Path: path, Value: values[path]})
	}
	return out
}

// person is an account with every attribute of the default mappings.
func person(name string) map[string]any {
	return map[string]any{
		"userName": name + "@example.com", "externalId": "x-" + name, "active": true,
		"displayName": "Ms. " + name, "title": "Engineer", "preferredLanguage": "de-DE",
		"name.givenName": name, "name.familyName": "Example", "name.formatted": name + " Example",
		`emails[type eq "work"].value`:            name + "@example.com",
		`phoneNumbers[type eq "work"].value`:      "+49 30 1234",
		`phoneNumbers[type eq "mobile"].value`:    "+49 170 1234",
		`addresses[type eq "work"].streetAddress`: "Main St. 1",
		`addresses[type eq "work"].locality`:      "Berlin",
		enterprise + "department":                 "R&D",
		enterprise + "employeeNumber":             "0042",
	}
}

func runUsers(t *testing.T, fresh Harness) {
	t.Run("create with every default attribute", func(t *testing.T) {
		b := begin(t, fresh)
		want := b.supported(person("ada"))
		b.wantHeld(sinks.User, b.create(sinks.User, want), want)
	})
	t.Run("change every attribute", func(t *testing.T) {
		b := begin(t, fresh)
		id := b.create(sinks.User, b.supported(person("ada")))
		want := b.supported(person("grace"))
		b.update(sinks.User, id, want)
		b.wantHeld(sinks.User, id, want)
	})
	t.Run("only named attributes change", func(t *testing.T) {
		b := begin(t, fresh)
		want := b.supported(person("ada"))
		id := b.create(sinks.User, want)
		b.update(sinks.User, id, map[string]any{"title": "Director"})
		want["title"] = "Director"
		b.wantHeld(sinks.User, id, want)
	})
	t.Run("clear and set again", testClear(fresh))
	t.Run("values for entries that were never there", testAbsent(fresh))
	t.Run("one entry leaves, another comes", func(t *testing.T) {
		b := begin(t, fresh)
		values := minimal("ada")
		values[`phoneNumbers[type eq "work"].value`] = "+49 30 1"
		id := b.create(sinks.User, b.supported(values))
		change := b.supported(map[string]any{`phoneNumbers[type eq "work"].value`: nil, `phoneNumbers[type eq "mobile"].value`: "+49 170 1"})
		b.update(sinks.User, id, change)
		b.wantHeld(sinks.User, id, change)
	})
	t.Run("clear what is not there", func(t *testing.T) {
		b := begin(t, fresh)
		id := b.create(sinks.User, minimal("ada"))
		b.update(sinks.User, id, b.supported(map[string]any{"title": nil, `phoneNumbers[type eq "work"].value`: nil, "displayName": "Ada L."}))
		b.wantHeld(sinks.User, id, map[string]any{"title": nil, "displayName": "Ada L."})
	})
	t.Run("disable and enable", func(t *testing.T) {
		b := begin(t, fresh)
		id := b.create(sinks.User, minimal("ada"))
		for _, active := range []bool{false, true, true, false} {
			b.update(sinks.User, id, map[string]any{"active": active})
			b.wantHeld(sinks.User, id, map[string]any{"active": active})
		}
	})
	t.Run("manager", testManager(fresh))
	t.Run("two accounts swap names", func(t *testing.T) {
		b := begin(t, fresh)
		ada, bob := b.create(sinks.User, minimal("ada")), b.create(sinks.User, minimal("bob"))
		b.update(sinks.User, ada, map[string]any{"userName": "swap@example.com"})
		b.update(sinks.User, bob, map[string]any{"userName": "ada@example.com"})
		b.update(sinks.User, ada, map[string]any{"userName": "bob@example.com"})
		b.wantHeld(sinks.User, ada, map[string]any{"userName": "bob@example.com"})
		b.wantHeld(sinks.User, bob, map[string]any{"userName": "ada@example.com"})
	})
	t.Run("overtaken by another client", testOvertaken(fresh))
	t.Run("delete", testDelete(fresh))
}

func minimal(name string) map[string]any {
	return map[string]any{
		"userName": name + "@example.com", "externalId": "x-" + name, "active": true, "displayName": name,
		"name.givenName": name, "name.familyName": "Example", `emails[type eq "work"].value`: name + "@example.com",
	}
}

func testClear(fresh Harness) func(*testing.T) {
	return func(t *testing.T) {
		b := begin(t, fresh)
		full := b.supported(person("ada"))
		id := b.create(sinks.User, full)
		cleared, kept := map[string]any{}, map[string]any{}
		for path, v := range full {
			if _, needed := minimal("ada")[path]; needed {
				kept[path] = v
			} else {
				cleared[path] = nil
			}
		}
		b.update(sinks.User, id, cleared)
		b.wantHeld(sinks.User, id, cleared)
		b.wantHeld(sinks.User, id, kept)
		again := maps.Clone(full)
		maps.DeleteFunc(again, func(path string, _ any) bool { _, ok := cleared[path]; return !ok })
		b.update(sinks.User, id, again)
		b.wantHeld(sinks.User, id, full)
	}
}

func testAbsent(fresh Harness) func(*testing.T) {
	return func(t *testing.T) {
		b := begin(t, fresh)
		id := b.create(sinks.User, minimal("ada"))
		added := b.supported(map[string]any{
			`phoneNumbers[type eq "work"].value`:      "+49 30 9",
			`phoneNumbers[type eq "mobile"].value`:    "+49 170 9",
			`addresses[type eq "work"].streetAddress`: "Side St. 2",
			`addresses[type eq "work"].locality`:      "Bonn",
			enterprise + "department":                 "Sales",
		})
		b.update(sinks.User, id, added)
		b.wantHeld(sinks.User, id, added)
		b.wantHeld(sinks.User, id, map[string]any{`emails[type eq "work"].value`: "ada@example.com"})
	}
}

func testManager(fresh Harness) func(*testing.T) {
	return func(t *testing.T) {
		b := begin(t, fresh)
		if slices.Contains(b.Traits.Unsupported, sinks.PathManager) {
			return
		}
		boss, chief := b.create(sinks.User, minimal("boss")), b.create(sinks.User, minimal("chief"))
		id := b.create(sinks.User, minimal("ada"))
		for _, m := range []any{string(boss), string(chief), nil, string(boss)} {
			b.update(sinks.User, id, map[string]any{sinks.PathManager: m})
			b.wantHeld(sinks.User, id, map[string]any{sinks.PathManager: m})
			o, err := b.Sink.Get(t.Context(), sinks.Query{Resource: sinks.User, Paths: []string{sinks.PathManager}}, id)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.Values[sinks.PathManager]; got != m {
				t.Errorf("manager read back = %v, want %v", got, m)
			}
		}
	}
}

// testOvertaken changes an account that another client has changed since it was made: both
// changes stay, whether the application has versions or not. Where it has, that costs one
// look and one more write, and a version is at hand for the next change.
func testOvertaken(fresh Harness) func(*testing.T) {
	return func(t *testing.T) {
		b := begin(t, fresh)
		if b.Disturb == nil {
			return
		}
		made := b.do(sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: attributes(minimal("ada"))})
		b.Disturb(made.ID)
		before := len(b.exchange(made.ID))
		changed := b.do(sinks.Op{
			Action: sinks.Update, Resource: sinks.User, ID: made.ID, Version: made.Version,
			Attributes: attributes(map[string]any{"displayName": "Ada L."}),
		})
		b.wantHeld(sinks.User, made.ID, map[string]any{"displayName": "Ada L.", "nickName": "disturbed"})
		if b.Traits.Overtaken == nil {
			return
		}
		if diff := cmp.Diff(b.Traits.Overtaken, b.exchange(made.ID)[before:]); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		if made.Version == "" || changed.Version == "" || made.Version == changed.Version {
			t.Errorf("versions %q and %q", made.Version, changed.Version)
		}
	}
}

func (b bench) exchange(id sinks.ID) []string {
	if b.Exchange == nil {
		return nil
	}
	return b.Exchange(id)
}

func testDelete(fresh Harness) func(*testing.T) {
	return func(t *testing.T) {
		b := begin(t, fresh)
		id, other := b.create(sinks.User, minimal("ada")), b.create(sinks.User, minimal("bob"))
		if receipt := b.do(sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: id}); receipt.Gone {
			t.Error("the first delete says that the account was gone already")
		}
		if _, ok := b.held(sinks.User, id); ok {
			t.Error("the application still has the account")
		}
		if _, ok := b.held(sinks.User, other); !ok {
			t.Error("another account is gone")
		}
		if receipt := b.do(sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: id}); !receipt.Gone {
			t.Error("the second delete does not say that the account was gone")
		}
		again := b.create(sinks.User, minimal("ada"))
		b.wantHeld(sinks.User, again, map[string]any{"userName": "ada@example.com"})
	}
}

// crowd creates n accounts and returns their ids.
func (b bench) crowd(n int) []sinks.ID {
	b.t.Helper()
	ids := make([]sinks.ID, n)
	for i := range n {
		name := fmt.Sprintf("user%04d", i)
		if b.Seed != nil {
			ids[i] = b.Seed(map[string]any{"userName": name + "@example.com", "externalId": "x-" + name, "active": true})
			continue
		}
		ids[i] = b.create(sinks.User, minimal(name))
	}
	return ids
}
