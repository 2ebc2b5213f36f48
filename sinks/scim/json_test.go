package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sinks"
)

// FuzzJSON: what is JSON, and what it means, is as encoding/json says, decoded or not.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-0.5e+3,"x",true,false,null,{}],"a":2}`, " [ ] ", `{ }`, `"\u00e9\/\"\\ \ud83d\ude00 \ud800"`, "\"a\xffb\"", `"0123456\"89"`, "\"01234567\x01\"", "\"1\n\"",
		`01`, `-`, `1.`, `1e`, `.5`, `+1`, `[1,]`, `[,1]`, `{"a":1,}`, `{"a"}`, `{a:1}`, `{"a":1 "b":2}`, `tru`, `nulll`, `"\x"`, `"\u12g4"`, `"\ug234"`, `"\u1g34"`, `"\u123g"`, `"\u123"`, `"\`, `"open`, `"01234567`, `[`, `{`, ``, ` `,
		`1 2`, `{}}`, "\xef\xbb\xbf{}", strings.Repeat("[", 300) + strings.Repeat("]", 300), strings.Repeat("[", 10001) + strings.Repeat("]", 10001), strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want any
		wantErr := json.Unmarshal([]byte(s), &want) // checks that there is no more than one value
		if wantErr == nil {
			d := json.NewDecoder(strings.NewReader(s))
			d.UseNumber()
			if err := d.Decode(&want); err != nil {
				t.Fatal(err)
			}
		}
		for _, build := range []bool{false, true} {
			tokens := tokens{in: []byte(s)}
			got, ok := tokens.value(1, build)
			ok = ok && tokens.ended()
			if ok != (wantErr == nil) {
				t.Fatalf("%q: ok %t, encoding/json says %v", s, ok, wantErr)
			}
			if ok && build && !reflect.DeepEqual(want, got) { // what is nested deep is no matter for cmp
				t.Errorf("%q is %#v, want %#v", s, got, want)
			}
		}
	})
}

// values draws what a mapping or an application can come up with.
func values() *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(), rapid.Float64().AsAny(), rapid.Int().AsAny(),
		rapid.Map(rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]+)?`), func(s string) any { return json.Number(s) }),
		rapid.SampledFrom([]string{"\xff", "a\u2028b", "�", "<&>", "a\tb\"c\\"}).AsAny(),
	)
	var tree func(depth int) *rapid.Generator[any]
	tree = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return leaf
		}
		return rapid.OneOf(leaf, rapid.SliceOfN(tree(depth-1), 0, 4).AsAny(),
			rapid.MapOfN(rapid.String(), tree(depth-1), 0, 4).AsAny(),
			rapid.SliceOfN(rapid.MapOfN(rapid.String(), tree(depth-1), 0, 3), 0, 3).AsAny(),
			rapid.SliceOfN(rapid.String(), 0, 3).AsAny())
	}
	return tree(3)
}

// TestEncode: a body means what encoding/json would have written, in the same order.
func TestEncode(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := map[string]any{"v": values().Draw(t, "value")}
		got, err := encode(objectOf(v))
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plainTokens(t, want), plainTokens(t, got)); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", got, diff)
		}
	})
	if _, err := encode(map[string]any{"a": []any{map[string]any{"f": func() {}}}}); err == nil {
		t.Error("a function was written")
	}
}

// plainTokens are the tokens of a document in their order.
func plainTokens(t *rapid.T, raw []byte) []any {
	var out []any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		out = append(out, token)
	}
}

// TestEncodePatch: the order of names in a PATCH, and members, are what they always were.
func TestEncodePatch(t *testing.T) {
	t.Parallel()
	body := patchBody([]operation{
		{Op: "remove", Path: `members[value eq "c"]`},
		{Op: "add", Path: "members", Value: memberList{"a", `b"`}},
		{Op: "replace", Value: map[string]any{"title": "<&>", "active": false}},
		{Op: "replace", Path: "x", Value: []any{}},
		{Op: "replace", Path: "members", Value: memberList(nil)},
	})
	const want = `{"Operations":[{"op":"remove","path":"members[value eq \"c\"]"},{"op":"add","path":"members","value":[{"value":"a"},{"value":"b\""}]},` +
		`{"op":"replace","value":{"active":false,"title":"<&>"}},{"op":"replace","path":"x","value":[]},{"op":"replace","path":"members","value":[]}],"schemas":["` + schemaPatch + `"]}`
	got, err := encode(body)
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	inBulk, err := encode([]bulkItem{{Method: "PATCH", Data: body}})
	if err != nil || !bytes.Contains(inBulk, got) {
		t.Errorf("in a bulk request: %v, %s", err, inBulk)
	}
}

// TestFind: which of several attributes counts, and what counts as none.
func TestFind(t *testing.T) {
	t.Parallel()
	const work = `emails[type eq "work"].value`
	for _, tt := range []struct {
		doc, path string
		want      any
	}{
		{`{"title":"a","title":"b"}`, "title", "b"},
		{`{"TITLE":"a","title":"b","Title":"c"}`, "title", "b"},
		{`{"Title":"a","TITLE":"b"}`, "title", "b"},
		{`{"TITLE":"a","Title":"b"}`, "title", "a"},
		{`{"TITLE":"a","TITLE":"b"}`, "title", "b"},
		{`{"ti\u0074le":"a"}`, "title", "a"},
		{`{"title":null}`, "title", nil},
		{`{"title":[ ]}`, "title", nil},
		{`{"title":{ }}`, "title", nil},
		{`{"title":""}`, "title", nil},
		{`{"title":0}`, "title", 0.0},
		{`{"name":{"givenName":"A"}}`, "name.givenName", "A"},
		{`{"name":[{"GivenName":"A"},{"givenName":"B"}]}`, "name.givenName", "A"},
		{`{"name":"Ada"}`, "name.givenName", nil},
		{`{"name":[]}`, "name.givenName", nil},
		{`{"emails":[{"type":"home","value":"h"},{"type":"work"},{"TYPE":"Work","value":"w"}]}`, work, "w"},
		{`{"emails":[{"type":"w\u006frk","value":"w"}]}`, work, "w"},
		{`{"emails":[[{"type":"work","value":""},[{"type":"work","value":"w"}]],null,true]}`, work, "w"},
		{`{"emails":null}`, work, nil},
		{`{"emails":"a@x"}`, work, nil},
		{`{"emails":["a@x",7]}`, `emails[value eq 7].value`, 7.0},
		{`{"emails":["a@x"]}`, `emails[primary eq false]`, map[string]any{"value": "a@x"}},
		{`{"emails":[{"primary":"True","value":"w","type":""}]}`, `emails[primary eq true]`, map[string]any{"primary": true, "value": "w", "type": nil}},
		{`{"` + schemaEnterprise + `":{"manager":[{"value":"m"}]}}`, sinks.PathManager, "m"},
		{`{"` + schemaEnterprise + `":{"manager":"m"}}`, sinks.PathManager, "m"},
	} {
		d, err := readDocument([]byte(tt.doc), true)
		if err != nil {
			t.Fatalf("%s: %v", tt.doc, err)
		}
		p, err := parsePath(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, d.get(p)); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", tt.path, tt.doc, diff)
		}
		if found := d.find(p); (found == nil) != (tt.want == nil) {
			t.Errorf("%s of %s: found %s", tt.path, tt.doc, found)
		}
	}
	for _, s := range []string{``, `null`, `[]`, `"x"`, `{}x`, `{"a":1`, `{"a":tru}`, `<html>`} {
		if d, err := readDocument([]byte(s), true); err == nil {
			t.Errorf("%q is a resource: %v", s, d)
		}
	}
}

// TestRoll: members are counted in whatever form they are shown.
func TestRoll(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]roll{
		`{"id":"1"}`:     {absent: 2},
		`{"members":[]}`: {shown: true, absent: 2},
		`{"Members":[{"value":"a"},{"value":"x"},{"value":"a"},{"value":7}]}`:   {shown: true, members: 4, present: 2},
		`{"members":[{"value":"x","Value":"a"},{"VALUE":"7"},{"display":"a"}]}`: {shown: true, members: 2, present: 1, absent: 1},
		`{"members":["a",7,null,{"value":""},{"value":null},{"value":["a"]}]}`:  {shown: true, members: 2, present: 2},
		`{"members":{"value":"\u0061"}}`:                                        {shown: true, members: 1, present: 1, absent: 1},
		`{"members":null}`:                                                      {shown: true, absent: 2},
	} {
		d, err := readDocument([]byte(doc), true)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.roll([]sinks.ID{"a", "7", "a"}); got != want {
			t.Errorf("%s: %+v, want %+v", doc, got, want)
		}
	}
}

// TestVersion: the ETag says the version, else meta.version does.
func TestVersion(t *testing.T) {
	t.Parallel()
	d, err := readDocument([]byte(`{"id":"1","Meta":{"Version":"W/\"2\""}}`), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		tag  string
		d    *document
		want string
	}{{"", d, `W/"2"`}, {`"3"`, d, `"3"`}, {`"3"`, nil, `"3"`}, {"", nil, ""}, {"", &document{}, ""}} {
		a := &answer{header: http.Header{"Etag": {tt.tag}}}
		if got := versionOf(a.header, tt.d); got != tt.want {
			t.Errorf("version %s, want %s", got, tt.want)
		}
	}
}

// created returns a sink and what it sends for a Create.
func created(t *testing.T, op sinks.Op) (*Sink, creation) {
	t.Helper()
	s := &Sink{profile: rfc7644()}
	changes, err := s.parseChanges(op)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.creation(op, changes)
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// TestCreateReceipt: what an answer shows in another form, order or place was taken; what
// it leaves out was not.
func TestCreateReceipt(t *testing.T) {
	t.Parallel()
	const mail, home, ext = `emails[type eq "work"].value`, `emails[type eq "home"].value`, schemaEnterprise + ":department"
	op := sinks.Op{Action: sinks.Create, Resource: sinks.User}
	for _, path := range []string{"userName", "name.givenName", mail, "name.familyName", home, "active", ext} {
		var v any = "x"
		if path == "active" {
			v = true
		}
		op.Attributes = append(op.Attributes, sinks.Attribute{Path: path, Value: v})
	}
	s, c := created(t, op)
	sent, written, err := c.body.write()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		answer string
		want   []string
	}{
		{`{"id":"1",` + string(sent[1:]), nil},
		{`{"id":"1","userName":"y","name":{"givenName":"X","familyName":"x"},"emails":[{"value":"x","type":"Home"},{"value":"x","type":"work"}],"ACTIVE":"false","` + schemaEnterprise + `":{"department":"z"}}`, nil},
		{`{"id":"1","userName":"x","name":{"familyName":"x"},"emails":[{"primary":true,"type":"work","value":"x"}],"active":true}`, []string{"name.givenName", home, ext}},
		{`{"id":"1","userName":"x","name":{"familyName":null,"givenName":"x"},"emails":[]}`, []string{mail, "name.familyName", home, "active", ext}},
		{`{"id":"1"}`, nil}, // shows nothing at all
	} {
		for name, written := range map[string]*document{"alone": written, "in bulk": nil} {
			d, err := readDocument([]byte(tt.answer), false)
			if err != nil {
				t.Fatal(err)
			}
			c.written = written
			got := s.createReceipt(op, c, d)
			if diff := cmp.Diff(sinks.Receipt{ID: "1", Ignored: tt.want}, got); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", name, tt.answer, diff)
			}
		}
	}
}

// TestMembersDone: members count as taken when the answer shows all of them.
func TestMembersDone(t *testing.T) {
	t.Parallel()
	op := sinks.Op{Action: sinks.Create, Resource: sinks.Group, AddMembers: []sinks.ID{"a", "b"}, Attributes: []sinks.Attribute{{Path: sinks.PathDisplayName, Value: "x"}}}
	for answer, want := range map[string]bool{
		`{"id":"1","displayName":"x"}`:                                            false,
		`{"id":"1","displayName":"x","members":[]}`:                               false,
		`{"id":"1","displayName":"x","members":[{"value":"a"}]}`:                  false,
		`{"id":"1","displayName":"x","members":[{"value":"b"},{"value":"a"},{}]}`: true,
	} {
		s, c := created(t, op)
		d, err := readDocument([]byte(answer), true)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.createReceipt(op, c, d); got.MembersDone != want {
			t.Errorf("%s: %+v", answer, got)
		}
	}
}
