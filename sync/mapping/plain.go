package mapping

import (
	"strconv"
	"strings"
)

// plainPath is an expression such as user.businessPhones[0] that is only a path. It is
// followed without CEL: a default table is nearly all plain paths, and CEL would cost
// ten times as much.
type plainPath []step

// step is one name or list position of a path.
type step struct {
	key   string
	index int // meaningful when key is empty
}

// parsePlain reads an expression that is a path and nothing else, over the variable of
// the given name.
func parsePlain(text, variable string) (plainPath, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), variable)
	if !ok || rest == "" {
		return nil, false
	}
	var path plainPath
	for rest != "" {
		var s step
		switch rest[0] {
		case '.':
			n := identLength(rest[1:])
			if n == 0 || !isSelector(rest[1:1+n]) {
				return nil, false
			}
			s.key, rest = rest[1:1+n], rest[1+n:]
		case '[':
			digits, after, found := strings.Cut(rest[1:], "]")
			i, err := strconv.ParseUint(digits, 10, 31)
			if !found || err != nil || digits != strconv.FormatUint(i, 10) {
				return nil, false
			}
			s.index, rest = int(i), after
		default:
			return nil, false
		}
		path = append(path, s)
	}
	return path, path[0].key != ""
}

// identLength returns the length of the CEL identifier that s begins with.
func identLength(s string) int {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}

// isSelector says whether CEL takes the word after a dot. The other words are left to
// CEL, which says what is wrong with them.
func isSelector(word string) bool {
	switch word {
	case "in", "true", "false", "null":
		return false
	default:
		return true
	}
}

// follow returns the value at the path. A path that leads nowhere (a missing name, a
// null on the way, a position past the end) is nil.
func (p plainPath) follow(attrs map[string]any) any {
	value := attrs[p[0].key]
	for _, s := range p[1:] {
		if value == nil {
			return nil
		}
		value = s.take(value)
	}
	return value
}

func (s step) take(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if s.key == "" {
			return nil
		}
		return v[s.key]
	case []any:
		if s.key != "" || s.index >= len(v) {
			return nil
		}
		return v[s.index]
	default:
		return nil
	}
}
