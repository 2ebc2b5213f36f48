package mapping

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	// maxDepth bounds lists within lists, and maxValues the values of one object,
	// against a damaged state: a few bytes may stand for many nils.
	maxDepth  = 64
	maxValues = 1 << 16
)

// errDamaged is the cause when an encoding ends early or has an unknown tag.
var errDamaged = errors.New("damaged encoding")

// Decode returns the values that Encode was given. An error means that the bytes are
// damaged or were written by a later version.
func Decode(data []byte) ([]any, error) {
	d := decoder{rest: data, all: string(data)}
	values, err := d.values()
	if err != nil {
		return nil, fmt.Errorf("decode values at byte %d: %w", len(data)-len(d.rest), err)
	}
	return values, nil
}

// decoder takes values off the front of rest, which is the end of all. Texts are parts of
// all: there are many of them, and they are needed together.
type decoder struct {
	rest []byte
	all  string
}

// values reads a whole encoding. The nils at its end are not written.
func (d *decoder) values() ([]any, error) {
	count, err := d.count()
	if err != nil {
		return nil, err
	}
	values := make([]any, count)
	for i := 0; len(d.rest) > 0; {
		if i, err = d.next(values, i, 0); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// next reads one value, or a run of nils, into position i and returns the position after.
func (d *decoder) next(values []any, i, depth int) (int, error) {
	if i >= len(values) {
		return 0, errDamaged
	}
	tag, err := d.byte()
	if err != nil {
		return 0, err
	}
	if tag == tagNil {
		n, err := d.count()
		if err != nil || n == 0 || n > len(values)-i {
			return 0, errDamaged
		}
		return i + n, nil
	}
	values[i], err = d.value(tag, depth)
	return i + 1, err
}

func (d *decoder) value(tag byte, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDamaged
	}
	switch tag {
	case tagTrue, tagFalse:
		return tag == tagTrue, nil
	case tagText:
		return d.text()
	case tagInt:
		n, size := binary.Varint(d.rest)
		if size <= 0 {
			return nil, errDamaged
		}
		d.rest = d.rest[size:]
		return float64(n), nil
	case tagFloat:
		if len(d.rest) < 8 {
			return nil, errDamaged
		}
		bits := binary.LittleEndian.Uint64(d.rest)
		d.rest = d.rest[8:]
		return math.Float64frombits(bits), nil
	case tagList:
		return d.list(depth + 1)
	case tagMap:
		return d.object(depth + 1)
	default:
		return nil, errDamaged
	}
}

func (d *decoder) list(depth int) (any, error) {
	count, err := d.count()
	if err != nil {
		return nil, err
	}
	list := make([]any, count)
	for i := 0; i < count; {
		if i, err = d.next(list, i, depth); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (d *decoder) object(depth int) (any, error) {
	count, err := d.count()
	if err != nil {
		return nil, err
	}
	object := map[string]any{}
	one := make([]any, 1)
	for range count {
		key, err := d.text()
		if err != nil {
			return nil, err
		}
		one[0] = nil
		if _, err := d.next(one, 0, depth); err != nil {
			return nil, err
		}
		object[key] = one[0]
	}
	return object, nil
}

func (d *decoder) byte() (byte, error) {
	if len(d.rest) == 0 {
		return 0, errDamaged
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b, nil
}

// count reads a number of values.
func (d *decoder) count() (int, error) {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > maxValues {
		return 0, errDamaged
	}
	d.rest = d.rest[size:]
	return int(n), nil
}

func (d *decoder) text() (string, error) {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > uint64(len(d.rest)-size) {
		return "", errDamaged
	}
	d.rest = d.rest[size+int(n):]
	end := len(d.all) - len(d.rest)
	return d.all[end-int(n) : end], nil
}
