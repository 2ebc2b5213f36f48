package mapping_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

// attribute draws a source's value; few keys, so that paths often lead somewhere.
func attribute(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 7
		if depth == 0 {
			kinds = 5
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.SampledFrom([]string{"", "x", "Sales", "é"}).Draw(t, "text")
		case 2:
			return rapid.Bool().Draw(t, "bool")
		case 3:
			return float64(rapid.IntRange(-3, 3).Draw(t, "whole"))
		case 4:
			return rapid.Float64Range(-1e20, 1e20).Draw(t, "number")
		case 5:
			return rapid.SliceOfN(attribute(depth-1), 0, 3).Draw(t, "list")
		default:
			return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), attribute(depth-1), 0, 3).Draw(t, "object")
		}
	})
}

func path() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		p := "user." + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
		for _, step := range rapid.SliceOfN(rapid.SampledFrom([]string{".a", ".b", "[0]", "[1]"}), 0, 3).Draw(t, "steps") {
			p += step
		}
		return p
	})
}

// A plain path gives what CEL gives, whatever the object looks like, and both always give
// something or nothing, never an error.
func TestPlainPathsAreCEL(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := path().Draw(t, "path")
		attrs := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), attribute(2), 0, 3).Draw(t, "attributes")
		m, err := mapping.Compile(mapping.Spec{Users: []mapping.Row{
			{To: "a", From: p, Match: 1}, {To: "b", From: fmt.Sprintf("[%s][0]", p)},
		}}, mapping.Scope{}, defaults)
		if err != nil {
			t.Fatal(err)
		}
		values, err := m.Users().Values(attrs)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(values[0], values[1]) {
			t.Fatalf("%s of %v: plain %#v, CEL %#v", p, attrs, values[0], values[1])
		}
		if !cmp.Equal(m.UserAttributes(), []string{p[5:6]}) {
			t.Fatalf("%s reads %v", p, m.UserAttributes())
		}
	})
}

// No text whatever makes the compiler or an evaluation panic, and what compiles can be
// explained with the result that it gives.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`user.department == "Sales" && !(user.level > 2 || user.mail.endsWith("@x"))`, `join([user.a, "x"], "-")`, `coalesce(user.a[0].b, null)`,
		`user.a.exists(e, e.b in user.c) ? user.d : null`, `user["a"].replace("x", "y").matches("^.*$")`, `has(user.a.b) && size(user.c) > 0`, `none`, `((`, `user.`,
	} {
		f.Add(s, `emails[type eq "work"].value`)
	}
	f.Fuzz(func(t *testing.T, expression, to string) {
		m, err := mapping.Compile(mapping.Spec{Users: []mapping.Row{
			{To: "userName", From: "user.id", Match: 1}, {To: to, From: expression},
		}}, mapping.Scope{Users: expression}, defaults)
		if err != nil {
			return
		}
		_, _ = m.Users().Values(ada) // an error is as good as a value here
		in, err := m.InScope(sources.KindUser, ada)
		if x := m.Explain(sources.KindUser, ada); x.InScope != in || (x.Err == nil) != (err == nil) {
			t.Errorf("%v, %v is explained as %+v", in, err, x)
		}
	})
}
