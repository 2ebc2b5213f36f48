package scim

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/bits"
	"unicode/utf8"
)

var errJSON = errors.New("not JSON")

// maxDepth of nested values is encoding/json's.
const maxDepth = 10000

// tokens reads JSON (RFC 8259) as encoding/json does, and as strictly. What encoding/json
// lacks is a way to step over what nobody asks for: of the kilobyte that comes back with
// every write a few attributes matter, and decoding the rest cost more than the request.
type tokens struct {
	in []byte
	at int
}

func (t *tokens) space() {
	for t.at < len(t.in) {
		switch t.in[t.at] {
		case ' ', '\n', '\r', '\t':
			t.at++
		default:
			return
		}
	}
}

func (t *tokens) take(c byte) bool {
	t.space()
	if t.at == len(t.in) || t.in[t.at] != c {
		return false
	}
	t.at++
	return true
}

// ended reports that nothing but space is left.
func (t *tokens) ended() bool {
	t.space()
	return t.at == len(t.in)
}

// value reads a value of any kind. Without build it is stepped over, and the result is nil.
func (t *tokens) value(depth int, build bool) (v any, ok bool) {
	t.space()
	if t.at == len(t.in) || depth > maxDepth {
		return nil, false
	}
	switch t.in[t.at] {
	case '{':
		return t.object(depth, build)
	case '[':
		return t.array(depth, build)
	case '"':
		raw, ok := t.text()
		if !ok || !build {
			return nil, ok
		}
		return textOf(raw), true
	case 't':
		return true, t.word("true")
	case 'f':
		return false, t.word("false")
	case 'n':
		return nil, t.word("null")
	}
	raw, ok := t.number()
	if !ok || !build {
		return nil, ok
	}
	return json.Number(raw), true
}

func (t *tokens) object(depth int, build bool) (any, bool) {
	var m map[string]any
	if build {
		m = map[string]any{}
	}
	ok := t.members(func(name []byte) bool {
		v, ok := t.value(depth+1, build)
		if ok && build {
			m[textOf(name)] = v
		}
		return ok
	})
	return m, ok
}

func (t *tokens) array(depth int, build bool) (any, bool) {
	var list []any
	if build {
		list = []any{}
	}
	ok := t.list(']', func() bool {
		v, ok := t.value(depth+1, build)
		if ok && build {
			list = append(list, v)
		}
		return ok
	})
	return list, ok
}

// members walks the object ahead. It stands before a member's value when read is called
// with the name, in its quotes.
func (t *tokens) members(read func(name []byte) bool) bool {
	return t.list('}', func() bool {
		t.space()
		name, ok := t.text()
		return ok && t.take(':') && read(name)
	})
}

// list walks what is between the bracket ahead and its end.
func (t *tokens) list(end byte, read func() bool) bool {
	t.at++
	if t.take(end) {
		return true
	}
	for read() {
		if t.take(end) {
			return true
		}
		if !t.take(',') {
			return false
		}
	}
	return false
}

// raw steps over a value and returns its bytes.
func (t *tokens) raw(depth int) ([]byte, bool) {
	t.space()
	start := t.at
	_, ok := t.value(depth, false)
	return t.in[start:t.at], ok
}

// text returns a text with its quotes and escapes.
func (t *tokens) text() ([]byte, bool) {
	if t.at == len(t.in) || t.in[t.at] != '"' {
		return nil, false
	}
	for i := t.at + 1; ; i++ {
		if i += plainLen(t.in[i:]); i == len(t.in) {
			return nil, false
		}
		switch t.in[i] {
		case '"':
			raw := t.in[t.at : i+1]
			t.at = i + 1
			return raw, true
		case '\\':
			n := escapeLen(t.in[i+1:])
			if n == 0 {
				return nil, false
			}
			i += n
		default: // a control character
			return nil, false
		}
	}
}

// plainLen counts the bytes before a quote, a backslash or a control character, eight at
// a time: the highest bit of a byte in m is set where there is one, at least in the first.
func plainLen(b []byte) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; n+8 <= len(b); n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, backslash := x^'"'*each, x^'\\'*each
		m := ((x-' '*each)&^x | (quote-each)&^quote | (backslash-each)&^backslash) & high
		if m != 0 {
			return n + bits.TrailingZeros64(m)/8
		}
	}
	for n < len(b) && b[n] >= ' ' && b[n] != '"' && b[n] != '\\' {
		n++
	}
	return n
}

// escapeLen is the length of the escape behind a backslash; 0: there is no such escape.
func escapeLen(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		if len(b) > 4 && isHex(b[1]) && isHex(b[2]) && isHex(b[3]) && isHex(b[4]) {
			return 5
		}
	}
	return 0
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// textOf decodes what text returned.
func textOf(raw []byte) string {
	plain := true
	for _, c := range raw {
		if c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // text has checked it
	return s
}

func (t *tokens) word(w string) bool {
	if len(t.in)-t.at < len(w) || string(t.in[t.at:t.at+len(w)]) != w {
		return false
	}
	t.at += len(w)
	return true
}

// number returns a number as it is written, RFC 8259 section 6.
func (t *tokens) number() ([]byte, bool) {
	start := t.at
	t.word("-")
	if !t.word("0") && !t.digits() {
		return nil, false
	}
	if t.word(".") && !t.digits() {
		return nil, false
	}
	if t.word("e") || t.word("E") {
		if !t.word("+") {
			t.word("-")
		}
		if !t.digits() {
			return nil, false
		}
	}
	return t.in[start:t.at], true
}

func (t *tokens) digits() bool {
	start := t.at
	for t.at < len(t.in) && isDigit(t.in[t.at]) {
		t.at++
	}
	return t.at > start
}

// decodeAny reads the first value: numbers as json.Number, the rest as encoding/json.
func decodeAny(raw []byte) (any, error) {
	t := tokens{in: raw}
	v, ok := t.value(1, true)
	if !ok {
		return nil, errJSON
	}
	return v, nil
}
