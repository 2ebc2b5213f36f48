package sinktest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
)

func runReading(t *testing.T, fresh Harness) {
	t.Run("list is whole and without repetition", testList(fresh))
	t.Run("empty list", func(t *testing.T) {
		b := begin(t, fresh)
		if got := b.list(sinks.Query{Resource: sinks.Group}); len(got) != 0 {
			t.Errorf("%d groups in an empty application", len(got))
		}
	})
	t.Run("get gives back what was set", func(t *testing.T) {
		b := begin(t, fresh)
		want := b.supported(person("ada"))
		q := sinks.Query{Resource: sinks.User}
		for path := range want {
			q.Paths = append(q.Paths, path)
		}
		o, err := b.Sink.Get(t.Context(), q, b.create(sinks.User, want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, o.Values); diff != "" {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
	})
	t.Run("find", testFind(fresh))
	t.Run("find awkward names", func(t *testing.T) {
		b := begin(t, fresh)
		for _, name := range awkward {
			values := minimal("x")
			values["userName"], values["externalId"] = name, name
			receipt, err := b.Sink.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: attributes(values)})
			if sinks.ClassOf(err) == sinks.Rejected {
				continue // the application is free to refuse a name
			}
			if err != nil {
				t.Fatalf("create %q: %v", name, err)
			}
			b.wantFound("userName", name, receipt.ID)
		}
	})
}

// awkward are names with what breaks filters and addresses.
var awkward = []string{
	`o"brien@example.com`, `back\slash@example.com`, `a/b?c=d&e#f@example.com`, `per%20cent@example.com`,
	`plus+tag@example.com`, `spa ce@example.com`, `ümläut@example.com`, `😀@example.com`, `" or userName pr or "`,
}

func testList(fresh Harness) func(*testing.T) {
	return func(t *testing.T) {
		b := begin(t, fresh)
		ids := b.crowd(230)
		got := b.list(sinks.Query{Resource: sinks.User, Paths: []string{"userName"}})
		names := map[sinks.ID]any{}
		for _, o := range got {
			names[o.ID] = o.Values["userName"]
		}
		if len(got) != len(ids) || len(names) != len(ids) {
			t.Errorf("%d objects, %d distinct; want %d", len(got), len(names), len(ids))
		}
		if names[ids[0]] != "user0000@example.com" {
			t.Errorf("userName of the first = %v", names[ids[0]])
		}
	}
}

// list walks the whole list.
func (b bench) list(q sinks.Query) []sinks.Object {
	b.t.Helper()
	var all []sinks.Object
	cursor := ""
	for range 1000 {
		page, err := b.Sink.List(b.t.Context(), q, cursor)
		if err != nil {
			b.t.Fatalf("list %ss after %d: %v", q.Resource, len(all), err)
		}
		all = append(all, page.Objects...)
		if page.Done {
			return all
		}
		cursor = page.Cursor
	}
	b.t.Fatal("the list does not end")
	return nil
}

func testFind(fresh Harness) func(*testing.T) {
	return func(t *testing.T) {
		b := begin(t, fresh)
		b.crowd(120) // more than a page: a search must not stop at the first
		id := b.create(sinks.User, minimal("Ada"))
		b.wantFound("userName", "Ada@example.com", id)
		b.wantFound("externalId", "x-Ada", id)
		b.wantFound(`emails[type eq "work"].value`, "Ada@example.com", id)
		b.wantFound("userName", "nobody@example.com")
		b.wantFound("externalId", "X-ADA") // case-exact, RFC 7643 section 3.1
		if !b.Traits.CaseSensitiveSearch {
			b.wantFound("userName", "ada@EXAMPLE.com", id)
		}
	}
}

func (b bench) wantFound(path, value string, want ...sinks.ID) {
	b.t.Helper()
	objects, err := b.Sink.Find(b.t.Context(), sinks.Query{Resource: sinks.User, Paths: []string{path}}, path, value)
	if err != nil {
		b.t.Fatalf("find %s %q: %v", path, value, err)
	}
	var got []sinks.ID
	for _, o := range objects {
		got = append(got, o.ID)
	}
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		b.t.Errorf("find %s %q (-want +got):\n%s", path, value, diff)
	}
}

func runErrors(t *testing.T, fresh Harness) {
	t.Run("get of a missing object", func(t *testing.T) {
		b := begin(t, fresh)
		id := b.create(sinks.User, minimal("ada"))
		b.do(sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: id})
		_, err := b.Sink.Get(t.Context(), sinks.Query{Resource: sinks.User}, id)
		b.wantClass("get", err, sinks.Missing)
	})
	t.Run("update of a missing object", func(t *testing.T) {
		b := begin(t, fresh)
		id := b.create(sinks.User, minimal("ada"))
		b.do(sinks.Op{Action: sinks.Delete, Resource: sinks.User, ID: id})
		_, err := b.Sink.Do(t.Context(), sinks.Op{Action: sinks.Update, Resource: sinks.User, ID: id, Attributes: attributes(map[string]any{"title": "x"})})
		b.wantClass("update", err, sinks.Missing)
	})
	t.Run("a taken name", func(t *testing.T) {
		b := begin(t, fresh)
		if b.Traits.NamesNotUnique {
			return
		}
		b.create(sinks.User, minimal("ada"))
		_, err := b.Sink.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: attributes(minimal("ada"))})
		b.wantClass("create", err, sinks.Conflict)
		if n := len(b.Held()); n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
	})
}

func (b bench) wantClass(what string, err error, want sinks.Class) {
	b.t.Helper()
	if got := sinks.ClassOf(err); got != want {
		b.t.Errorf("%s: class %s, want %s: %v", what, got, want, err)
	}
	if sinks.HintOf(err) == "" {
		b.t.Errorf("%s: no advice with %v", what, err)
	}
}
