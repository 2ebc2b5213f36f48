package state

// bitset is a set of small positive integers: row ids, of which a full round has to
// remember a million in a hundred kilobytes.
type bitset struct {
	words []uint64
	n     int
}

func (b *bitset) add(id int64) bool {
	w, bit := int(id>>6), uint64(1)<<(id&63)
	if w >= len(b.words) {
		b.words = append(b.words, make([]uint64, w-len(b.words)+1+len(b.words)/4)...)
	}
	if b.words[w]&bit != 0 {
		return false
	}
	b.words[w] |= bit
	b.n++
	return true
}

func (b *bitset) has(id int64) bool {
	w := uint64(id) >> 6
	return w < uint64(len(b.words)) && b.words[w]&(1<<(id&63)) != 0
}

// unpack adds a packed idSet.
func (b *bitset) unpack(blob []byte) error {
	ids, err := unpack(blob)
	for _, id := range ids {
		b.add(id)
	}
	return err
}

// hasAny says whether one of a packed idSet is in the set, without unpacking it: millions
// are looked through for the few that count. A set that is cut off counts as one that has,
// so that whoever unpacks it says so.
func (b *bitset) hasAny(blob []byte) bool {
	var id, step uint64
	shift := 0
	for _, c := range blob {
		step |= uint64(c&0x7f) << shift
		if c >= 0x80 {
			shift += 7
			continue
		}
		id += step
		if b.has(int64(id)) {
			return true
		}
		step, shift = 0, 0
	}
	return shift > 0
}
