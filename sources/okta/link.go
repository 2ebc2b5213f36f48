package okta

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

var (
	errLinkSyntax = errors.New("malformed Link header")
	errLinkAfter  = errors.New("next link has no `after` value")
	errLinkTwice  = errors.New("two next links")
)

// nextAfter returns the `after` value of the next link in an answer's Link headers, and
// "" when there is no next link. Okta sends one header line per link, but proxies may
// join lines with commas (RFC 9110 section 5.3), so both are read. A header that can't be
// understood is an error: taking it for "no next link" would cut the list short.
func nextAfter(h http.Header) (string, error) {
	after, found := "", false
	for _, line := range h.Values("Link") {
		links, err := parseLinks(line)
		if err != nil {
			return "", err
		}
		for _, l := range links {
			if !l.hasRel("next") {
				continue
			}
			if found {
				return "", errLinkTwice
			}
			found = true
			if after, err = l.after(); err != nil {
				return "", err
			}
		}
	}
	return after, nil
}

// link is one link-value of a Link header (RFC 8288 section 3).
type link struct {
	target string
	rel    string
}

func (l link) hasRel(rel string) bool {
	for word := range strings.FieldsSeq(l.rel) {
		if strings.EqualFold(word, rel) {
			return true
		}
	}
	return false
}

func (l link) after() (string, error) {
	u, err := url.Parse(l.target)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errLinkSyntax, err)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errLinkSyntax, err)
	}
	if q.Get("after") == "" {
		return "", errLinkAfter
	}
	return q.Get("after"), nil
}

// parseLinks reads `<target>; name=value; name="value", <target>…`. Empty list elements
// are allowed (RFC 9110 section 5.6.1).
func parseLinks(s string) ([]link, error) {
	var links []link
	for {
		s = strings.TrimLeft(s, " \t,")
		if s == "" {
			return links, nil
		}
		if s[0] != '<' {
			return nil, errLinkSyntax
		}
		target, rest, ok := strings.Cut(s[1:], ">")
		if !ok {
			return nil, errLinkSyntax
		}
		l := link{target: target}
		var err error
		if s, err = l.parseParams(rest); err != nil {
			return nil, err
		}
		links = append(links, l)
	}
}

// parseParams reads a link's parameters and returns what follows the link: "" or a text
// that begins with a comma. Only the first rel counts (RFC 8288 section 3.3).
func (l *link) parseParams(s string) (rest string, err error) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == ',' {
			return s, nil
		}
		if s[0] != ';' {
			return "", errLinkSyntax
		}
		s = strings.TrimLeft(s[1:], " \t")
		end := strings.IndexAny(s, "=;, \t\"")
		if end < 0 {
			end = len(s)
		}
		name := s[:end]
		s = strings.TrimLeft(s[end:], " \t")
		value := ""
		if strings.HasPrefix(s, "=") {
			if value, s, err = paramValue(strings.TrimLeft(s[1:], " \t")); err != nil {
				return "", err
			}
		}
		if strings.EqualFold(name, "rel") && l.rel == "" {
			l.rel = value
		}
	}
}

// paramValue reads a token or a quoted string at the start of s.
func paramValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";, \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			i++
			if i == len(s) {
				return "", "", errLinkSyntax
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errLinkSyntax
}
