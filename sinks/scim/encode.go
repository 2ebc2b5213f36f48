package scim

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// encode writes a body as encoding/json does, with the names of an object in order and
// without escapes for HTML; by kind of value instead of reflection, since every write
// comes through here.
func encode(body any) ([]byte, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case json.RawMessage: // written before
		return body, nil
	}
	return appendJSON(make([]byte, 0, 1024), body)
}

func appendJSON(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendQuoted(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case *object:
		return appendObject(b, v)
	case map[string]any:
		return appendObject(b, objectOf(v))
	case []any:
		return appendList(b, v, appendJSON)
	case []*object:
		return appendList(b, v, appendObject)
	case []map[string]any:
		return appendList(b, v, func(b []byte, m map[string]any) ([]byte, error) { return appendObject(b, objectOf(m)) })
	case []string:
		return appendList(b, v, func(b []byte, s string) ([]byte, error) { return appendQuoted(b, s), nil })
	case memberList:
		return v.append(b), nil
	case []operation:
		return appendList(b, v, appendOperation)
	default:
		return appendOther(b, v)
	}
}

// write is encode, and tells what each attribute was written as.
func (o *object) write() ([]byte, *document, error) {
	d := &document{attributes: make([]attribute, 0, len(o.members))}
	b, err := o.append(make([]byte, 0, 1024), d)
	return b, d, err
}

func appendObject(b []byte, o *object) ([]byte, error) {
	if o == nil {
		return append(b, "null"...), nil
	}
	return o.append(b, nil)
}

// append writes the members, and notes them in d unless that is nil.
func (o *object) append(b []byte, d *document) ([]byte, error) {
	b = append(b, '{')
	for i, m := range o.members {
		if i > 0 {
			b = append(b, ',')
		}
		start := len(b)
		b = append(appendQuoted(b, m.name), ':')
		value := len(b)
		var err error
		if b, err = appendJSON(b, m.value); err != nil {
			return nil, err
		}
		if d != nil {
			d.attributes = append(d.attributes, attribute{bareText(b[start : value-1]), b[value:]})
		}
	}
	return append(b, '}'), nil
}

// MarshalJSON is for an object inside of what appendJSON has no case for: bulk requests.
func (o *object) MarshalJSON() ([]byte, error) { return o.append(nil, nil) }

func appendList[T any](b []byte, list []T, one func([]byte, T) ([]byte, error)) ([]byte, error) {
	if list == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = one(b, e); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendOperation(b []byte, o operation) ([]byte, error) {
	b = appendQuoted(append(b, `{"op":`...), o.Op)
	if o.Path != "" {
		b = appendQuoted(append(b, `,"path":`...), o.Path)
	}
	if o.Value != nil {
		var err error
		if b, err = appendJSON(append(b, `,"value":`...), o.Value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// append writes one object with a `value` per member.
func (l memberList) append(b []byte) []byte {
	const each = len(`{"value":"00000000-0000-0000-0000-000000000000"},`)
	b = append(slices.Grow(b, each*len(l)+2), '[')
	for i, id := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(append(b, `{"value":`...), string(id)), '}')
	}
	return append(b, ']')
}

// MarshalJSON is for members inside of what appendJSON has no case for: bulk requests.
func (l memberList) MarshalJSON() ([]byte, error) { return l.append(nil), nil }

// appendOther writes numbers, and whatever else a mapping came up with.
func appendOther(b []byte, v any) ([]byte, error) {
	var other bytes.Buffer
	e := json.NewEncoder(&other)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return append(b, bytes.TrimSuffix(other.Bytes(), []byte("\n"))...), nil
}
