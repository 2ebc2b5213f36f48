package jsonread_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources/internal/jsonread"
)

// value reads a text that holds one value.
func value(text []byte) (any, error) {
	r := jsonread.New(text)
	v, err := r.Value()
	if err == nil {
		err = r.End()
	}
	return v, err
}

// FuzzValue holds the reader to encoding/json: the same judgement of what can be read, and
// the same values. What is skipped need only be JSON: its numbers may be of any size.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`{"a":"x","b":null,"c":[1,{"d":"\"]}"}],"d":1e3,"e":[],"f":{}}`, ` [ true , false , null , -0.5E+2 ] `,
		`"\u0061\n\/\\\"\ud83d\ude00\ud800x\udc00"`, "\"\xff\xe9é\u2028\"", `{"\u0061":1,"a":2,"é":3}`, "\"a\tb\"", `"\x"`, `"\u12g4"`,
		`01`, `-`, `1.`, `.5`, `1e`, `+1`, `1e999`, `-1e999`, `tru`, `nul`, `[1,]`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{1:2}`, `[1 2]`, `[`, `{"a":`, `"a`, `{}{}`, ``, ` `, `null x`,
		"\xef\xbb\xbf{}", strings.Repeat("[", 200),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want any
		wrong := json.Unmarshal(text, &want)
		got, err := value(text)
		if (wrong == nil) != (err == nil) {
			t.Fatalf("encoding/json: %v; reader: %v", wrong, err)
		}
		if err = skip(text); json.Valid(text) != (err == nil) {
			t.Fatalf("encoding/json: %v; skipped: %v", wrong, err)
		}
		r := jsonread.New(text)
		raw, err := r.Raw()
		if err == nil {
			err = r.End()
		}
		if json.Valid(text) != (err == nil) || err == nil && string(raw) != strings.Trim(string(text), " \t\r\n") {
			t.Fatalf("encoding/json: %v; raw: %q, %v", wrong, raw, err)
		}
		if diff := cmp.Diff(want, got); wrong == nil && diff != "" {
			t.Fatalf("(-encoding/json +reader):\n%s", diff)
		}
	})
}

func skip(text []byte) error {
	r := jsonread.New(text)
	if err := r.Skip(); err != nil {
		return err
	}
	return r.End()
}

// TestValue names what the comparison with encoding/json only implies.
func TestValue(t *testing.T) {
	for text, want := range map[string]any{
		`1.7976931348623157e308`:   math.MaxFloat64,
		`{"a":1,"a":2,"\u0061":3}`: map[string]any{"a": 3.0},
		"\"Jos\xe9\"":              "Jos\uFFFD",
		`[null,[],{},""]`:          []any{nil, []any{}, map[string]any{}, ""},
	} {
		got, err := value([]byte(text))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{`1e999`, `[-1e999]`, `{"a":1e999}`} {
		if v, err := value([]byte(text)); err == nil {
			t.Errorf("%s is read as %v", text, v)
		}
	}
}

// TestDepth: a bottomless text is an error and not the end of the process.
func TestDepth(t *testing.T) {
	for _, open := range []string{"[", `{"a":`, `[{"a":`} {
		if _, err := value([]byte(strings.Repeat(open, 100_000))); err == nil || !strings.Contains(err.Error(), "depth") {
			t.Errorf("%s: %v", open, err)
		}
		if err := skip([]byte(strings.Repeat(open, 100_000))); err == nil || !strings.Contains(err.Error(), "depth") {
			t.Errorf("%s skipped: %v", open, err)
		}
	}
}

// TestWalk picks members and leaves others out.
func TestWalk(t *testing.T) {
	r := jsonread.New([]byte(`{"skip":[{"id":"no"}],"list":[{"id":"a"},{"x":1,"\u0069d":"b"}],"rest":{}}`))
	var ids []any
	err := r.Object(func(name []byte) error {
		if string(name) != "list" {
			return r.Skip()
		}
		return r.Array(func() error {
			return r.Object(func(name []byte) error {
				if string(name) != "id" {
					return r.Skip()
				}
				id, err := r.Value()
				ids = append(ids, id)
				return err
			})
		})
	})
	if err == nil {
		err = r.End()
	}
	if diff := cmp.Diff([]any{"a", "b"}, ids); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestRaw: an element's text is a part of the whole, and stays when others are read.
func TestRaw(t *testing.T) {
	text := []byte(` [ {"a": [1]} ,"x",  7,null ] `)
	var got []string
	var first []byte
	r := jsonread.New(text)
	err := r.Array(func() error {
		raw, err := r.Raw()
		if got = append(got, string(raw)); len(got) == 1 {
			first = raw
		}
		return err
	})
	if diff := cmp.Diff([]string{`{"a": [1]}`, `"x"`, `7`, `null`}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if &first[0] != &text[3] {
		t.Errorf("the first element %q is a copy", first)
	}
}

// TestOtherKind: a value of another kind than the caller walks is an error that says so.
func TestOtherKind(t *testing.T) {
	for text, word := range map[string]string{`[]`: "an object", `"x"`: "an object", `null`: "an object", `7`: "an object", ``: "EOF"} {
		err := jsonread.New([]byte(text)).Object(func([]byte) error { return nil })
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q as an object: %v", text, err)
		}
	}
	for text, word := range map[string]string{`{}`: "a list", `null`: "a list", `]`: "invalid character"} {
		err := jsonread.New([]byte(text)).Array(func() error { return nil })
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q as a list: %v", text, err)
		}
	}
}
