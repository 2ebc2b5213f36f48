package mapping

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// target is a parsed target path: [urn:]attribute[filter].sub, the notation of package
// sinks. The filter is limited to what a client can also create: equalities joined with
// "and" (RFC 7644 figure 1 has more, but `emails[type ne "work"].value` names no one
// value to write).
type target struct {
	urn    string // extension schema, without the last colon; empty for core attributes
	attr   string
	filter []clause
	sub    string
}

// clause is one equality of a target's filter.
type clause struct{ attr, value string }

const coreSchemas = "urn:ietf:params:scim:schemas:core:2.0:"

var (
	// nameForm is ATTRNAME of RFC 7643 section 2.1, with "$ref" allowed.
	nameForm   = regexp.MustCompile(`^[$A-Za-z][-_$0-9A-Za-z]*$`)
	urnForm    = regexp.MustCompile(`^(?i:urn):[0-9A-Za-z][-0-9A-Za-z]*(:[-_.$0-9A-Za-z]+)+$`)
	clauseForm = regexp.MustCompile(`^\s*([$A-Za-z][-_$0-9A-Za-z]*)\s+(?i:eq)\s+("(?:[^"\\]|\\.)*"|true|false|-?[0-9]+(?:\.[0-9]+)?)\s*`)
	andForm    = regexp.MustCompile(`^(?i:and)\s+`)
)

// parseTarget reads a target path.
func parseTarget(path string) (target, error) {
	if path == "" {
		return target{}, errors.New("a target path is missing")
	}
	if strings.TrimSpace(path) != path {
		return target{}, errors.New("a target path has no spaces around it")
	}
	head, rest := path, ""
	if i := strings.IndexByte(path, '['); i >= 0 {
		head, rest = path[:i], path[i:]
	}
	var t target
	if i := strings.LastIndexByte(head, ':'); i >= 0 {
		t.urn, head = head[:i], head[i+1:]
		if !urnForm.MatchString(t.urn) {
			return target{}, fmt.Errorf("%q is not a schema URN", t.urn)
		}
	}
	if rest == "" {
		head, t.sub, _ = strings.Cut(head, ".")
		if strings.HasSuffix(path, ".") {
			return target{}, errors.New("a sub-attribute is missing after the dot")
		}
	}
	t.attr = head
	if err := t.parseFilter(rest); err != nil {
		return target{}, err
	}
	return t, t.checkNames()
}

// parseFilter reads `[type eq "work"].value`.
func (t *target) parseFilter(s string) error {
	if s == "" {
		return nil
	}
	s = s[1:]
	for {
		m := clauseForm.FindStringSubmatch(s)
		if m == nil {
			return errors.New(`a filter looks like [type eq "work"] or [primary eq true], with "and" between several`)
		}
		t.filter = append(t.filter, clause{m[1], m[2]})
		s = s[len(m[0]):]
		and := andForm.FindString(s)
		if and == "" {
			break
		}
		s = s[len(and):]
	}
	if !strings.HasPrefix(s, "]") {
		return errors.New(`a filter ends with "]"`)
	}
	sub, ok := strings.CutPrefix(s[1:], ".")
	if !ok || sub == "" {
		return errors.New(`a sub-attribute follows a filter, as in emails[type eq "work"].value`)
	}
	t.sub = sub
	return nil
}

func (t *target) checkNames() error {
	if !nameForm.MatchString(t.attr) {
		return fmt.Errorf("%q is not an attribute name", t.attr)
	}
	if t.sub != "" && !nameForm.MatchString(t.sub) {
		return fmt.Errorf("%q is not a sub-attribute name", t.sub)
	}
	return nil
}

// root is the attribute without filter and sub-attribute, in one spelling: SCIM names
// are case-insensitive, and the core schema's URN may be left out (RFC 7643 section 2.1,
// RFC 7644 section 3.10).
func (t target) root() string {
	urn := strings.ToLower(t.urn) + ":"
	if t.urn == "" || strings.HasPrefix(urn, coreSchemas) {
		return strings.ToLower(t.attr)
	}
	return urn + strings.ToLower(t.attr)
}

// selected is the root with the filter: the value of a multi-valued attribute.
func (t target) selected() string {
	s := t.root()
	for i, c := range t.filter {
		if i == 0 {
			s += "["
		} else {
			s += " and "
		}
		s += strings.ToLower(c.attr) + " eq " + c.value
	}
	if len(t.filter) > 0 {
		s += "]"
	}
	return s
}

// key is the whole path in one spelling.
func (t target) key() string {
	if t.sub == "" {
		return t.selected()
	}
	return t.selected() + "." + strings.ToLower(t.sub)
}

// overlaps says whether writing one path would also write, or be undone by, the other:
// `name` and `name.givenName`, `emails` and `emails[type eq "work"].value`.
func (t target) overlaps(other target) bool {
	if t.root() != other.root() {
		return false
	}
	if t.key() == other.key() {
		return true
	}
	whole := func(t target) bool { return t.sub == "" && len(t.filter) == 0 }
	if whole(t) || whole(other) {
		return true
	}
	// `emails.value` writes the attribute of every value.
	return (len(t.filter) == 0) != (len(other.filter) == 0)
}
