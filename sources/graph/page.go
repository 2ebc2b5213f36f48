package graph

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/internal/jsonread"
)

// pageBody is an answer that lists objects. A property that is null is a key with nil in
// its object; one that is absent is no key.
type pageBody struct {
	value       []map[string]any
	ids         string // names the entries by their ids, in order
	next, delta string
}

// parsePage decodes a list. Anything that is not a whole JSON object with one list of
// objects named value is an error of class Incomplete, also when a property that nobody
// keeps is no JSON. Of an entry's members with the same name the last one counts; a page
// that names its list or a link twice could hide entries and is refused.
func parsePage(op Op, body []byte, keep names) (pageBody, error) {
	var page pageBody
	r := jsonread.New(body)
	err := r.Object(func(name []byte) error { return page.member(r, string(name), keep) })
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return pageBody{}, incomplete(op, notJSON(body), err)
	}
	if page.value == nil {
		return pageBody{}, incomplete(op, "the answer has no list named value", nil)
	}
	page.ids = idsOf(page.value) // before readers take entries over
	return page, nil
}

var errTwice = errors.New("it is there twice")

// member reads a member of the answer.
func (p *pageBody) member(r jsonread.Reader, name string, keep names) error {
	var err error
	switch name {
	case "value":
		err = p.entries(r, keep)
	case "@odata.nextLink":
		err = link(r, &p.next)
	case "@odata.deltaLink":
		err = link(r, &p.delta)
	default:
		return r.Skip()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (p *pageBody) entries(r jsonread.Reader, keep names) error {
	if p.value != nil {
		return errTwice
	}
	p.value = []map[string]any{}
	size := 0 // entries have about as many properties as the one before
	return r.Array(func() error {
		entry, err := readEntry(r, keep, size)
		size = len(entry)
		p.value = append(p.value, entry)
		return err
	})
}

func readEntry(r jsonread.Reader, keep names, size int) (map[string]any, error) {
	entry := make(map[string]any, size)
	err := r.Object(func(name []byte) (err error) {
		key, kept := keep[string(name)]
		if !kept {
			return r.Skip()
		}
		entry[key], err = r.Value()
		return err
	})
	return entry, err
}

// parseEntry decodes an answer that is one object.
func parseEntry(op Op, body []byte, keep names) (map[string]any, error) {
	r := jsonread.New(body)
	entry, err := readEntry(r, keep, 0)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return nil, incomplete(op, notJSON(body), err)
	}
	return entry, nil
}

// link reads a link; null is none.
func link(r jsonread.Reader, to *string) error {
	v, err := r.Value()
	if err != nil {
		return err
	}
	text, ok := v.(string)
	switch {
	case !ok && v != nil:
		return errors.New("it is not a string")
	case *to != "":
		return errTwice
	}
	*to = text
	return nil
}

// idsOf is a hash of the entries' ids.
func idsOf(entries []map[string]any) string {
	h := fnv.New64a()
	for _, m := range entries {
		id, _ := m["id"].(string)
		_, _ = h.Write([]byte(id)) // a hash never fails
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// notJSON says what came instead.
func notJSON(body []byte) string {
	switch trimmed := bytes.TrimSpace(body); {
	case len(trimmed) == 0:
		return "the answer is empty"
	case trimmed[0] == '<':
		return "the answer is a web page, not JSON: a proxy or sign-in page stands between"
	default:
		return "the answer is not a whole JSON object"
	}
}

// idOf insists that an entry has an id. Without one it is not known who is meant, so the page as a whole can't be trusted.
func idOf(op Op, i int, entry map[string]any) (sources.ID, error) {
	id, _ := entry["id"].(string)
	if id == "" {
		return "", incomplete(op, fmt.Sprintf("entry %d has no id", i+1), nil)
	}
	return sources.ID(id), nil
}

// removed reads @removed: reason "deleted" is final, everything else ("changed") is not.
func removed(m map[string]any) (sources.Removal, error) {
	v, ok := m["@removed"]
	if !ok {
		return sources.NotRemoved, nil
	}
	mark, ok := v.(map[string]any)
	if !ok {
		return sources.NotRemoved, errors.New("@removed is not an object")
	}
	if mark["reason"] == "deleted" {
		return sources.RemovedHard, nil
	}
	return sources.RemovedSoft, nil
}

// text reads an optional string.
func text(m map[string]any, key string) (string, error) {
	v, ok := m[key].(string)
	if !ok && m[key] != nil {
		return "", fmt.Errorf("%s is %v, not a string", key, m[key])
	}
	return v, nil
}
