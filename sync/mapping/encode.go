package mapping

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// The encoding of values in the state. A million accounts are kept there, with some
// twenty values each, so that it is compact: the number of values, then one tagged value
// after the other, with runs of nil in one tag and trailing nils left out. Object keys
// are sorted: equal values have equal bytes.
//
//	nil run  tagNil, uvarint n         true, false  tagTrue, tagFalse
//	text     tagText, uvarint n, bytes  whole number tagInt, varint
//	number   tagFloat, 8 bytes          list         tagList, uvarint n, values
//	object   tagMap, uvarint n, then per key: uvarint length, bytes, value
const (
	tagNil byte = iota + 1
	tagTrue
	tagFalse
	tagText
	tagInt
	tagFloat
	tagList
	tagMap
)

// Encode returns the compact form of values as Table.Values gives them: nil, string,
// bool, float64, []any, map[string]any. Any other type is a mistake of the program and
// panics.
func Encode(values []any) []byte {
	return appendValues(make([]byte, 0, 16*len(values)+8), values)
}

// Encoder writes what Encode returns value by value, for those who would make the list for
// it alone: texts and numbers cost no allocation.
type Encoder struct {
	b    []byte
	nils uint64 // not written yet
}

// NewEncoder appends to b the encoding of n values, which have to follow.
func NewEncoder(b []byte, n int) *Encoder {
	return &Encoder{b: binary.AppendUvarint(b, uint64(n))}
}

// Value writes one of the values that Encode takes.
func (e *Encoder) Value(v any) {
	if v == nil {
		e.nils++
		return
	}
	e.endNils()
	e.b = appendValue(e.b, v)
}

// Text writes a text.
func (e *Encoder) Text(s string) {
	e.endNils()
	e.b = appendText(append(e.b, tagText), s)
}

// Number writes a number.
func (e *Encoder) Number(f float64) {
	e.endNils()
	e.b = appendNumber(e.b, f)
}

func (e *Encoder) endNils() {
	if e.nils > 0 {
		e.b = binary.AppendUvarint(append(e.b, tagNil), e.nils)
		e.nils = 0
	}
}

// Bytes returns the encoding after all its values.
func (e *Encoder) Bytes() []byte { return e.b }

// Hash returns a 64-bit hash of the encoding, equal for equal values. It is not
// cryptographic and is no protection against values made to collide.
func Hash(values []any) uint64 {
	var room [512]byte
	return xxhash.Sum64(appendValues(room[:0], values))
}

func appendValues(b []byte, values []any) []byte {
	b, _ = appendRuns(binary.AppendUvarint(b, uint64(len(values))), values)
	return b
}

// appendRuns appends values with runs of nil in one tag, and returns how many nils at the
// end it left out.
func appendRuns(b []byte, values []any) ([]byte, uint64) {
	nils := uint64(0)
	for _, v := range values {
		if v == nil {
			nils++
			continue
		}
		if nils > 0 {
			b = binary.AppendUvarint(append(b, tagNil), nils)
			nils = 0
		}
		b = appendValue(b, v)
	}
	return b, nils
}

func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, tagNil, 1)
	case bool:
		if v {
			return append(b, tagTrue)
		}
		return append(b, tagFalse)
	case string:
		return appendText(append(b, tagText), v)
	case float64:
		return appendNumber(b, v)
	case []any:
		b, nils := appendRuns(binary.AppendUvarint(append(b, tagList), uint64(len(v))), v)
		if nils > 0 {
			b = binary.AppendUvarint(append(b, tagNil), nils)
		}
		return b
	case map[string]any:
		b = binary.AppendUvarint(append(b, tagMap), uint64(len(v)))
		var room [8]string // more keys than most have
		keys := slices.AppendSeq(room[:0], maps.Keys(v))
		slices.Sort(keys)
		for _, key := range keys {
			b = appendValue(appendText(b, key), v[key])
		}
		return b
	default:
		panic(fmt.Sprintf("mapping: a %T can't be encoded", value))
	}
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendNumber(b []byte, f float64) []byte {
	const exact = 1 << 53
	if i := int64(f); math.Abs(f) <= exact && math.Float64bits(float64(i)) == math.Float64bits(f) {
		return binary.AppendVarint(append(b, tagInt), i)
	}
	return binary.LittleEndian.AppendUint64(append(b, tagFloat), math.Float64bits(f))
}
