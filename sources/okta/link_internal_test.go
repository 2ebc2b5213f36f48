package okta

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestNextAfter(t *testing.T) {
	const self = `<https://acme.okta.com/api/v1/users?limit=200>; rel="self"`
	const next = `<https://acme.okta.com/api/v1/users?after=00u1&limit=200>; rel="next"`
	for _, c := range []struct {
		name  string
		lines []string
		want  string
		bad   bool
	}{
		{"no header", nil, "", false},
		{"two lines", []string{self, next}, "00u1", false},
		{"one line", []string{self + ", " + next}, "00u1", false},
		{"one line, no blanks", []string{strings.ReplaceAll(self+","+next, "; ", ";")}, "00u1", false},
		{"the last page", []string{self}, "", false},
		{"comma and semicolon in the target", []string{`<https://x/?after=a,b;c&q="next">; rel=self, <https://x/?after=a%2Cb%3Bc>;rel=next`}, "a,b;c", false},
		{"escaped quotes and other parameters", []string{`<https://x/?after=1>; title="a \" ; rel=\"self\""; rel="prev next"; x`}, "1", false},
		{"only the first rel counts", []string{`<https://x/?after=1>; rel=self; rel=next`}, "", false},
		{"letter case", []string{`<https://x/?after=1>; REL=Next`}, "1", false},
		{"relative", []string{`</api/v1/users?after=7>; rel="next"`}, "7", false},
		{"empty elements", []string{`, ,` + next + `,`}, "00u1", false},
		{"no after", []string{`<https://x/?page=2>; rel="next"`}, "", true},
		{"two next links", []string{next, next}, "", true},
		{"no brackets", []string{`https://x/?after=1; rel="next"`}, "", true},
		{"open bracket", []string{`<https://x/?after=1; rel="next"`}, "", true},
		{"open quote", []string{`<https://x/?after=1>; rel="next`}, "", true},
		{"junk after the target", []string{`<https://x/?after=1> rel="next"`}, "", true},
		{"broken escape", []string{`<https://x/?after=%zz>; rel="next"`}, "", true},
	} {
		h := http.Header{"Link": c.lines}
		got, err := nextAfter(h)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %q, %v; want %q, error %v", c.name, got, err, c.want, c.bad)
		}
	}
}

// FuzzNextAfter: no header makes it panic or loop, and a next link put before or after
// anything it can read is found.
func FuzzNextAfter(f *testing.F) {
	f.Add(`<https://acme.okta.com/api/v1/users?after=00u1>; rel="next"`, "a b")
	f.Add(`<x>; rel="self", <y>`, ",;\"")
	f.Add(`<x>; a="\`, "é")
	f.Fuzz(func(t *testing.T, line, after string) {
		got, err := nextAfter(http.Header{"Link": {line}})
		if err != nil || got != "" || after == "" {
			return
		}
		next := "<https://x/?after=" + url.QueryEscape(after) + `>; rel="next"`
		for _, lines := range [][]string{{line, next}, {next, line}, {line + "," + next}, {next + "," + line}} {
			if got, err := nextAfter(http.Header{"Link": lines}); got != after || err != nil {
				t.Errorf("%q: %q, %v, want %q", lines, got, err, after)
			}
		}
	})
}
