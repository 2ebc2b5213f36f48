package scim

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	schemaUser       = "urn:ietf:params:scim:schemas:core:2.0:User"
	schemaGroup      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	schemaEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	schemaPatch      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	schemaError      = "urn:ietf:params:scim:api:messages:2.0:Error"
	schemaV1         = "urn:scim:schemas:"
)

// path is a parsed attribute path, RFC 7644 section 3.5.2 figure 7, with value filters
// reduced to what attribute mappings use: `sub eq value`, joined by `and`.
type path struct {
	schema string // URN of an extension; empty for the core schema
	attr   string
	filter []term
	sub    string
}

// term is one comparison of a value filter. Its value is a string, bool or float64.
type term struct {
	sub   string
	value any
}

// CheckPath says what is wrong with an attribute path of a mapping, or nil.
func CheckPath(s string) error {
	_, err := parsePath(s)
	return err
}

func parsePath(s string) (path, error) {
	var p path
	head, rest := s, ""
	if i := strings.IndexByte(s, '['); i >= 0 {
		head, rest = s[:i], s[i:]
	}
	p.schema, p.attr = splitSchema(head)
	if rest == "" {
		p.attr, p.sub, _ = strings.Cut(p.attr, ".")
		if strings.HasSuffix(head, ".") {
			return path{}, fmt.Errorf("path %q ends in a dot", s)
		}
	} else if err := p.parseSelection(rest); err != nil {
		return path{}, fmt.Errorf("path %q: %w", s, err)
	}
	if !isName(p.attr) {
		return path{}, fmt.Errorf("path %q: %q is not an attribute name", s, p.attr)
	}
	if p.sub != "" && !isName(p.sub) {
		return path{}, fmt.Errorf("path %q: %q is not an attribute name", s, p.sub)
	}
	if len(p.filter) == 0 && p.sub != "" && isMultiValued(p.attr) && p.schema == "" {
		return path{}, fmt.Errorf(`path %q: say which of the %s is meant, e.g. %s[type eq "work"].%s`, s, p.attr, p.attr, p.sub)
	}
	return p, nil
}

// target is a path of a mapping, parsed.
type target struct {
	name string // as the mapping writes it
	path path
}

// paths are the paths parsed so far: the few of a mapping, which come with every object.
type paths struct{ parsed sync.Map }

func (ps *paths) parse(s string) (*target, error) {
	if t, ok := ps.parsed.Load(s); ok {
		return t.(*target), nil //nolint:forcetypeassert // stored below
	}
	p, err := parsePath(s)
	if err != nil {
		return nil, err
	}
	t := &target{s, p}
	ps.parsed.Store(s, t)
	return t, nil
}

// splitSchema cuts the URN off a path. The core schema's URN is implied, so that a fully
// qualified core attribute is the same as the short one.
func splitSchema(head string) (schema, attr string) {
	if len(head) < 4 || !strings.EqualFold(head[:4], "urn:") {
		return "", head
	}
	i := strings.LastIndexByte(head, ':')
	schema, attr = head[:i], head[i+1:]
	if strings.EqualFold(schema, schemaUser) || strings.EqualFold(schema, schemaGroup) {
		schema = ""
	}
	return schema, attr
}

// parseSelection reads `[filter]` and an optional `.sub`.
func (p *path) parseSelection(s string) error {
	sc := scanner{rest: s[1:]}
	for {
		t, err := sc.term()
		if err != nil {
			return err
		}
		p.filter = append(p.filter, t)
		if sc.take("]") {
			break
		}
		if word := sc.word(); !strings.EqualFold(word, "and") {
			return fmt.Errorf("%q where `and` or ] was expected", word+sc.rest)
		}
	}
	switch {
	case sc.rest == "":
		return nil
	case strings.HasPrefix(sc.rest, ".") && len(sc.rest) > 1:
		p.sub = sc.rest[1:]
		return nil
	default:
		return fmt.Errorf("%q after ]", sc.rest)
	}
}

type scanner struct{ rest string }

func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " ") }

func (s *scanner) take(token string) bool {
	s.space()
	rest, ok := strings.CutPrefix(s.rest, token)
	if ok {
		s.rest = rest
	}
	return ok
}

func (s *scanner) word() string {
	s.space()
	n := strings.IndexAny(s.rest, " ]\"")
	if n < 0 {
		n = len(s.rest)
	}
	word := s.rest[:n]
	s.rest = s.rest[n:]
	return word
}

func (s *scanner) term() (term, error) {
	sub := s.word()
	if !isName(sub) {
		return term{}, fmt.Errorf("%q is not an attribute name", sub)
	}
	if op := s.word(); !strings.EqualFold(op, "eq") {
		return term{}, fmt.Errorf("operator %q: only eq selects one entry", op)
	}
	value, err := s.value()
	if err != nil {
		return term{}, err
	}
	if isBoolean(sub) {
		value = toBool(value)
		if _, ok := value.(bool); !ok {
			return term{}, fmt.Errorf("%s is true or false, not %v", sub, value)
		}
	}
	return term{sub: sub, value: value}, nil
}

func (s *scanner) value() (any, error) {
	s.space()
	if strings.HasPrefix(s.rest, `"`) {
		return s.quoted()
	}
	word := s.word()
	switch strings.ToLower(word) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	f, err := strconv.ParseFloat(word, 64)
	if err != nil || f-f != 0 {
		return nil, fmt.Errorf("%q is not a value: quote texts", word)
	}
	return f, nil
}

// quoted reads a JSON string, the form of texts in filters (RFC 7644 section 3.4.2.2).
func (s *scanner) quoted() (any, error) {
	t := tokens{in: []byte(s.rest)}
	raw, ok := t.text()
	if !ok {
		return nil, fmt.Errorf("%s is no text in quotes", s.rest)
	}
	s.rest = s.rest[t.at:]
	return textOf(raw), nil
}

// String writes the path as it is sent in a PATCH.
func (p path) String() string {
	var b strings.Builder
	if p.schema != "" {
		b.WriteString(p.schema + ":")
	}
	b.WriteString(p.attr)
	if len(p.filter) > 0 {
		b.WriteString("[" + p.terms() + "]")
	}
	if p.sub != "" {
		b.WriteString("." + p.sub)
	}
	return b.String()
}

func (p path) terms() string {
	parts := make([]string, len(p.filter))
	for i, t := range p.filter {
		parts[i] = t.sub + " eq " + literal(t.value)
	}
	return strings.Join(parts, " and ")
}

// isManager reports whether the path is the enterprise manager as a whole, which is
// written and read as the id in its value.
func (p path) isManager() bool {
	return p.sub == "" && strings.EqualFold(p.attr, "manager") && strings.EqualFold(p.schema, schemaEnterprise)
}

// leaf is the name of the attribute that holds the value.
func (p path) leaf() string {
	if p.sub != "" {
		return p.sub
	}
	return p.attr
}

// entry is the path of the entry or attribute that a value sub-attribute belongs to:
// what is removed to clear it. An e-mail without its value is no e-mail.
func (p path) entry() path {
	if len(p.filter) > 0 && strings.EqualFold(p.sub, "value") {
		p.sub = ""
	}
	return p
}

// key identifies a path whatever the letter case of its names.
func (p path) key() string { return strings.ToLower(p.String()) }

// literal writes a comparison value of a filter.
func literal(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return quote(v)
	default:
		return quote(fmt.Sprint(v))
	}
}

// quote writes a JSON string with as few escapes as JSON allows: servers that read
// filters with a parser of their own often know only \" and \\.
func quote(s string) string { return string(appendQuoted(nil, s)) }

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i, r := range s {
		if r >= ' ' && r != '"' && r != '\\' && r != utf8.RuneError {
			continue
		}
		b = append(b, s[start:i]...)
		_, n := utf8.DecodeRuneInString(s[i:])
		start = i + n
		switch {
		case r == utf8.RuneError:
			b = utf8.AppendRune(b, r) // also for bytes that are none
		case r < ' ':
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, '\\', byte(r))
		}
	}
	return append(append(b, s[start:]...), '"')
}

// isName checks an attribute name, RFC 7643 section 2.1; `$ref` is the one with a dollar.
func isName(s string) bool {
	s = strings.TrimPrefix(s, "$")
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		other := r >= '0' && r <= '9' || r == '-' || r == '_'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}

// isMultiValued lists the multi-valued attributes of RFC 7643 sections 4.1.2 and 4.2.
func isMultiValued(attr string) bool {
	switch strings.ToLower(attr) {
	case "emails", "phonenumbers", "ims", "photos", "addresses", "groups", "entitlements", "roles", "x509certificates", "members":
		return true
	default:
		return false
	}
}

func isBoolean(name string) bool {
	return strings.EqualFold(name, "active") || strings.EqualFold(name, "primary")
}
