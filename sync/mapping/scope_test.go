package mapping_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

func TestInScope(t *testing.T) {
	t.Parallel()
	sales := map[string]any{
		"id": "u1", "department": "Sales", "level": 3.0, "on": true, "mail": "a@example.com", "tags": []any{"x"},
	}
	empty := map[string]any{"id": "u2", "department": nil}
	type verdict string
	const in, out, fails verdict = "in", "out", "fails"
	tests := []struct {
		filter            string
		ofSales, ofNobody verdict
	}{
		{"", in, in},
		{`user.department == "Sales"`, in, out},
		{`user.department != "Sales"`, out, in},
		{`user.department == null`, out, in},
		{`user.department in ["Sales", "IT"]`, in, out},
		{`!(user.department in ["IT"])`, in, in},
		{`user.mail.endsWith("@example.com")`, in, out},
		{`user.mail.matches("^a@.*$")`, in, out},
		{`"x".endsWith(user.department) || user.mail.startsWith(user.nothing)`, out, out},
		{`lower(user.mail).contains("example")`, in, out},
		{`user.level > 2`, in, out},
		{`user.level <= 3.5`, in, out},
		{`2 < user.level`, in, out},
		{`user.on`, in, out},
		{`user.on && user.level == 3`, in, out},
		{`!user.on`, out, in},
		{`user.on || has(user.id)`, in, in},
		{`user.on ? true : user.id == "u2"`, in, in},
		{`"x" in user.tags`, in, out},
		{`user.tags.exists(tag, tag == "x")`, in, out},
		{`size(user.tags) > 0`, in, out},
		{`has(user.department)`, in, out},
		{`user.id == "u1"`, in, out},
		// What can't be judged is an error, not a "no".
		{`user.department > 5`, fails, out},
		{`user.department`, fails, out},
		{`user.department && user.on`, fails, out},
		{`user.department.lower().startsWith(user.level)`, fails, out},
		{`user.department.startsWith(user.id) || user.level.startsWith("3")`, fails, out},
		{`int(user.mail) == 5`, fails, fails},
		{`user.mail + "x" == "y"`, out, fails},
		// An error that doesn't matter isn't one.
		{`user.id.startsWith("u") || int(user.mail) == 5`, in, in},
	}
	judge := func(m *mapping.Mapping, kind sources.Kind, attrs map[string]any) verdict {
		ok, err := m.InScope(kind, attrs)
		if err != nil {
			if _, typed := errors.AsType[*mapping.ScopeError](err); !typed || ok {
				t.Errorf("%v, %v: not a ScopeError with false", ok, err)
			}
			return fails
		}
		if ok {
			return in
		}
		return out
	}
	for _, test := range tests {
		m := compile(t, mapping.Spec{}, mapping.Scope{Users: test.filter})
		if got := judge(m, sources.KindUser, sales); got != test.ofSales {
			t.Errorf("%s: of Sales %s, want %s", test.filter, got, test.ofSales)
		}
		if got := judge(m, sources.KindUser, empty); got != test.ofNobody {
			t.Errorf("%s: without values %s, want %s", test.filter, got, test.ofNobody)
		}
		if got := judge(m, sources.KindGroup, empty); got != in {
			t.Errorf("%s: groups have no filter, but got %s", test.filter, got)
		}
		if judge(m, sources.KindUser, nil) == in && test.ofNobody != in && test.filter != "" {
			t.Errorf("%s: keeps somebody of whom nothing is known", test.filter)
		}
		if x := m.Explain(sources.KindUser, sales); x.InScope != (test.ofSales == in) || (x.Err != nil) != (test.ofSales == fails) {
			t.Errorf("%s: explained as %v, %v; want %s", test.filter, x.InScope, x.Err, test.ofSales)
		}
	}
}

func TestGroupScope(t *testing.T) {
	t.Parallel()
	none := compile(t, mapping.Spec{}, mapping.Scope{Groups: "none"})
	if ok, err := none.InScope(sources.KindGroup, nil); ok || err != nil || !none.NoGroups() || none.GroupsGiven() {
		t.Errorf("none: %v, %v", ok, err)
	}
	if len(none.GroupAttributes()) != 0 {
		t.Errorf("no groups, but attributes %v", none.GroupAttributes())
	}
	some := compile(t, mapping.Spec{}, mapping.Scope{Groups: `group.displayName.startsWith("app-") && group.mail != null`, App: "a1"})
	if diff := cmp.Diff([]string{"displayName", "mail"}, some.GroupAttributes()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if some.NoGroups() || !some.GroupsGiven() || some.App() != "a1" {
		t.Error("a filter for groups is not told")
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	m := compile(t, mapping.Spec{}, mapping.Scope{
		Users: `user.department == "Sales" && (user.level > 2 || user.mail.endsWith("@x")) && user.tags.exists(t, t == "a") && int(user.mail) > 0`,
	})
	got := m.Explain(sources.KindUser, map[string]any{"department": "IT", "level": 3.0, "mail": "a@x"})
	want := mapping.Explanation{
		Expression: `user.department == "Sales" && (user.level > 2 || user.mail.endsWith("@x")) && user.tags.exists(t, t == "a") && int(user.mail) > 0`,
		Operator:   "&&",
		Clauses: []mapping.Clause{
			{Text: `user.department == "Sales"`, Reads: map[string]any{"user.department": "IT"}},
			{Text: `user.level > 2 || user.mail.endsWith("@x")`, Result: true, Reads: map[string]any{"user.level": 3.0, "user.mail": "a@x"}},
			{Text: `user.tags.exists(t, t == "a")`, Reads: map[string]any{"user.tags": nil}},
			{Text: `int(user.mail) > 0`, Reads: map[string]any{"user.mail": "a@x"}},
		},
	}
	if err := got.Clauses[3].Err; err == nil {
		t.Error("the last clause fails, and nothing says so")
	}
	got.Clauses[3].Err = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("explanation (-want +got):\n%s", diff)
	}
	everyone := compile(t, mapping.Spec{}, mapping.Scope{}).Explain(sources.KindUser, nil)
	if diff := cmp.Diff(mapping.Explanation{InScope: true}, everyone); diff != "" {
		t.Errorf("without a filter (-want +got):\n%s", diff)
	}
}
