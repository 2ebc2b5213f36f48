package graphtest

import (
	"fmt"
	"strings"
)

// parseFilter reads the part of $filter that look-ups use: comparisons `p eq 'v'`,
// `startswith(p,'v')` and `endswith(p,'v')`, joined by `or`. Strings compare without
// letter case, as in the directory. An empty filter matches all.
func parseFilter(text string) (func(*object) bool, error) {
	if text == "" {
		return func(*object) bool { return true }, nil
	}
	var terms []func(*object) bool
	rest := text
	for {
		term, after, err := parseTerm(strings.TrimSpace(rest))
		if err != nil {
			return nil, fmt.Errorf("filter %q: %w", text, err)
		}
		terms = append(terms, term)
		after = strings.TrimSpace(after)
		if after == "" {
			break
		}
		var ok bool
		if rest, ok = strings.CutPrefix(after, "or "); !ok {
			return nil, fmt.Errorf("filter %q: unexpected %q", text, after)
		}
	}
	return func(o *object) bool {
		for _, term := range terms {
			if term(o) {
				return true
			}
		}
		return false
	}, nil
}

// parseTerm reads one comparison and returns what follows it.
func parseTerm(text string) (func(*object) bool, string, error) {
	compare, separator, closing := strings.EqualFold, " eq ", ""
	for name, with := range map[string]func(s, part string) bool{"startswith": strings.HasPrefix, "endswith": strings.HasSuffix} {
		if inner, ok := strings.CutPrefix(text, name+"("); ok {
			text, separator, closing = inner, ",", ")"
			compare = func(s, part string) bool { return with(strings.ToLower(s), strings.ToLower(part)) }
		}
	}
	property, rest, ok := strings.Cut(text, separator)
	if !ok {
		return nil, "", fmt.Errorf("no comparison in %q", text)
	}
	value, rest, err := literal(strings.TrimSpace(rest))
	if err != nil {
		return nil, "", err
	}
	if rest, ok = strings.CutPrefix(rest, closing); !ok {
		return nil, "", fmt.Errorf("no %q before %q", closing, rest)
	}
	property = strings.TrimSpace(property)
	return func(o *object) bool {
		have, _ := o.props[property].(string)
		if property == "id" {
			have = o.id
		}
		return have != "" && compare(have, value)
	}, rest, nil
}

// literal reads a string in quotes, in which a doubled quote stands for one.
func literal(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, "'") {
		return "", "", fmt.Errorf("no string at %q", text)
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), text[i+1:], nil
	}
	return "", "", fmt.Errorf("no end of the string %q", text)
}
