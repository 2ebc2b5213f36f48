package oktatest

import (
	"errors"
	"slices"
	"strings"
	"time"
)

var errFilter = errors.New("invalid search criteria")

// predicate says whether an object matches; get returns an attribute's value, nil if none.
type predicate func(get func(attribute string) any) bool

// parseFilter reads a filter: `a eq "x" and (b gt "2026…" or c pr)`. attributes lists
// what may be named; an entry that ends in "." allows every name below it.
func parseFilter(s string, attributes []string) (predicate, error) {
	p := &filterParser{rest: s, attributes: attributes}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.rest != "" {
		return nil, errFilter
	}
	return f, nil
}

type filterParser struct {
	rest       string
	attributes []string
}

func (p *filterParser) space() { p.rest = strings.TrimLeft(p.rest, " ") }

// word reads the next word, up to a blank or a bracket.
func (p *filterParser) word() string {
	p.space()
	end := strings.IndexAny(p.rest, " ()")
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	return w
}

// keyword reads a word if it is the given one.
func (p *filterParser) keyword(k string) bool {
	before := p.rest
	if strings.EqualFold(p.word(), k) {
		return true
	}
	p.rest = before
	return false
}

func (p *filterParser) or() (predicate, error) {
	left, err := p.and()
	for err == nil && p.keyword("or") {
		var right predicate
		a := left
		right, err = p.and()
		left = func(get func(string) any) bool { return a(get) || right(get) }
	}
	return left, err
}

func (p *filterParser) and() (predicate, error) {
	left, err := p.term()
	for err == nil && p.keyword("and") {
		var right predicate
		a := left
		right, err = p.term()
		left = func(get func(string) any) bool { return a(get) && right(get) }
	}
	return left, err
}

func (p *filterParser) term() (predicate, error) {
	p.space()
	if strings.HasPrefix(p.rest, "(") {
		p.rest = p.rest[1:]
		f, err := p.or()
		if err != nil {
			return nil, err
		}
		p.space()
		if !strings.HasPrefix(p.rest, ")") {
			return nil, errFilter
		}
		p.rest = p.rest[1:]
		return f, nil
	}
	attribute, op := p.word(), p.word()
	if !p.allowed(attribute) {
		return nil, errFilter
	}
	if op == "pr" {
		return func(get func(string) any) bool { return get(attribute) != nil }, nil
	}
	compare := operators(op)
	value, err := p.quoted()
	if err != nil || compare == nil {
		return nil, errFilter
	}
	return func(get func(string) any) bool { return compare(get(attribute), value) }, nil
}

func (p *filterParser) allowed(attribute string) bool {
	return slices.ContainsFunc(p.attributes, func(a string) bool {
		return a == attribute || strings.HasSuffix(a, ".") && strings.HasPrefix(attribute, a)
	})
}

// quoted reads a quoted text with backslash escapes.
func (p *filterParser) quoted() (string, error) {
	p.space()
	if !strings.HasPrefix(p.rest, `"`) {
		return "", errFilter
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), nil
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", errFilter
}

// operators returns how an operator compares an attribute with a text, nil if there is no
// such operator. Times are compared as times.
func operators(op string) func(have any, want string) bool {
	switch op {
	case "eq":
		return func(have any, want string) bool { return have == want }
	case "sw":
		return func(have any, want string) bool {
			s, ok := have.(string)
			return ok && strings.HasPrefix(s, want)
		}
	case "co":
		return func(have any, want string) bool {
			s, ok := have.(string)
			return ok && strings.Contains(s, want)
		}
	case "gt":
		return order(func(c int) bool { return c > 0 })
	case "ge":
		return order(func(c int) bool { return c >= 0 })
	case "lt":
		return order(func(c int) bool { return c < 0 })
	case "le":
		return order(func(c int) bool { return c <= 0 })
	default:
		return nil
	}
}

func order(holds func(int) bool) func(any, string) bool {
	return func(have any, want string) bool {
		t, ok := have.(time.Time)
		w, err := time.Parse(time.RFC3339, want)
		return ok && err == nil && holds(t.Compare(w))
	}
}
