package okta

import (
	"bytes"
	"encoding/json"
	"iter"
)

// This file picks values out of JSON text that jsonread has found valid. Pages hold
// far more than a job asks for; walking past the rest costs a tenth of decoding it. Being
// handed valid text only, the walk needs no errors: it cuts, and json.Unmarshal decodes
// whatever isn't a plain string.

// members yields the keys of an object and the texts of their values, in order. Texts
// that aren't objects have none.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if object[0] != '{' {
			return
		}
		for i := skip(object, 1); object[i] != '}'; {
			end := stringEnd(object, i)
			key := object[i+1 : end-1]
			if bytes.IndexByte(key, '\\') >= 0 {
				key = []byte(text(object[i:end]))
			}
			i = skip(object, skip(object, end)+1)
			end = valueEnd(object, i)
			if !yield(key, object[i:end]) {
				return
			}
			i = skip(object, end)
			if object[i] == ',' {
				i = skip(object, i+1)
			}
		}
	}
}

// skip returns the place of the next byte from i on that is no white space.
func skip(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns where the value that begins at i ends.
func valueEnd(b []byte, i int) int {
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		return nestedEnd(b, i)
	}
	for i < len(b) && bytes.IndexByte([]byte(",]} \n\t\r"), b[i]) < 0 {
		i++
	}
	return i
}

func nestedEnd(b []byte, i int) int {
	for depth := 0; ; {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

// stringEnd returns the place after the closing quote of the string that begins at i: the
// first quote with an even number of backslashes before it.
func stringEnd(b []byte, i int) int {
	for end := i + 1; ; end++ {
		end += bytes.IndexByte(b[end:], '"')
		backslashes := 0
		for b[end-1-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return end + 1
		}
	}
}

// value decodes a value as encoding/json does for an any.
func value(raw []byte) any {
	if raw[0] == '"' {
		return text(raw)
	}
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw) // a number beyond float64: anything but null, which clears
	}
	return v
}

// text decodes a string; texts of another kind are empty.
func text(raw []byte) string {
	if raw[0] != '"' {
		return ""
	}
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' || c >= 0x80 { // escapes, and bytes that may be broken UTF-8
			var s string
			_ = json.Unmarshal(raw, &s) // valid JSON, and a string
			return s
		}
	}
	return string(inner)
}
