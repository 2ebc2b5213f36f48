package mapping_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sync/mapping"
)

// value draws any value that Table.Values can give, and lists with nils besides.
func value(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.String().Draw(t, "text")
		case 2:
			return rapid.Bool().Draw(t, "bool")
		case 3:
			return rapid.OneOf(rapid.Float64(), rapid.Map(rapid.Int64(), func(i int64) float64 { return float64(i) })).Draw(t, "number")
		case 4:
			return rapid.SliceOfN(value(depth-1), 0, 4).Draw(t, "list")
		default:
			return rapid.MapOfN(rapid.String(), value(depth-1), 0, 4).Draw(t, "object")
		}
	})
}

func TestEncodingRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(value(2), 0, 30).Draw(t, "values")
		data := mapping.Encode(values)
		got, err := mapping.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(values, got) {
			t.Fatalf("wrote %#v, read %#v", values, got)
		}
		if mapping.Hash(values) != mapping.Hash(got) {
			t.Fatal("equal values, but another hash")
		}
		other := rapid.SliceOfN(value(2), 0, 30).Draw(t, "other")
		if cmp.Equal(values, other) != (string(data) == string(mapping.Encode(other))) {
			t.Fatalf("%#v and %#v: equal bytes must mean equal values", values, other)
		}
	})
}

// What is written value by value is what the list of the values is.
func TestEncoderAgreesWithEncode(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(value(1), 0, 30).Draw(t, "values")
		e := mapping.NewEncoder([]byte("head"), len(values))
		for _, v := range values {
			switch v := v.(type) {
			case string:
				e.Text(v)
			case float64:
				e.Number(v)
			default:
				e.Value(v)
			}
		}
		if want, got := "head"+string(mapping.Encode(values)), string(e.Bytes()); want != got {
			t.Fatalf("%#v is written as %q, want %q", values, got, want)
		}
	})
}

func TestEncodingIsSmall(t *testing.T) {
	t.Parallel()
	values := make([]any, 22)
	values[0], values[5], values[9] = "a", true, -0.5
	if got := len(mapping.Encode(values)); got != 1+3+2+1+2+9 {
		t.Errorf("%d bytes for three values and nineteen nils", got)
	}
	if got := len(mapping.Encode(make([]any, 22))); got != 1 {
		t.Errorf("%d bytes for nothing", got)
	}
	zero, err := mapping.Decode(mapping.Encode([]any{math.Copysign(0, -1)}))
	if err != nil || !math.Signbit(zero[0].(float64)) {
		t.Errorf("minus zero came back as %v, %v", zero, err)
	}
}

func TestDecodeDamaged(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"empty":             "",
		"text cut off":      "\x01\x04\x05ab",
		"float cut off":     "\x01\x06\x00\x00",
		"unknown tag":       "\x01\x63",
		"more than counted": "\x01\x02\x02",
		"nils past the end": "\x02\x01\x03",
		"a run of no nils":  "\x02\x01\x00",
		"list cut off":      "\x01\x07\x02\x02",
		"object cut off":    "\x01\x08\x01\x01a",
		"a huge count":      "\xff\xff\xff\xff\x0f",
		"endless length":    "\x01\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	} {
		if got, err := mapping.Decode([]byte(data)); err == nil {
			t.Errorf("%s: decoded as %v", name, got)
		}
	}
	deep := "\x01"
	for range 1000 {
		deep += "\x07\x01"
	}
	if got, err := mapping.Decode([]byte(deep + "\x02")); err == nil {
		t.Errorf("a thousand lists in one another decoded as %v", got)
	}
}

// FuzzDecode feeds damaged states to Decode: it may refuse them, but neither panic nor
// give values that Encode would write in a way it can't read.
func FuzzDecode(f *testing.F) {
	f.Add(mapping.Encode([]any{nil, "a", true, 1.0, 1.5, []any{nil, "x"}, map[string]any{"k": nil}}))
	f.Add([]byte("\x01\x07\x02\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := mapping.Decode(data)
		if err != nil {
			return
		}
		again, err := mapping.Decode(mapping.Encode(values))
		if err != nil || mapping.Hash(values) != mapping.Hash(again) {
			t.Errorf("%#v became %#v, %v", values, again, err)
		}
	})
}
