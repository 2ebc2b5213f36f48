package scim

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sinks"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // the path and how it is sent
		"userName":                                                  "userName",
		"name.givenName":                                            "name.givenName",
		`emails[type eq "work"].value`:                              `emails[type eq "work"].value`,
		`emails[ type  EQ "work" ].value`:                           `emails[type eq "work"].value`,
		`roles[primary eq "True"].value`:                            `roles[primary eq true].value`,
		`emails[primary eq true].value`:                             `emails[primary eq true].value`,
		`emails[type eq "work" and primary eq FALSE].value`:         `emails[type eq "work" and primary eq false].value`,
		`emails[type eq "a\"b]c"].value`:                            `emails[type eq "a\"b]c"].value`,
		`members[value eq "x"]`:                                     `members[value eq "x"]`,
		`things[rank eq 2.50].value`:                                `things[rank eq 2.5].value`,
		schemaEnterprise + ":department":                            schemaEnterprise + ":department",
		schemaEnterprise + ":manager.value":                         schemaEnterprise + ":manager.value",
		"urn:acme:2.0:User:colours[type eq \"a:b\"].value":          "urn:acme:2.0:User:colours[type eq \"a:b\"].value",
		"urn:ietf:params:scim:schemas:core:2.0:User:userName":       "userName",
		"urn:ietf:params:scim:schemas:core:2.0:Group:members":       "members",
		"URN:IETF:params:scim:schemas:core:2.0:user:name.givenName": "name.givenName",
	}
	for in, want := range tests {
		p, err := parsePath(in)
		if err != nil || p.String() != want {
			t.Errorf("parsePath(%q) = %s, %v; want %s", in, p, err, want)
		}
	}
	for _, in := range []string{
		"", " ", ".", "name.", ".givenName", "a b", "emails[", "emails[]", "emails[type]", `emails[type eq]`, `emails[type eq "work"`,
		`emails[type eq work].value`, `emails[type ne "work"].value`, `emails[type eq "work" or type eq "home"].value`,
		`emails[type eq "work"]value`, `emails[type eq "work"].`, `emails[primary eq "maybe"].value`, "emails.value",
		schemaEnterprise + ":", `emails[type eq "work\"].value`, "9lives", "emails[rank eq NaN].value",
	} {
		if p, err := parsePath(in); err == nil {
			t.Errorf("parsePath(%q) = %s, want an error", in, p)
		}
	}
}

// FuzzPath: what is parsed and written is parsed again to the same.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"userName", `emails[type eq "work"].value`, schemaEnterprise + ":manager", `a[b eq "\u0000\"" and c eq 1e9].d`, `a[b eq "`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePath(s)
		if err != nil {
			return
		}
		again, err := parsePath(p.String())
		if err != nil {
			t.Fatalf("%q was written as %q: %v", s, p, err)
		}
		if diff := cmp.Diff(p, again, cmp.AllowUnexported(path{}, term{})); diff != "" {
			t.Errorf("%q (-first +second):\n%s", s, diff)
		}
	})
}

// FuzzFilter: any value comes out of a filter as it went in, and nothing gets out of its
// quotes.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"", `a"b`, `\`, `\"`, `" or userName pr or "`, "a/b c", "😀", strings.Repeat("x", 300), "\x00\n\t", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePath("userName")
		if err != nil {
			t.Fatal(err)
		}
		text, ok := strings.CutPrefix(wanted{path: p, value: s}.expression(true), "userName eq ")
		if !ok {
			t.Fatalf("expression for %q: %s", s, text)
		}
		var back string
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Fatalf("%s is no JSON string: %v", text, err)
		}
		if back != string([]rune(s)) { // bytes that are no UTF-8 become U+FFFD
			t.Errorf("%q came back as %q", s, back)
		}
	})
}

// TestSetGet: what is set at a path is found there, and clearing leaves nothing behind.
func TestSetGet(t *testing.T) {
	t.Parallel()
	paths := []string{
		"userName", "active", "name.givenName", `emails[type eq "work"].value`, `emails[type eq "home"].value`, `emails[primary eq true].display`,
		`addresses[type eq "work"].locality`, schemaEnterprise + ":department", sinks.PathManager, "urn:acme:2.0:User:level", `roles[primary eq "True"].value`,
	}
	rapid.Check(t, func(t *rapid.T) {
		r := objectOf(map[string]any{"id": "1"})
		want := map[string]any{}
		for _, s := range rapid.SliceOfN(rapid.SampledFrom(paths), 1, 20).Draw(t, "paths") {
			p, err := parsePath(s)
			if err != nil {
				t.Fatal(err)
			}
			var v any
			switch {
			case rapid.Bool().Draw(t, "clear"):
				delete(want, s)
			case isBoolean(p.leaf()):
				v = rapid.Bool().Draw(t, "value")
			default:
				v = rapid.StringN(1, 5, -1).Draw(t, "value")
			}
			r.set(p, outgoing(p, v))
			if v != nil {
				want[s] = v
			}
		}
		d := roundTrip(t, r)
		for _, s := range paths {
			p, _ := parsePath(s)
			if diff := cmp.Diff(want[s], d.get(p)); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", s, diff)
			}
		}
	})
}

// roundTrip reads a resource as the application would send it back.
func roundTrip(t interface{ Fatal(args ...any) }, r *object) *document {
	sent, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	d, err := readDocument(sent, true)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestClearedEntry: an entry that only says what kind of entry it is goes with its last value.
func TestClearedEntry(t *testing.T) {
	t.Parallel()
	r := &object{}
	for _, v := range []any{"Bonn", nil} {
		for _, s := range []string{`addresses[type eq "work"].locality`, `addresses[type eq "work"].country`, `emails[type eq "work"].value`, "name.givenName"} {
			p, err := parsePath(s)
			if err != nil {
				t.Fatal(err)
			}
			r.set(p, v)
		}
	}
	if len(r.members) > 0 {
		t.Errorf("left behind: %v", r.members)
	}
}

func TestGetIsTolerant(t *testing.T) {
	t.Parallel()
	r, err := readDocument([]byte(`{"ID":7,"UserName":"ada","active":"True","emails":{"Type":"WORK","value":"a@x"},"phoneNumbers":["123"],
		"name":null,"title":"","roles":[],"level":3,"URN:ietf:params:scim:schemas:extension:enterprise:2.0:user":{"Manager":{"value":"9"}}}`), false)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"userName": "ada", "active": true, `emails[type eq "work"].value`: "a@x", "phoneNumbers": []any{"123"}, "name.givenName": nil,
		"title": nil, "roles": nil, "level": 3.0, sinks.PathManager: "9", schemaEnterprise + ":manager.value": "9",
		`phoneNumbers[primary eq false].value`: "123",
	}
	for s, v := range want {
		p, err := parsePath(s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, r.get(p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s, diff)
		}
	}
	if big, err := readDocument([]byte(`{"id":"g","Members":[{"value":"1"}]}`), false); err != nil || big.attribute("members") != nil {
		t.Errorf("members that nobody asked for are kept: %v, %v", big, err)
	}
	if r.id() != "7" {
		t.Errorf("id %q", r.id())
	}
}

func TestNewBody(t *testing.T) {
	t.Parallel()
	body := func(pairs ...any) any {
		var changes []change
		for i := 0; i < len(pairs); i += 2 {
			name, _ := pairs[i].(string)
			p, err := parsePath(name)
			if err != nil {
				t.Fatal(err)
			}
			changes = append(changes, change{&target{name, p}, outgoing(p, pairs[i+1])})
		}
		return asMaps(newBody(sinks.User, changes))
	}
	entry := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1] //nolint:forcetypeassert // the test's own texts
		}
		return m
	}
	tests := map[string]struct{ got, want any }{
		"entra": {
			body("userName", "ada", `emails[type eq "work"].value`, "a@x", `addresses[type eq "work"].locality`, "Bonn", `addresses[type eq "work"].country`, "DE", sinks.PathManager, "m1"),
			map[string]any{
				"schemas": []string{schemaUser, schemaEnterprise}, "userName": "ada",
				"emails":         []map[string]any{entry("type", "work", "value", "a@x", "primary", true)},
				"addresses":      []map[string]any{entry("type", "work", "locality", "Bonn", "country", "DE")},
				schemaEnterprise: map[string]any{"manager": map[string]any{"value": "m1"}},
			},
		},
		"okta": {
			body(`emails[primary eq true].value`, "a@x", `emails[primary eq false].value`, "b@x", `phoneNumbers[primary eq true].value`, "1", `phoneNumbers[primary eq false].value`, "2"),
			map[string]any{
				"schemas":      []string{schemaUser},
				"emails":       []map[string]any{entry("type", "work", "value", "a@x", "primary", true), entry("type", "other", "value", "b@x", "primary", false)},
				"phoneNumbers": []map[string]any{entry("type", "work", "value", "1", "primary", true), entry("type", "mobile", "value", "2", "primary", false)},
			},
		},
		"work is primary": {
			body(`emails[type eq "home"].value`, "h@x", `emails[type eq "work"].value`, "w@x"),
			map[string]any{
				"schemas": []string{schemaUser},
				"emails":  []map[string]any{entry("type", "home", "value", "h@x"), entry("type", "work", "value", "w@x", "primary", true)},
			},
		},
		"booleans and custom schemas": {
			body("active", "False", `roles[primary eq "True"].value`, "admin", "urn:acme:2.0:User:level", 3.0),
			map[string]any{
				"schemas": []string{schemaUser, "urn:acme:2.0:User"}, "active": false,
				"roles":             []map[string]any{entry("primary", true, "value", "admin")},
				"urn:acme:2.0:User": map[string]any{"level": 3.0},
			},
		},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
