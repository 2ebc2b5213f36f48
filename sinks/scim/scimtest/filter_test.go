package scimtest

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// people are the users that filters are asked about.
func people(t *testing.T, opts Options) *client {
	t.Helper()
	c := serve(t, opts)
	ids := map[string]string{}
	for _, p := range []struct{ name, rest string }{
		{"bjensen", `,"externalId":"Ext-1","name":{"familyName":"O'Malley","givenName":"Barbara"},"title":"Boss","userType":"Employee","active":true,
			"emails":[{"type":"work","value":"bjensen@example.com","primary":true},{"type":"home","value":"babs@jensen.org"}]`},
		{"JSmith", `,"externalId":"ext-1","name":{"familyName":"Smith"},"userType":"Intern","active":false,
			"emails":[{"type":"work","value":"jsmith@example.org"}],"` + enterpriseURN + `":{"department":"Sales \"EMEA\"","manager":{"value":"m-1"}}`},
		{"straße", `,"nickName":"","emails":[{"type":"home","value":"s@example.com"}],"` + enterpriseURN + `":{"department":"Sales"}`},
		{`quo"te\`, ``},
	} {
		ids[p.name] = c.user(p.name, p.rest)
	}
	c.group("staff", ids["bjensen"], ids["JSmith"])
	c.group("empty")
	return c
}

func (c *client) names(path, filter string) (result, []string) {
	c.t.Helper()
	r := c.do("GET", path+"?filter="+url.QueryEscape(filter), "")
	var out []string
	list, _ := r.doc["Resources"].([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		name, ok := m["userName"].(string)
		if !ok {
			name, _ = m["displayName"].(string)
		}
		out = append(out, name)
	}
	return r, out
}

// TestFilter has the examples of RFC 7644 figure 2 and the cases around them.
func TestFilter(t *testing.T) {
	all := []string{"bjensen", "JSmith", "straße", `quo"te\`}
	tests := []struct {
		filter string
		want   []string
	}{
		{`userName eq "bjensen"`, []string{"bjensen"}},
		{`USERNAME EQ "BJENSEN"`, []string{"bjensen"}},
		{`userName eq "STRASSE"`, nil},
		{`userName eq "STRAßE"`, []string{"straße"}},
		{`userName eq "quo\"te\\"`, []string{`quo"te\`}},
		{`userName eq "\u0062jensen"`, []string{"bjensen"}},
		{`name.familyName co "O'Malley"`, []string{"bjensen"}},
		{`userName sw "J"`, []string{"JSmith"}},
		{`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "j"`, []string{"JSmith"}},
		{`userName ew "SMITH"`, []string{"JSmith"}},
		{`title pr`, []string{"bjensen"}},
		{`not (title pr)`, all[1:]},
		{`nickName pr`, nil},
		{`meta.lastModified gt "2011-05-13T04:42:34Z"`, all},
		{`meta.lastModified lt "2011-05-13T04:42:34Z"`, nil},
		{`meta.created ge "2011-05-13T04:42:34+02:00"`, all},
		{`title pr and userType eq "Employee"`, []string{"bjensen"}},
		{`title pr or userType eq "Intern"`, []string{"bjensen", "JSmith"}},
		{`schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"`, all},
		{`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`, []string{"bjensen"}},
		{`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`, []string{`quo"te\`}},
		{`userType eq "Employee" and (emails.type eq "work")`, []string{"bjensen"}},
		{`userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`, []string{"bjensen"}},
		{`emails[type eq "home" and value co "example"]`, []string{"straße"}},
		{`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`, []string{"bjensen"}},
		{`emails[not (type eq "work")]`, []string{"bjensen", "straße"}},
		{`emails.value eq "BABS@jensen.org"`, []string{"bjensen"}},
		{`emails eq "s@example.com"`, []string{"straße"}},
		{`emails[primary eq true]`, []string{"bjensen"}},
		{`active eq false`, []string{"JSmith"}},
		{`active ne false`, []string{"bjensen", "straße", `quo"te\`}},
		{`externalId eq "ext-1"`, []string{"JSmith"}},
		{`externalId eq "EXT-1"`, nil},
		{`externalId eq null`, []string{"straße", `quo"te\`}},
		{`externalId ne null`, []string{"bjensen", "JSmith"}},
		{`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "sales"`, []string{"straße"}},
		{`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Sales \"EMEA\""`, []string{"JSmith"}},
		{`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "m-1"`, []string{"JSmith"}},
		{`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "m-1"`, []string{"JSmith"}},
		{`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr`, []string{"JSmith", "straße"}},
		{`groups.display eq "staff"`, []string{"bjensen", "JSmith"}},
		{`userName gt "c"`, all[1:]},
		{`userName le "BJENSEN"`, []string{"bjensen"}},
		// and binds tighter than or, not tightest of all.
		{`userName eq "JSmith" or title pr and active eq false`, []string{"JSmith"}},
		{`(userName eq "JSmith" or title pr) and active eq true`, []string{"bjensen"}},
		{`not (active eq true) and externalId pr`, []string{"JSmith"}},
		{`((userName eq "JSmith"))`, []string{"JSmith"}},
	}
	c := people(t, Options{})
	for _, tt := range tests {
		t.Run(tt.filter, func(t *testing.T) {
			r, got := c.names("/Users", tt.filter)
			if diff := cmp.Diff(tt.want, got); r.status != 200 || diff != "" {
				t.Errorf("status %d %s (-want +got):\n%s", r.status, r.raw, diff)
			}
		})
	}
}

func TestFilterGroups(t *testing.T) {
	c := people(t, Options{})
	id := c.s.UsersNamed("bjensen")[0].ID
	tests := []struct {
		filter string
		want   []string
	}{
		{`displayName eq "STAFF"`, []string{"staff"}},
		{`members.value eq "` + id + `"`, []string{"staff"}},
		{`members eq "` + id + `"`, []string{"staff"}},
		{`members[value eq "` + id + `" and type eq "User"]`, []string{"staff"}},
		{`members[type eq "Group"]`, nil},
		{`members pr`, []string{"staff"}},
		{`members.value eq "` + strings.ToUpper(id) + `"`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.filter, func(t *testing.T) {
			if r, got := c.names("/Groups", tt.filter); r.status != 200 || !slices.Equal(got, tt.want) {
				t.Errorf("status %d, got %q, want %q", r.status, got, tt.want)
			}
		})
	}
}

func TestFilterRefused(t *testing.T) {
	c := people(t, Options{})
	for _, filter := range []string{
		``, ` `, `userName`, `userName eq`, `userName eq `, `userName eq"x"`, `userName eq x`, `userName eq 'x'`, `userName eq "x`, `userName like "x"`,
		`nosuch eq "x"`, `name.nosuch eq "x"`, `urn:no:such:name eq "x"`, `emails[nosuch eq "x"]`, `emails[type eq "x"`, `emails type eq "x"]`,
		`userName eq "x" and`, `userName eq "x" xor title pr`, `(userName eq "x"`, `userName eq "x")`, `not userName eq "x" )`, `eq "x"`, `1a eq "x"`,
		`active eq "true"`, `active co true`, `active gt true`, `userName eq true`, `userName eq 5`, `userName gt null`, `name eq "x"`,
		`meta.created gt "yesterday"`, `userName[value eq "x"]`, `emails[groups[value eq "x"]]`, `userName eq ["x"]`,
		`x509Certificates.value gt "x"`, strings.Repeat("(", 100) + `title pr` + strings.Repeat(")", 100),
	} {
		t.Run(filter, func(t *testing.T) {
			if r, _ := c.names("/Users", filter); r.status != 400 || r.text("scimType") != "invalidFilter" {
				t.Errorf("status %d %s, want 400 invalidFilter", r.status, r.raw)
			}
		})
	}
}

// printed writes a parsed filter with every parenthesis.
func printed(e expr) string {
	switch e := e.(type) {
	case both:
		return "(" + printed(e.left) + ") " + e.op + " (" + printed(e.right) + ")"
	case negation:
		return "not (" + printed(e.inner) + ")"
	case valuePath:
		return e.path.String() + "[" + printed(e.inner) + "]"
	case comparison:
		if e.op == "pr" {
			return e.path.String() + " pr"
		}
		return e.path.String() + " " + e.op + " " + jsonText(e.value)
	default:
		return "?"
	}
}

// FuzzParseFilter checks that a filter, written out with every parenthesis, means the same,
// and that asking it of a resource does not panic.
func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{
		`userName eq "a\"b"`, `not (a pr) or b.c ge 5 and d[e eq null]`, `urn:x:2.0:User:a.b co "ü"`, `emails[type eq "work" and not (primary eq true)]`,
		`members.value eq "x" or $ref pr`, `a eq -1.5e3`, `((a pr))`, `notable pr`, `not pr`,
	} {
		f.Add(s)
	}
	s := New(Options{})
	id := s.AddUser(map[string]any{"userName": "x", "emails": []any{map[string]any{"type": "work", "value": "x@example.com"}}})
	s.AddGroup("g", id)
	f.Fuzz(func(t *testing.T, in string) {
		e, err := parseFilter(in)
		if err != nil {
			return
		}
		again, err := parseFilter(printed(e))
		if err != nil && strings.Count(in, "(")+strings.Count(in, " and ")+strings.Count(in, " or ") > maxDepth/2 {
			return // the added parentheses may be too many
		}
		if diff := cmp.Diff(e, again, cmp.AllowUnexported(both{}, negation{}, valuePath{}, comparison{}, attrPath{})); err != nil || diff != "" {
			t.Fatalf("%q → %q: %v\n%s", in, printed(e), err, diff)
		}
		for _, tab := range []*table{s.store.users, s.store.groups} {
			match, err := compiler{rt: tab.rt, q: s.quirks}.compile(e)
			if err != nil {
				continue
			}
			hit := match(resourceView{s: s.store, r: tab.order[0]})
			checkHint(t, s, tab, e, hit)
		}
	})
}

// checkHint checks that the look-up in an index never hides a match.
func checkHint(t *testing.T, s *Server, tab *table, e expr, hit bool) {
	t.Helper()
	index, value, ok := compiler{rt: tab.rt, q: s.quirks}.indexHint(e)
	if ok && hit && !slices.Contains(s.store.candidates(tab, index, value), tab.order[0]) {
		t.Fatalf("%s matches but is not found under %s %q", printed(e), index, value)
	}
}

// FuzzParsePath checks that a path written out is read the same.
func FuzzParsePath(f *testing.F) {
	for _, s := range []string{
		`userName`, `name.familyName`, `emails[type eq "work"].value`, `members[value eq "a" or value eq "b"]`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`, `emails[type eq`, `a[b pr].`, `.a`, `a.`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p, err := parsePath(in)
		if err != nil {
			return
		}
		out := p.attr.String()
		if p.filter != nil {
			out += "[" + printed(p.filter) + "]"
		}
		if p.sub != "" {
			out += "." + p.sub
		}
		again, err := parsePath(out)
		if err != nil && strings.Count(in, "(")+strings.Count(in, " and ")+strings.Count(in, " or ") > maxDepth/2 {
			return
		}
		if diff := cmp.Diff(p, again, cmp.AllowUnexported(patchPath{}, both{}, negation{}, valuePath{}, comparison{}, attrPath{})); err != nil || diff != "" {
			t.Fatalf("%q → %q: %v\n%s", in, out, err, diff)
		}
	})
}
