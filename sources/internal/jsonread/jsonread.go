// Package jsonread reads the answers of providers in one pass and keeps what is wanted of
// them. It sits below the adapters and knows nothing of users and groups.
//
// Pages of a directory are most of what a full read costs. Decoding one into maps with
// encoding/json goes over the text twice, through reflection, and keeps everything that
// came; here a caller walks the tokens, takes the members that it knows by name and skips
// the rest. The tokens come from jsontext, which is encoding/json/v2's decoder and part of
// the standard library from Go 1.27 on; this package is the few lines between.
//
// What is JSON is judged as encoding/json does, for everything that is read or skipped: a
// cut, garbage before, within or after the text, a bad escape, and nesting deeper than
// 10,000 are errors. Broken UTF-8 in a string becomes U+FFFD, so that one mangled name
// does not stop a directory, and names may repeat: what that means is for the caller.
package jsonread

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Reader stands before a value of a JSON text. Each method reads one value; after an error
// the text is of no more use.
type Reader struct {
	text   []byte
	tokens *jsontext.Decoder
	names  map[string]string // of members in values, which are the same ones in each
}

// maxNames bounds them: names that differ in each object are data.
const maxNames = 64

// New returns a reader before the text's only value. The text is not copied, and must not
// change while it is read.
func New(text []byte) Reader {
	return Reader{
		text:   text,
		tokens: jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		names:  map[string]string{},
	}
}

// End insists that nothing follows the values read so far.
func (r Reader) End() error {
	switch _, err := r.tokens.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("after the last value: %w", err)
	default:
		return errors.New("something follows the last value")
	}
}

// Object reads an object: it calls member at each member, which must read or skip its
// value. The name is gone with that.
func (r Reader) Object(member func(name []byte) error) error {
	if err := r.enter('{', "an object"); err != nil {
		return err
	}
	for r.tokens.PeekKind() != '}' {
		name, err := r.tokens.ReadValue()
		if err != nil {
			return err
		}
		if err := member(text(name)); err != nil {
			return err
		}
	}
	_, err := r.tokens.ReadToken()
	return err
}

// Array reads an array: it calls element before each element, which must read or skip it.
func (r Reader) Array(element func() error) error {
	if err := r.enter('[', "a list"); err != nil {
		return err
	}
	for r.tokens.PeekKind() != ']' {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := r.tokens.ReadToken()
	return err
}

func (r Reader) enter(kind jsontext.Kind, what string) error {
	token, err := r.tokens.ReadToken()
	if err == nil && token.Kind() != kind {
		return fmt.Errorf("%v where %s should be", token.Kind(), what)
	}
	return err
}

// Skip reads a value that nobody wants.
func (r Reader) Skip() error { return r.tokens.SkipValue() }

// Raw reads a value as it is written: valid JSON without white space around it, and a part
// of the text that New was given.
func (r Reader) Raw() ([]byte, error) {
	value, err := r.tokens.ReadValue()
	if err != nil {
		return nil, err
	}
	end := r.tokens.InputOffset()
	return r.text[end-int64(len(value)) : end], nil
}

// Value reads a value as encoding/json decodes it into an any, with the last of members
// that have the same name. A number beyond float64 is an error.
func (r Reader) Value() (any, error) {
	if kind := r.tokens.PeekKind(); kind == '{' {
		return r.object()
	} else if kind == '[' {
		return r.list()
	}
	raw, err := r.tokens.ReadValue()
	if err != nil {
		return nil, err
	}
	switch raw.Kind() {
	case '"':
		return string(text(raw)), nil
	case 't', 'f':
		return raw[0] == 't', nil
	case 'n':
		return nil, nil //nolint:nilnil // a null is a value
	default:
		return strconv.ParseFloat(string(raw), 64)
	}
}

func (r Reader) object() (map[string]any, error) {
	object := map[string]any{}
	err := r.Object(func(name []byte) (err error) {
		key := r.name(name)
		object[key], err = r.Value()
		return err
	})
	return object, err
}

func (r Reader) name(name []byte) string {
	s, known := r.names[string(name)]
	if !known {
		s = string(name)
		if len(r.names) < maxNames {
			r.names[s] = s
		}
	}
	return s
}

func (r Reader) list() ([]any, error) {
	list := []any{}
	err := r.Array(func() error {
		v, err := r.Value()
		list = append(list, v)
		return err
	})
	return list, err
}

// text decodes a string; one without escapes is a part of what it is given.
func text(raw jsontext.Value) []byte {
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' || c >= utf8.RuneSelf {
			decoded, _ := jsontext.AppendUnquote(nil, raw) // the error tells of broken UTF-8, which is replaced
			return decoded
		}
	}
	return inner
}
