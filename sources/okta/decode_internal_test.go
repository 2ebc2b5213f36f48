package okta

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
)

func TestDecodeList(t *testing.T) {
	const ada = `{"id":"00u1","status":"ACTIVE","profile":{"login":"ada"}}`
	for _, c := range []struct {
		name, body string
		items, bad int
		err        string
	}{
		{"empty", ` [ ] `, 0, 0, ""},
		{"two", "[" + ada + ",\n" + ada + "]", 2, 0, ""},
		{"bad ones between", `[` + ada + `,{"id":"a","profile":{}},{"id":"b","status":"ACTIVE"},{"id":"c","status":7,"profile":{}},{"id":"d","status":"ACTIVE","profile":"x"}]`, 1, 4, ""},
		{"nothing", ``, 0, 0, "EOF"},
		{"cut", "[" + ada + ",", 0, 0, "unexpected EOF"},
		{"cut before the bracket", "[" + ada, 0, 0, "unexpected EOF"},
		{"more behind", "[" + ada + "][]", 0, 0, "something follows"},
		{"HTML", `<html>`, 0, 0, "invalid character"},
		{"object", ada, 0, 0, "where a list should be"},
		{"null", `null`, 0, 0, "where a list should be"},
		{"no id", `[{"status":"ACTIVE","profile":{}}]`, 0, 0, "no id"},
		{"id of another type", `[{"id":7,"status":"ACTIVE","profile":{}}]`, 0, 0, "no id"},
		{"no object", `["00u1"]`, 0, 0, "no id"},
	} {
		items, bad, err := decodeList[userEntry](strings.NewReader(c.body))
		if len(items) != c.items || len(bad) != c.bad || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %d items, %d bad, %v; want %d, %d, %q", c.name, len(items), len(bad), err, c.items, c.bad, c.err)
		}
		for _, b := range bad {
			if b.ID == "" || b.Kind != sources.KindUser || b.Err == nil {
				t.Errorf("%s: bad entry %+v", c.name, b)
			}
		}
	}
}

func TestDecodeOne(t *testing.T) {
	const ada = `{"id":"00u1","status":"ACTIVE","profile":{"login":"ada"}}`
	if e, err := decodeOne[userEntry](strings.NewReader(" " + ada + "\n")); err != nil || e.id != "00u1" || e.named.login != "ada" {
		t.Errorf("%+v, %v", e, err)
	}
	for body, word := range map[string]string{
		``: "EOF", ada + ada: "something follows", ada + `x`: "invalid character", ada[:len(ada)-1]: "unexpected EOF",
		`[` + ada + `]`: "not a JSON object", `null`: "not a JSON object", `{"status":"ACTIVE","profile":{}}`: "no id", `{"id":"00u1","status":"ACTIVE"}`: "no profile",
	} {
		if e, err := decodeOne[userEntry](strings.NewReader(body)); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %+v, %v, want %q", body, e, err, word)
		}
	}
}

// FuzzDecode holds the walk to encoding/json: the same judgement of what is JSON, and the
// same values.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`[{"id":"00u1","status":"ACTIVE","profile":{"a":"x","b":null,"c":[1,{"d":"\"]}"}],"d":1e3}}]`))
	f.Add([]byte(` [ {"id" : "\u0061", "profile" : {"\u0061" : "\\", "b":"é\ud800"} , "status":"X"} , {} ] `))
	f.Add([]byte("[{\"id\":\"x\",\"profile\":{\"a\":\"\xff\",\"a\":true},\"status\":\"y\"}]"))
	f.Add([]byte(`[{"id":"1"`))
	f.Add([]byte(`[{"id":"x","status":"y","a":{"q":1},"b":[1],"c":null,"profile":{"a":"p","b":"p","c":"p","d":{}}}]`))
	names := []string{"a", "b", "c", "d"}
	f.Fuzz(func(t *testing.T, body []byte) {
		var plain []map[string]any
		valid := json.Unmarshal(body, &plain) == nil && plain != nil
		items, bad, err := decodeList[userEntry](bytes.NewReader(body))
		if err == nil && !json.Valid(body) {
			t.Fatal("accepted what is not JSON")
		}
		if err != nil || !valid || len(bad) > 0 {
			return
		}
		if len(items) != len(plain) {
			t.Fatalf("%d items, want %d", len(items), len(plain))
		}
		for i, e := range items {
			profile, _ := plain[i]["profile"].(map[string]any)
			if string(e.id) != plain[i]["id"] || e.status != plain[i]["status"] || profile == nil {
				t.Fatalf("entry %d is %+v, want %v", i, e, plain[i])
			}
			compareAttributes(t, e, attributeCase{plain[i], profile, names})
		}
	})
}

type attributeCase struct {
	own, profile map[string]any
	names        []string
}

func compareAttributes(t *testing.T, e userEntry, c attributeCase) {
	t.Helper()
	want := map[string]any{}
	for _, name := range c.names {
		if v, ok := c.profile[name]; ok {
			want[name] = v
		}
		switch v := c.own[name].(type) {
		case map[string]any, []any:
		default:
			if _, ok := c.own[name]; ok {
				want[name] = v
			}
		}
	}
	got := e.attributes(wantedOf(c.names))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("attributes (-encoding/json +walk):\n%s", diff)
	}
}

func wantedOf(names []string) wanted { return want(names) }
