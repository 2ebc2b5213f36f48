package scimtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Filters and PATCH paths (RFC 7644 figures 1 and 7) share one grammar:
//
//	filter    = and *( "or" and )
//	and       = unary *( "and" unary )
//	unary     = [ "not" ] "(" filter ")" / valuePath / attrExp
//	valuePath = attrPath "[" filter "]"
//	attrExp   = attrPath "pr" / attrPath op compValue
//	path      = attrPath / valuePath [ "." subAttr ]
//
// `not` binds tightest, `or` loosest. Operators and attribute names ignore letter case.

// attrPath is an attribute's name as written: [URN ":"] name ["." sub].
type attrPath struct{ urn, name, sub string }

// String writes the path as it was read.
func (p attrPath) String() string {
	s := p.name
	if p.urn != "" {
		s = p.urn + ":" + s
	}
	if p.sub != "" {
		s += "." + p.sub
	}
	return s
}

// expr is a node of a filter: comparison, valuePath, both or negation.
type expr interface{ expression() }

type (
	// comparison is `path op value`; op is lower case; value is string, bool, float64 or nil.
	comparison struct {
		path  attrPath
		op    string
		value any
	}
	// valuePath is `path[inner]`.
	valuePath struct {
		path  attrPath
		inner expr
	}
	// both is `left op right`, op being "and" or "or".
	both struct {
		op          string
		left, right expr
	}
	// negation is `not (inner)`.
	negation struct{ inner expr }
)

func (comparison) expression() {}
func (valuePath) expression()  {}
func (both) expression()       {}
func (negation) expression()   {}

// patchPath is a parsed PATCH path.
type patchPath struct {
	attr   attrPath
	filter expr // nil: none
	sub    string
}

const (
	maxDepth  = 64      // of parentheses; a filter is someone else's text
	maxFilter = 1 << 20 // bytes
)

type parser struct {
	in    string
	pos   int
	depth int
}

func parseFilter(s string) (expr, error) {
	p := &parser{in: s}
	if len(s) > maxFilter || !utf8.ValidString(s) {
		return nil, errors.New("too long or not UTF-8")
	}
	e, err := p.or()
	if err != nil {
		return nil, fmt.Errorf("at %d: %w", p.pos, err)
	}
	if p.space(); p.pos < len(p.in) {
		return nil, fmt.Errorf("at %d: unexpected %q", p.pos, p.in[p.pos:])
	}
	return e, nil
}

func parsePath(s string) (patchPath, error) {
	p := &parser{in: s}
	if len(s) > maxFilter || !utf8.ValidString(s) {
		return patchPath{}, errors.New("too long or not UTF-8")
	}
	attr, err := p.attrPath()
	if err != nil {
		return patchPath{}, err
	}
	out := patchPath{attr: attr}
	if p.peek() == '[' {
		if out.filter, err = p.bracket(); err != nil {
			return patchPath{}, fmt.Errorf("at %d: %w", p.pos, err)
		}
		if p.peek() == '.' {
			p.pos++
			if out.sub = p.word(); !validName(out.sub) {
				return patchPath{}, fmt.Errorf("at %d: bad sub-attribute", p.pos)
			}
		}
	}
	if p.pos < len(p.in) {
		return patchPath{}, fmt.Errorf("at %d: unexpected %q", p.pos, p.in[p.pos:])
	}
	return out, nil
}

func (p *parser) space() bool {
	start := p.pos
	for p.pos < len(p.in) && p.in[p.pos] == ' ' {
		p.pos++
	}
	return p.pos > start
}

func (p *parser) peek() byte {
	if p.pos >= len(p.in) {
		return 0
	}
	return p.in[p.pos]
}

// word reads up to a delimiter.
func (p *parser) word() string {
	rest := p.in[p.pos:]
	if i := strings.IndexAny(rest, " ()[]\""); i >= 0 {
		rest = rest[:i]
	}
	p.pos += len(rest)
	return rest
}

// keyword consumes a logical operator if it comes next.
func (p *parser) keyword(kw string) bool {
	start := p.pos
	p.space()
	at := p.pos
	if strings.EqualFold(p.word(), kw) && (kw != "not" || p.afterNot()) {
		return true
	}
	if p.pos = start; kw == "not" {
		p.pos = at
	}
	return false
}

// afterNot says that a parenthesis follows, so that an attribute may be called "not".
func (p *parser) afterNot() bool {
	p.space()
	return p.peek() == '('
}

func (p *parser) or() (expr, error)  { return p.chain("or", p.and) }
func (p *parser) and() (expr, error) { return p.chain("and", p.unary) }

func (p *parser) chain(op string, next func() (expr, error)) (expr, error) {
	left, err := next()
	for err == nil && p.keyword(op) {
		var right expr
		if right, err = next(); err == nil {
			left = both{op: op, left: left, right: right}
		}
	}
	return left, err
}

func (p *parser) unary() (expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("nested too deeply")
	}
	defer func() { p.depth-- }()
	not := p.keyword("not")
	if p.peek() != '(' {
		return p.attrExp()
	}
	p.pos++
	inner, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.peek() != ')' {
		return nil, errors.New("missing )")
	}
	p.pos++
	if not {
		return negation{inner: inner}, nil
	}
	return inner, nil
}

func (p *parser) bracket() (expr, error) {
	p.pos++
	inner, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.peek() != ']' {
		return nil, errors.New("missing ]")
	}
	p.pos++
	return inner, nil
}

func (p *parser) attrExp() (expr, error) {
	path, err := p.attrPath()
	if err != nil {
		return nil, err
	}
	if p.peek() == '[' {
		inner, err := p.bracket()
		return valuePath{path: path, inner: inner}, err
	}
	p.space()
	op := strings.ToLower(p.word())
	switch op {
	case "pr":
		return comparison{path: path, op: op}, nil
	case "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le":
		if !p.space() {
			return nil, fmt.Errorf("a space and a value must follow %q", op)
		}
		v, err := p.value()
		return comparison{path: path, op: op, value: v}, err
	default:
		return nil, fmt.Errorf("unknown operator %q", op)
	}
}

// attrPath reads a name; in a URN the last colon ends the URN, so that the dot of "2.0" is
// not taken for a sub-attribute.
func (p *parser) attrPath() (attrPath, error) {
	w := p.word()
	var out attrPath
	if len(w) > 4 && strings.EqualFold(w[:4], "urn:") {
		i := strings.LastIndexByte(w, ':')
		out.urn, w = w[:i], w[i+1:]
	}
	var dotted bool
	out.name, out.sub, dotted = strings.Cut(w, ".")
	if !validName(out.name) || dotted && !validName(out.sub) {
		return attrPath{}, fmt.Errorf("%q is no attribute name", w)
	}
	return out, nil
}

// validName is ATTRNAME (RFC 7643 section 2.1), with the `$` of $ref.
func validName(s string) bool {
	s = strings.TrimPrefix(s, "$")
	if s == "" || !letter(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !letter(c) && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// value reads a compValue: a JSON string, number, true, false or null.
func (p *parser) value() (any, error) {
	var raw string
	if p.peek() == '"' {
		n := stringLength(p.in[p.pos:])
		if n == 0 {
			return nil, errors.New("string without end")
		}
		raw = p.in[p.pos : p.pos+n]
		p.pos += n
	} else {
		raw = p.word()
	}
	var v any
	if err := json.Unmarshal([]byte(raw), &v); err != nil || raw == "" {
		return nil, fmt.Errorf("%q is no value", raw)
	}
	switch v.(type) {
	case map[string]any, []any:
		return nil, fmt.Errorf("%q is no value to compare with", raw)
	}
	return v, nil
}

// stringLength is the length of the JSON string that s begins with, 0 when it has no end.
func stringLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}
