package scim

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// matches reports whether an entry with these sub-attributes satisfies all terms. Texts compare without regard to
// letter case: the attributes that select entries (type, primary, value) are not
// case-exact (RFC 7643 section 4.1.2). A missing primary is false (section 2.4).
func matches(sub func(name string) any, filter []term) bool {
	for _, t := range filter {
		got := normalise(sub(t.sub), t.sub)
		switch want := t.value.(type) {
		case string:
			if s, ok := got.(string); !ok || !strings.EqualFold(s, want) {
				return false
			}
		case bool:
			if b, _ := got.(bool); b != want {
				return false
			}
		default:
			if got != want {
				return false
			}
		}
	}
	return true
}

// normalise brings a decoded value into the vocabulary's types.
func normalise(v any, name string) any {
	switch t := v.(type) {
	case json.Number:
		f, err := t.Float64()
		if err != nil {
			return t.String()
		}
		return f
	case string:
		if t == "" {
			return nil
		}
		if isBoolean(name) {
			return toBool(v)
		}
		return v // as it came, without a copy
	case []any:
		if len(t) == 0 {
			return nil
		}
		out := make([]any, len(t))
		for i, e := range t {
			out[i] = normalise(e, name)
		}
		return out
	case map[string]any:
		return normaliseMap(t)
	default:
		return v
	}
}

func normaliseMap(m map[string]any) any {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, e := range m {
		out[k] = normalise(e, k)
	}
	return out
}

// toBool reads the texts that some servers and mappings use for booleans.
func toBool(v any) any {
	if s, ok := v.(string); ok {
		switch strings.ToLower(s) {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return v
}

// same reports whether a server holds what was sent, give or take what servers commonly
// normalise: letter case, spaces and punctuation of texts, order of lists.
func same(sent, got any) bool {
	switch want := sent.(type) {
	case string:
		s, ok := got.(string)
		return ok && (s == want || essence(s) == essence(want))
	case []any:
		list, ok := got.([]any)
		if !ok {
			list = []any{got}
		}
		return len(list) >= len(want)
	case map[string]any:
		return got != nil
	default:
		return sent == got || fmt.Sprint(sent) == fmt.Sprint(got)
	}
}

// essence keeps letters and digits. A text without any stands for itself.
func essence(s string) string {
	kept := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
	if kept == "" {
		return s
	}
	return kept
}
