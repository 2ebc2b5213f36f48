package state

import (
	"encoding/binary"
	"encoding/json"
	"slices"
)

// idSet is a set of row ids, in ascending order. Its methods leave it as it is, and their
// results may share its memory.
type idSet []int64

// newIDSet sorts ids in place; they may hold duplicates.
func newIDSet[T ~int64](ids []T) idSet {
	out := make(idSet, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (a idSet) has(id int64) bool {
	_, found := slices.BinarySearch(a, id)
	return found
}

func (a idSet) union(b idSet) idSet {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make(idSet, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case a[0] > b[0]:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

func (a idSet) minus(b idSet) idSet { return a.split(b, false) }

func (a idSet) and(b idSet) idSet { return a.split(b, true) }

// split returns the ids of a that are in b, or those that are not.
func (a idSet) split(b idSet, in bool) idSet {
	if len(a) == 0 || len(b) == 0 {
		if in {
			return nil
		}
		return a
	}
	var out idSet
	for _, id := range a {
		for len(b) > 0 && b[0] < id {
			b = b[1:]
		}
		if (len(b) > 0 && b[0] == id) == in {
			out = append(out, id)
		}
	}
	return out
}

// bits is the set as a bitset.
func (a idSet) bits() *bitset {
	var out bitset
	for _, id := range a {
		out.add(id)
	}
	return &out
}

// list is a set as SQLite's json_each reads it.
func (a idSet) list() (string, error) {
	text, err := json.Marshal([]int64(a))
	return string(text), err
}

// pack encodes a set as differences, a byte or two each; nil when it is empty.
func (a idSet) pack() []byte {
	if len(a) == 0 {
		return nil
	}
	out := make([]byte, 0, 2*len(a))
	last := int64(0)
	for _, id := range a {
		out = binary.AppendUvarint(out, uint64(id-last))
		last = id
	}
	return out
}

// unpack decodes what pack has encoded.
func unpack(blob []byte) (idSet, error) {
	ends := 0
	for _, b := range blob {
		if b < 0x80 {
			ends++
		}
	}
	out := make(idSet, 0, ends)
	last := int64(0)
	for len(blob) > 0 {
		d, n := binary.Uvarint(blob)
		if n <= 0 {
			return nil, ErrDamaged // half a set would read as people who left
		}
		last += int64(d)
		out = append(out, last)
		blob = blob[n:]
	}
	return out, nil
}
