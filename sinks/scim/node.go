package scim

import (
	"bytes"
	"strings"
)

// node is one value in an answer, as it is written there and known to be JSON; nil where
// there is none. Walking it costs less than decoding what surrounds the value looked for.
type node []byte

// decode returns the value; nil when there is none.
func (n node) decode() any {
	v, _ := decodeAny(n) // known to be JSON
	return v
}

// lookup finds a member of an object.
func (n node) lookup(name string) node {
	if !n.isObject() {
		return nil
	}
	s := search{name: name}
	t := tokens{in: n}
	t.search(&s)
	return s.found()
}

// search offers the members of the object ahead.
func (t *tokens) search(s *search) bool {
	return t.members(func(quoted []byte) bool {
		raw, ok := t.raw(1)
		s.offer(bareText(quoted), raw)
		return ok
	})
}

// search is for a member by name: the exact one, else, as names are case-insensitive
// (RFC 7643 section 2.1), the first in order that folds to it. Of members that come twice
// the last one counts.
type search struct {
	name          string
	exact, folded node
	spelt         []byte
}

func (s *search) offer(name []byte, value node) {
	switch {
	case len(name) != len(s.name): // names are ASCII
	case string(name) == s.name:
		s.exact = value
	case strings.EqualFold(string(name), s.name) && (s.spelt == nil || bytes.Compare(name, s.spelt) <= 0):
		s.folded, s.spelt = value, name
	}
}

func (s *search) found() node {
	if s.exact != nil {
		return s.exact
	}
	return s.folded
}

// entries visits the values of a multi-valued attribute until visit returns false, which
// it then returns too. See the function of this name for what counts as one.
func (n node) entries(visit func(e node) bool) bool {
	if !n.isList() {
		return !n.isEntry() || visit(n)
	}
	t := tokens{in: n}
	return t.list(']', func() bool {
		e, ok := t.raw(1)
		return ok && node(e).entries(visit)
	})
}

func (n node) isList() bool { return len(n) > 0 && n[0] == '[' }

func (n node) isEntry() bool { return n.isObject() || n.isPlain() }

func (n node) isObject() bool { return len(n) > 0 && n[0] == '{' }

// orNone is nil for null and for what is empty.
func (n node) orNone() node {
	t := tokens{in: n, at: 1}
	switch {
	case len(n) == 0, n[0] == 'n', n[0] == '"' && len(n) == 2, n.isList() && t.take(']'), n.isObject() && t.take('}'):
		return nil
	default:
		return n
	}
}

// selected is the value of the first matching entry that has one.
func (n node) selected(p path) node {
	var found node
	n.entries(func(e node) bool {
		if e.matches(p.filter) {
			if p.sub != "" {
				e = e.sub(p.sub)
			}
			found = e.orNone()
		}
		return found == nil
	})
	return found
}

// isPlain reports a text or number.
func (n node) isPlain() bool {
	return len(n) > 0 && (n[0] == '"' || n[0] == '-' || isDigit(n[0]))
}

// sub is a sub-attribute of an entry. A text in place of an object is its `value`.
func (n node) sub(name string) node {
	if n.isPlain() && strings.EqualFold(name, "value") {
		return n
	}
	return n.lookup(name)
}

// matches reports whether an entry satisfies all terms.
func (n node) matches(filter []term) bool {
	return matches(func(name string) any { return n.sub(name).decode() }, filter)
}

// first is the single value of an attribute that a server wrapped in a list.
func (n node) first() node {
	if !n.isList() {
		return n
	}
	found := n
	t := tokens{in: n}
	t.list(']', func() bool {
		if e, ok := t.raw(1); ok {
			found = e
		}
		return false
	})
	return found
}

// id is the id in a text or number.
func (n node) id() []byte {
	switch {
	case !n.isPlain():
		return nil
	case n[0] == '"':
		return bareText(n)
	default:
		return n
	}
}
