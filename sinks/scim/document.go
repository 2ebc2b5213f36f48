package scim

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// document is a resource in an answer. All of it is checked to be JSON when it is read,
// but an attribute is decoded only when it is asked for.
type document struct {
	attributes []attribute
}

type attribute struct {
	name  []byte
	value node
}

// readDocument reads a resource, leaving members out unless they are wanted: servers
// that ignore excludedAttributes send a hundred thousand of them with every group.
func readDocument(raw []byte, members bool) (*document, error) {
	t := tokens{in: raw}
	t.space()
	if t.ended() || t.in[t.at] != '{' {
		return nil, fmt.Errorf("read resource: %w", errJSON)
	}
	d := &document{attributes: make([]attribute, 0, 16)}
	ok := t.members(func(name []byte) bool {
		a := attribute{name: bareText(name)}
		var ok bool
		a.value, ok = t.raw(2)
		if members || !strings.EqualFold(string(a.name), sinks.PathMembers) {
			d.attributes = append(d.attributes, a)
		}
		return ok
	})
	if !ok || !t.ended() {
		return nil, fmt.Errorf("read resource: %w", errJSON)
	}
	return d, nil
}

// bareText is a text without its quotes and escapes.
func bareText(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') >= 0 {
		return []byte(textOf(raw))
	}
	return raw[1 : len(raw)-1]
}

// attribute is the value of a top-level attribute; nil when there is none.
func (d *document) attribute(name string) node {
	s := search{name: name}
	for _, a := range d.attributes {
		s.offer(a.name, a.value)
	}
	return s.found()
}

// resource is all of it decoded, to be changed and sent back.
func (d *document) resource() *object {
	m := make(map[string]any, len(d.attributes)) // of names that come twice the last one counts
	for _, a := range d.attributes {
		m[string(a.name)] = a.value.decode()
	}
	return objectOf(m)
}

// id is the resource's id, which some servers send as a number; empty when there is none.
func (d *document) id() sinks.ID { return sinks.ID(d.attribute("id").id()) }

// version is meta.version (RFC 7643 section 3.1), which equals the answer's ETag.
func (d *document) version() string {
	v, _ := d.attribute("meta").lookup("version").decode().(string)
	return v
}

// isV1 says whether the resource names a schema of SCIM 1.1.
func (d *document) isV1() bool {
	return bytes.Contains(d.attribute("schemas"), []byte(`"`+schemaV1))
}

// object is what the query asked of the resource.
func (d *document) object(q sinks.Query, members bool) sinks.Object {
	o := sinks.Object{ID: d.id(), Values: make(map[string]any, len(q.Paths))}
	for _, s := range q.Paths {
		p, err := parsePath(s)
		if err != nil {
			continue // CheckPath reports it when the configuration is read
		}
		if v := d.get(p); v != nil {
			o.Values[s] = v
		}
	}
	if members {
		o.Members, o.MembersKnown = d.members()
	}
	return o
}

// at is the undigested value of an attribute as a whole.
func (d *document) at(p path) node {
	if p.schema != "" {
		return d.attribute(p.schema).lookup(p.attr)
	}
	return d.attribute(p.attr)
}

// get returns the value at a path: string, bool, float64, []any, map[string]any, or nil.
func (d *document) get(p path) any {
	n := d.find(p)
	v := n.decode()
	if len(p.filter) > 0 && p.sub == "" && n.isPlain() {
		v = map[string]any{"value": v}
	}
	return normalise(v, p.leaf())
}

// find returns what the value at a path is written as; nil when there is none.
// Unassigned, null, an empty list and an empty text are all the same (RFC 7643 section
// 2.5; an empty text is what many servers store for it).
func (d *document) find(p path) node {
	n := d.at(p)
	switch {
	case len(p.filter) > 0:
		return n.selected(p)
	case p.sub != "":
		n = n.first().lookup(p.sub)
	case p.isManager():
		if m := n.first(); m.isObject() {
			n = m.lookup("value")
		}
	}
	return n.orNone()
}

func (d *document) hasEntry(p path) bool {
	found := false
	d.at(p).entries(func(e node) bool {
		found = e.matches(p.filter)
		return !found
	})
	return found
}
