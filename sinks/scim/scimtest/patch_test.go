package scimtest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mailPath = `emails[type eq \"work\"].value`

// TestPatchUser has one case per sentence of RFC 7644 section 3.5.2. want are the values
// that the PATCH changes; nil means that the value is gone.
func TestPatchUser(t *testing.T) {
	const start = `,"displayName":"Alice","title":"Boss","active":true,"name":{"givenName":"Alice","familyName":"Adams"},
		"emails":[{"type":"work","value":"a@example.com","primary":true}],"` + enterpriseURN + `":{"department":"Sales","manager":{"value":"m1"}}`
	ent := enterpriseURN + ":"
	tests := []struct {
		name   string
		ops    string
		status int
		kind   string
		want   map[string]any
	}{
		// add
		{"add simple", `{"op":"add","path":"nickName","value":"Al"}`, 200, "", map[string]any{"nickName": "Al"}},
		{"add replaces a singular value", `{"op":"add","path":"title","value":"CEO"}`, 200, "", map[string]any{"title": "CEO"}},
		{"add complex merges", `{"op":"add","path":"name","value":{"middleName":"B"}}`, 200, "", map[string]any{"name.middleName": "B"}},
		{"add sub-attribute", `{"op":"add","path":"name.middleName","value":"B"}`, 200, "", map[string]any{"name.middleName": "B"}},
		{
			"add to a multi-valued attribute", `{"op":"add","path":"emails","value":[{"type":"home","value":"h@example.com"}]}`, 200, "",
			map[string]any{`emails[type eq "home"].value`: "h@example.com"},
		},
		{
			"a new primary ends the old one's", `{"op":"add","path":"emails","value":[{"type":"home","value":"h@example.com","primary":true}]}`, 200, "",
			map[string]any{`emails[type eq "home"].value`: "h@example.com", `emails[type eq "home"].primary`: true, `emails[type eq "work"].primary`: false},
		},
		{"add a value that is there", `{"op":"add","path":"emails","value":[{"type":"work","value":"a@example.com","primary":true}]}`, 200, "", nil},
		{"add to a selected value", `{"op":"add","path":"emails[type eq \"work\"]","value":{"display":"A"}}`, 200, "", map[string]any{`emails[type eq "work"].display`: "A"}},
		{
			"add without path", `{"op":"add","value":{"nickName":"Al","name":{"middleName":"B"},"emails":[{"type":"home","value":"h@example.com"}]}}`, 200, "",
			map[string]any{"nickName": "Al", "name.middleName": "B", `emails[type eq "home"].value`: "h@example.com"},
		},
		{"add without value", `{"op":"add","path":"nickName"}`, 400, "invalidValue", nil},
		// remove
		{"remove", `{"op":"remove","path":"title"}`, 200, "", map[string]any{"title": nil}},
		{"remove what is absent", `{"op":"remove","path":"nickName"}`, 200, "", nil},
		{"remove sub-attribute", `{"op":"remove","path":"name.givenName"}`, 200, "", map[string]any{"name.givenName": nil}},
		{"remove all values", `{"op":"remove","path":"emails"}`, 200, "", map[string]any{`emails[type eq "work"].value`: nil, `emails[type eq "work"].primary`: nil}},
		{"remove selected values", `{"op":"remove","path":"emails[value ew \"example.com\"]"}`, 200, "", map[string]any{`emails[type eq "work"].value`: nil, `emails[type eq "work"].primary`: nil}},
		{"remove a selected sub-attribute", `{"op":"remove","path":"emails[type eq \"work\"].primary"}`, 200, "", map[string]any{`emails[type eq "work"].primary`: nil}},
		{"remove with a filter that selects nothing", `{"op":"remove","path":"emails[type eq \"home\"]"}`, 200, "", nil},
		{"remove without path", `{"op":"remove"}`, 400, "noTarget", nil},
		{"remove a required attribute", `{"op":"remove","path":"userName"}`, 400, "invalidValue", nil},
		// replace
		{"replace simple", `{"op":"replace","path":"title","value":"CEO"}`, 200, "", map[string]any{"title": "CEO"}},
		{"replace makes an absent one", `{"op":"replace","path":"nickName","value":"Al"}`, 200, "", map[string]any{"nickName": "Al"}},
		{"replace by null clears", `{"op":"replace","path":"title","value":null}`, 200, "", map[string]any{"title": nil}},
		{
			"replace all values", `{"op":"replace","path":"emails","value":[{"type":"home","value":"h@example.com"}]}`, 200, "",
			map[string]any{`emails[type eq "home"].value`: "h@example.com", `emails[type eq "work"].value`: nil, `emails[type eq "work"].primary`: nil},
		},
		{
			"replace a selected value", `{"op":"replace","path":"emails[type eq \"work\"]","value":{"type":"work","value":"b@example.com"}}`, 200, "",
			map[string]any{`emails[type eq "work"].value`: "b@example.com", `emails[type eq "work"].primary`: nil},
		},
		{"replace a selected sub-attribute", `{"op":"replace","path":"` + mailPath + `","value":"b@example.com"}`, 200, "", map[string]any{`emails[type eq "work"].value`: "b@example.com"}},
		{"replace with a filter that selects nothing", `{"op":"replace","path":"emails[type eq \"home\"].value","value":"h@example.com"}`, 400, "noTarget", nil},
		{"replace without path", `{"op":"replace","value":{"title":"CEO","active":false}}`, 200, "", map[string]any{"title": "CEO", "active": false}},
		{"replace complex changes what is given", `{"op":"replace","path":"name","value":{"givenName":"Bea"}}`, 200, "", map[string]any{"name.givenName": "Bea"}},
		{"a letter case of its own", `{"op":"Replace","path":"NAME.givenname","value":"Bea"}`, 200, "", map[string]any{"name.givenName": "Bea"}},
		// extensions
		{"urn path", `{"op":"replace","path":"` + ent + `department","value":"IT"}`, 200, "", map[string]any{ent + "department": "IT"}},
		{"urn path with sub-attribute", `{"op":"replace","path":"` + ent + `manager.value","value":"m2"}`, 200, "", map[string]any{ent + "manager.value": "m2"}},
		{"core urn path", `{"op":"replace","path":"` + userURN + `:title","value":"CEO"}`, 200, "", map[string]any{"title": "CEO"}},
		{"urn key", `{"op":"add","value":{"` + ent + `division":"D"}}`, 200, "", map[string]any{ent + "division": "D"}},
		{"extension object merges", `{"op":"add","value":{"` + enterpriseURN + `":{"division":"D"}}}`, 200, "", map[string]any{ent + "division": "D"}},
		{
			"extension replaced as a whole", `{"op":"replace","path":"` + enterpriseURN + `","value":{"division":"D"}}`, 200, "",
			map[string]any{ent + "division": "D", ent + "department": nil, ent + "manager.value": nil},
		},
		{"extension removed", `{"op":"remove","path":"` + enterpriseURN + `"}`, 200, "", map[string]any{ent + "department": nil, ent + "manager.value": nil}},
		{"manager removed", `{"op":"remove","path":"` + ent + `manager"}`, 200, "", map[string]any{ent + "manager.value": nil}},
		// refusals
		{"unknown attribute", `{"op":"add","path":"shoeSize","value":"44"}`, 400, "invalidPath", nil},
		{"unknown sub-attribute", `{"op":"add","path":"name.shoeSize","value":"44"}`, 400, "invalidPath", nil},
		{"unknown key", `{"op":"add","value":{"shoeSize":"44"}}`, 400, "invalidPath", nil},
		{"dotted key", `{"op":"add","value":{"name.givenName":"Bea"}}`, 400, "invalidPath", nil},
		{"malformed path", `{"op":"add","path":"emails[type eq","value":"x"}`, 400, "invalidPath", nil},
		{"filter on a simple attribute", `{"op":"add","path":"title[value eq \"x\"]","value":"x"}`, 400, "invalidPath", nil},
		{"bad filter in a path", `{"op":"add","path":"emails[nosuch eq \"x\"].value","value":"x"}`, 400, "invalidFilter", nil},
		{"read-only", `{"op":"replace","path":"id","value":"x"}`, 400, "mutability", nil},
		{"read-only sub-attribute", `{"op":"replace","path":"meta.version","value":"x"}`, 400, "mutability", nil},
		{"groups are read-only", `{"op":"add","path":"groups","value":[{"value":"x"}]}`, 400, "mutability", nil},
		{"wrong type", `{"op":"replace","path":"title","value":5}`, 400, "invalidValue", nil},
		{"text for a boolean", `{"op":"replace","path":"active","value":"False"}`, 400, "invalidValue", nil},
		{"text for an object", `{"op":"replace","path":"` + ent + `manager","value":"m2"}`, 400, "invalidValue", nil},
		{"two primary values", `{"op":"replace","path":"emails","value":[{"value":"1","primary":true},{"value":"2","primary":true}]}`, 400, "invalidValue", nil},
		{"unknown op", `{"op":"move","path":"title","value":"x"}`, 400, "invalidSyntax", nil},
		{"atomic", `{"op":"replace","path":"title","value":"CEO"},{"op":"replace","path":"active","value":5}`, 400, "invalidValue", nil},
		{
			"several operations in order", `{"op":"remove","path":"emails"},{"op":"add","path":"emails","value":[{"type":"work","value":"z@example.com"}]}`, 200, "",
			map[string]any{`emails[type eq "work"].value`: "z@example.com", `emails[type eq "work"].primary`: nil},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, Options{})
			id := c.user("alice@example.com", start)
			before, _ := c.s.User(id)
			r := c.do("PATCH", "/Users/"+id, patchBody(tt.ops))
			if r.status != tt.status || r.text("scimType") != tt.kind {
				t.Fatalf("answer %d %s, want %d %s", r.status, r.raw, tt.status, tt.kind)
			}
			after, _ := c.s.User(id)
			if diff := cmp.Diff(expected(before.Values, tt.want), after.Values); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if got := r.header.Get("ETag"); tt.status == 200 && (got != `W/"1"`) != (tt.want != nil) {
				t.Errorf("ETag %s after a PATCH that changed %v", got, tt.want)
			}
			if tt.status == 200 {
				if diff := cmp.Diff(after.Values, core(r.flat())); diff != "" {
					t.Errorf("body (-held +answered):\n%s", diff)
				}
			}
		})
	}
}

// expected is the values with changes applied.
func expected(before, changes map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range before {
		out[k] = v
	}
	for k, v := range changes {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

// core is a document's values without those that the server makes.
func core(flat map[string]any) map[string]any {
	for k := range flat {
		if k == "id" || strings.HasPrefix(k, "meta.") || strings.HasPrefix(k, "schemas[") {
			delete(flat, k)
		}
	}
	return flat
}

func TestPatchRefusesBadMessages(t *testing.T) {
	c := serve(t, Options{})
	id := c.user("a", "")
	for _, body := range []string{
		``, `{`, `[]`, `null`, `{} {}`, `{}`, `{"schemas":["` + patchURN + `"]}`, `{"schemas":["` + patchURN + `"],"Operations":[]}`,
		`{"schemas":["` + patchURN + `"],"Operations":["x"]}`, `{"schemas":["` + userURN + `"],"Operations":[{"op":"add","path":"title","value":"x"}]}`,
	} {
		if r := c.do("PATCH", "/Users/"+id, body); r.status != 400 || r.text("scimType") != "invalidSyntax" {
			t.Errorf("%q: %d %s, want 400 invalidSyntax", body, r.status, r.raw)
		}
	}
	c.must(404, "PATCH", "/Users/nobody", patchBody(`{"op":"remove","path":"title"}`))
}

// memberTest is a PATCH of a group that has the members a and b; c and d exist.
type memberTest struct {
	name   string
	ops    string
	status int
	want   string // members after, joined
}

func (m memberTest) run(t *testing.T, q Quirks) {
	t.Helper()
	c := serve(t, Options{Quirks: q})
	ids := map[string]string{}
	for _, n := range []string{"a", "b", "c", "d"} {
		ids[n] = c.user(n, "")
	}
	g := c.group("staff")
	for _, n := range []string{"a", "b"} {
		if err := c.s.AddMember(g, ids[n]); err != nil {
			t.Fatal(err)
		}
	}
	ops := m.ops
	for n, id := range ids {
		ops = strings.ReplaceAll(ops, "$"+n, id)
	}
	r := c.do("PATCH", "/Groups/"+strings.ReplaceAll(g, "$g", g), patchBody(strings.ReplaceAll(ops, "$g", g)))
	if got := strings.Join(c.s.Members("staff"), " "); r.status != m.status || got != m.want {
		t.Errorf("status %d, members %q; want %d, %q: %s", r.status, got, m.status, m.want, r.raw)
	}
}

func TestPatchMembers(t *testing.T) {
	for _, tt := range []memberTest{
		{"add", `{"op":"add","path":"members","value":[{"value":"$c"}]}`, 200, "a b c"},
		{"add again", `{"op":"add","path":"members","value":[{"value":"$a"},{"value":"$c"},{"value":"$c"}]}`, 200, "a b c"},
		{"add without path", `{"op":"add","value":{"members":[{"value":"$c"}]}}`, 200, "a b c"},
		{"add one object", `{"op":"add","path":"members","value":{"value":"$c"}}`, 200, "a b c"},
		{"add an unknown member", `{"op":"add","path":"members","value":[{"value":"nobody"}]}`, 400, "a b"},
		{"add nothing", `{"op":"add","path":"members","value":[]}`, 200, "a b"},
		{"add without a value", `{"op":"add","path":"members","value":[{"display":"x"}]}`, 400, "a b"},
		{"remove by filter", `{"op":"remove","path":"members[value eq \"$a\"]"}`, 200, "b"},
		{"remove one who is no member", `{"op":"remove","path":"members[value eq \"$c\"]"}`, 200, "a b"},
		{"remove two by or", `{"op":"remove","path":"members[value eq \"$a\" or value eq \"$b\"]"}`, 200, ""},
		{"remove by type", `{"op":"remove","path":"members[type eq \"User\"]"}`, 200, ""},
		{"remove by and", `{"op":"remove","path":"members[type eq \"Group\" and value eq \"$a\"]"}`, 200, "a b"},
		{"remove by not", `{"op":"remove","path":"members[not (value eq \"$a\")]"}`, 200, "a"},
		{"a value array without filter clears all", `{"op":"remove","path":"members","value":[{"value":"$a"}]}`, 200, ""},
		{"clear", `{"op":"remove","path":"members"}`, 200, ""},
		{"replace", `{"op":"replace","path":"members","value":[{"value":"$b"},{"value":"$c"}]}`, 200, "b c"},
		{"replace by nothing", `{"op":"replace","path":"members","value":[]}`, 200, ""},
		{"replace without path", `{"op":"replace","value":{"members":[{"value":"$c"}]}}`, 200, "c"},
		{"rename with the id", `{"op":"replace","value":{"id":"$g","displayName":"staff"}}`, 200, "a b"},
		{"change the id", `{"op":"replace","value":{"id":"other"}}`, 400, "a b"},
		{"several", `{"op":"remove","path":"members[value eq \"$a\"]"},{"op":"add","path":"members","value":[{"value":"$c"},{"value":"$d"}]}`, 200, "b c d"},
		{"all or nothing", `{"op":"remove","path":"members[value eq \"$a\"]"},{"op":"add","path":"members","value":[{"value":"$c"},{"value":"nobody"}]}`, 400, "a b"},
		{"clear, then fail", `{"op":"remove","path":"members"},{"op":"add","path":"members","value":[{"value":"nobody"}]}`, 400, "a b"},
		{"replace of a selected one", `{"op":"replace","path":"members[value eq \"$a\"]","value":{"value":"$c"}}`, 400, "a b"},
		{"members are immutable", `{"op":"replace","path":"members[value eq \"$a\"].value","value":"$c"}`, 400, "a b"},
		{"unknown sub-attribute", `{"op":"replace","path":"members.shoe","value":"x"}`, 400, "a b"},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, Quirks{}) })
	}
}
