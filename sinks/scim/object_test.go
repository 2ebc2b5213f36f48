package scim

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sinks"
)

// asMaps is a value with a map in place of each object.
func asMaps(v any) any {
	switch v := v.(type) {
	case *object:
		out := map[string]any{}
		for _, m := range v.members {
			out[m.name] = asMaps(m.value)
		}
		return out
	case []*object:
		if v == nil {
			return nil
		}
		out := make([]map[string]any, len(v))
		for i, e := range v {
			out[i], _ = asMaps(e).(map[string]any)
		}
		return out
	default:
		return v
	}
}

// plainValues draws what both ways of writing JSON escape alike.
func plainValues() *rapid.Generator[any] {
	text := rapid.StringMatching(`[a-zA-Z <>&"\\é]{0,6}`)
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Bool().AsAny(), text.AsAny(), rapid.IntRange(-9, 9).AsAny())
	entry := rapid.MapOfN(rapid.SampledFrom([]string{"value", "Value", "type", "TYPE", "primary", "display"}), leaf, 0, 4)
	return rapid.OneOf(leaf, entry.AsAny(), rapid.SliceOfN(entry, 0, 3).AsAny(), rapid.SliceOfN(rapid.OneOf(leaf, entry.AsAny()), 0, 3).AsAny())
}

// TestBodyOrder: whatever is set in a new resource, or in one that was read, it is
// written as encoding/json writes maps of the same, every name once.
func TestBodyOrder(t *testing.T) {
	t.Parallel()
	paths := []string{
		"userName", "USERNAME", "active", "title", "name", "name.givenName", "NAME.familyName", "emails", `emails[type eq "work"].value`,
		`Emails[Type eq "WORK"].display`, `emails[primary eq true]`, `emails[type eq "home" and primary eq false].value`, `phoneNumbers[primary eq "True"].value`,
		`addresses[type eq "work"].locality`, `addresses[type eq "work"].country`, `addresses[type eq "work"].$ref`, "schemas", sinks.PathManager, schemaEnterprise + ":manager.displayName",
		schemaEnterprise + ":department", "URN:ietf:params:scim:schemas:extension:enterprise:2.0:user:Department", `urn:acme:2.0:User:tools[type eq "a"].value`, "urn:acme:2.0:User:level",
	}
	rapid.Check(t, func(t *rapid.T) {
		changes := make([]change, rapid.IntRange(0, 20).Draw(t, "changes"))
		for i := range changes {
			s := rapid.SampledFrom(paths).Draw(t, "path")
			p, err := parsePath(s)
			if err != nil {
				t.Fatal(err)
			}
			changes[i] = change{&target{s, p}, outgoing(p, plainValues().Draw(t, "value"))}
		}
		body := newBody(sinks.User, changes)
		raw := asJSON(t, body)
		d, err := readDocument(raw, true)
		if err != nil {
			t.Fatal(err)
		}
		again := d.resource()
		if back, err := encode(again); err != nil || !bytes.Equal(back, raw) {
			t.Fatalf("read and written again: %v\n got %s\nwant %s", err, back, raw)
		}
		for _, c := range rapid.Permutation(changes).Draw(t, "again") {
			again.set(c.path, c.value)
		}
		asJSON(t, again)
	})
}

// asJSON writes a body in all ways there are, and holds them against encoding/json.
func asJSON(t *rapid.T, body *object) []byte {
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(asMaps(body)); err != nil {
		t.Fatal(err)
	}
	raw, written, err := body.write()
	if err != nil {
		t.Fatal(err)
	}
	inBulk, err := encode([]*bulkItem{{Data: body}})
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.TrimSpace(want.Bytes())
	if !bytes.Equal(raw, line) || !bytes.Contains(inBulk, line) {
		t.Fatalf("in bulk %s\n got %s\nwant %s", inBulk, raw, line)
	}
	if !slices.EqualFunc(written.attributes, body.members, func(a attribute, m member) bool { return string(a.name) == m.name }) {
		t.Fatalf("written %v, not %v", written.attributes, body.members)
	}
	return raw
}

// TestNames: of names that differ by letter case alone the exact one counts, else always
// the same one.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   map[string]any
		name string
		want any
	}{
		{map[string]any{"Title": 1, "tITLE": 2, "TITLE": 3}, "title", 3},
		{map[string]any{"Title": 1, "title": 2}, "title", 2},
		{map[string]any{"Title": 1}, "name", nil},
		{nil, "title", nil},
	} {
		o := objectOf(tt.in)
		if got := o.get(tt.name); got != tt.want {
			t.Errorf("%s of %v is %v, want %v", tt.name, tt.in, got, tt.want)
		}
		if tt.in == nil {
			if raw, err := encode(tt.in); string(raw) != "null" || err != nil {
				t.Errorf("no map is written as %s, %v", raw, err)
			}
			continue
		}
		o.put(tt.name, "new")
		if got := o.get(tt.name); got != "new" {
			t.Errorf("%s of %v was set and is %v", tt.name, tt.in, got)
		}
		for range len(tt.in) + 1 {
			o.drop(tt.name)
		}
		if o.find(tt.name) >= 0 {
			t.Errorf("%s is left in %v", tt.name, o.members)
		}
	}
}

// TestWholeValues: values that are objects themselves are added to in the body, and stay
// what they are: a PUT sets them again when it is put together anew.
func TestWholeValues(t *testing.T) {
	t.Parallel()
	manager, err := parsePath(sinks.PathManager)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path  string
		value any
		more  string
		want  string // the attribute
	}{
		{"name", map[string]any{"givenName": "Ada"}, "name.familyName", `{"familyName":"x","givenName":"Ada"}`},
		{sinks.PathManager, outgoing(manager, "7"), sinks.PathManager + ".displayName", `{"displayName":"x","value":"7"}`},
		{"roles", []map[string]any{{"type": "b", "value": "y"}}, `roles[type eq "b"].display`, `[{"display":"x","type":"b","value":"y"}]`},
		{"roles", []any{map[string]any{"type": "b"}, "y"}, `roles[type eq "b"].value`, `[{"type":"b","value":"x"},{"value":"y"}]`},
		{"roles", map[string]any{"type": "b"}, `roles[type eq "b"].value`, `[{"type":"b","value":"x"}]`},
		{`roles[type eq "b"]`, map[string]any{"value": "y"}, `roles[type eq "b"].display`, `[{"display":"x","type":"b","value":"y"}]`},
	} {
		before, _ := encode([]any{tt.value})
		body := &object{}
		for _, c := range []sinks.Attribute{{Path: tt.path, Value: tt.value}, {Path: tt.more, Value: "x"}} {
			p, err := parsePath(c.Path)
			if err != nil {
				t.Fatal(err)
			}
			body.set(p, c.Value)
		}
		p, _ := parsePath(tt.more)
		if got, err := encode(body.raw(p)); string(got) != tt.want || err != nil {
			t.Errorf("%s and %s: %v\n got %s\nwant %s", tt.path, tt.more, err, got, tt.want)
		}
		if after, _ := encode([]any{tt.value}); !bytes.Equal(before, after) {
			t.Errorf("%s: the value was %s and is %s", tt.path, before, after)
		}
	}
}
