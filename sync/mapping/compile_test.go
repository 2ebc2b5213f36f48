package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	userName := mapping.Row{To: "userName", From: "user.login", Match: 1}
	users := func(rows ...mapping.Row) mapping.Spec {
		return mapping.Spec{Users: append([]mapping.Row{userName}, rows...)}
	}
	tests := []struct {
		name  string
		spec  mapping.Spec
		scope mapping.Scope
		want  []string // "field:line:column: " and a part of the message
	}{
		{
			"unknown function", users(mapping.Row{To: "title", From: "nope(user.title)"}),
			mapping.Scope{},
			[]string{"users[1].from:1:5: undeclared reference to 'nope'"},
		},
		{
			"unknown variable", users(mapping.Row{To: "title", From: "usr.title"}),
			mapping.Scope{},
			[]string{"users[1].from:1:1: undeclared reference to 'usr'"},
		},
		{
			"the other variable", users(mapping.Row{To: "title", From: "group.title"}),
			mapping.Scope{},
			[]string{"users[1].from:1:1: undeclared reference to 'group'"},
		},
		{
			"syntax on the second line", users(mapping.Row{To: "title", From: "user.a +\n  * user.b"}),
			mapping.Scope{},
			[]string{"users[1].from:2:3: extraneous input '*'"},
		},
		{
			"reserved word", users(mapping.Row{To: "title", From: "user.in"}),
			mapping.Scope{},
			[]string{"users[1].from:1:6: no viable alternative at input '.in'", "users[1].from:1:8: mismatched input '<EOF>'"},
		},
		{
			"type", users(mapping.Row{To: "title", From: `user.a.endsWith(5)`}),
			mapping.Scope{},
			[]string{"users[1].from:1:16: found no matching overload for 'endsWith'"},
		},
		{
			"the variable alone", users(mapping.Row{To: "title", From: `user[user.a] + string(user)`}),
			mapping.Scope{},
			[]string{"users[1].from:1:1: user alone can't be used", "users[1].from:1:23: user alone"},
		},
		{
			"coalesce of nothing", users(mapping.Row{To: "title", From: `"x" + coalesce()`}),
			mapping.Scope{},
			[]string{"users[1].from:1:15: coalesce needs at least one argument"},
		},
		{
			"replace with too few", users(mapping.Row{To: "title", From: `user.a.replace("x")`}),
			mapping.Scope{},
			[]string{"users[1].from:1:15: found no matching overload for 'replace'"},
		},
		{
			"neither from nor value", users(mapping.Row{To: "title"}),
			mapping.Scope{},
			[]string{"users[1]: exactly one of from and value"},
		},
		{
			"both from and value", users(mapping.Row{To: "title", From: "user.a", Value: "x"}),
			mapping.Scope{},
			[]string{"users[1]: exactly one of from and value"},
		},
		{
			"list as constant", users(mapping.Row{To: "title", Value: []any{"x"}}),
			mapping.Scope{},
			[]string{"users[1].value: a constant is a string"},
		},
		{
			"empty constant", users(mapping.Row{To: "title", Value: ""}),
			mapping.Scope{},
			[]string{"users[1].value: the constant is empty"},
		},
		{
			"odd constant", users(mapping.Row{To: "title", Value: struct{}{}}),
			mapping.Scope{},
			[]string{"users[1].value: a value of type struct {} can't be sent"},
		},
		{
			"when", users(mapping.Row{To: "title", From: "user.a", When: "sometimes"}),
			mapping.Scope{},
			[]string{`users[1].when: "sometimes": write always or create`},
		},
		{
			"match at creation only", users(mapping.Row{To: "title", From: "user.a", When: "create", Match: 2}),
			mapping.Scope{},
			[]string{"users[1].match: a matching attribute can't be limited to creation"},
		},
		{
			"match on a constant", users(mapping.Row{To: "title", Value: "x", Match: 2}),
			mapping.Scope{},
			[]string{"users[1].match: a constant can't tell people apart"},
		},
		{
			"match on active", users(mapping.Row{To: "active", From: "user.on", Match: 2}),
			mapping.Scope{},
			[]string{"users[1].match: active can't tell people apart"},
		},
		{
			"negative match", users(mapping.Row{To: "title", From: "user.a", Match: -1}),
			mapping.Scope{},
			[]string{"users[1].match: a precedence is 1 or more"},
		},
		{
			"one precedence twice", users(mapping.Row{To: "title", From: "user.a", Match: 1}),
			mapping.Scope{},
			[]string{"users[1].match: row 0 has precedence 1 already"},
		},
		{
			"active at creation only", users(mapping.Row{To: "active", From: "user.on", When: "create"}),
			mapping.Scope{},
			[]string{"users[1].when: active is kept right by the job itself"},
		},
		{
			"manager at creation only", users(mapping.Row{To: sinks.PathManager, From: "user.manager", When: "create"}),
			mapping.Scope{},
			[]string{"users[1].when: urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager is kept right"},
		},
		{
			"the same path twice", users(mapping.Row{To: "USERNAME", From: "user.a"}),
			mapping.Scope{},
			[]string{"users[1].to: row 0 sets username already"},
		},
		{
			"the same path with the core URN", users(mapping.Row{To: "urn:ietf:params:scim:schemas:core:2.0:User:userName", From: "user.a"}),
			mapping.Scope{},
			[]string{"users[1].to: row 0 sets username already"},
		},
		{
			"overlap", users(mapping.Row{To: "name", From: "user.name"}, mapping.Row{To: "name.givenName", From: "user.a"}),
			mapping.Scope{},
			[]string{"users[2].to: row 1 sets name, which holds"},
		},
		{
			"overlap of a filter", users(mapping.Row{To: `emails[type eq "work"].value`, From: "user.a"}, mapping.Row{To: "emails.value", From: "user.a"}),
			mapping.Scope{},
			[]string{"users[2].to: row 1 sets emails[type eq \"work\"].value, which holds"},
		},
		{
			"read-only", users(mapping.Row{To: "id", From: "user.a"}, mapping.Row{To: "meta.created", From: "user.a"}, mapping.Row{To: "schemas", From: "user.a"}, mapping.Row{To: "groups", From: "user.a"}),
			mapping.Scope{},
			[]string{"users[1].to: id is set by the application", "users[2].to: meta.created is set", "users[3].to: schemas is set", "users[4].to: groups is read-only on users"},
		},
		{
			"members",
			mapping.Spec{Groups: []mapping.Row{{To: "displayName", From: "group.displayName", Match: 1}, {To: "members", From: "group.members"}}},
			mapping.Scope{},
			[]string{"groups[1].to: members are provisioned by the job itself"},
		},
		{
			"no match row",
			mapping.Spec{Users: []mapping.Row{{To: "userName", From: "user.a"}}},
			mapping.Scope{},
			[]string{"users: no row says `match: 1`"},
		},
		{
			"scope",
			mapping.Spec{},
			mapping.Scope{Users: `user.a == "x" &&`, Groups: "nope(group.a)"},
			[]string{"scope.users:1:17: mismatched input", "scope.groups:1:5: undeclared reference to 'nope'"},
		},
		{
			"scope that is no condition",
			mapping.Spec{},
			mapping.Scope{Users: `user.a.b`, Groups: `"app-" + "x"`},
			[]string{"scope.groups:1:1: a scope is a condition, true or false; this is a string"},
		},
		{
			"everything at once",
			mapping.Spec{Users: []mapping.Row{{To: "id", From: "x"}}, Groups: []mapping.Row{{To: "", Value: "x"}}},
			mapping.Scope{Users: "("},
			[]string{
				"users[0].to: id is set", "users[0].from:1:1: undeclared", "users: no row says",
				"groups[0].to: : a target path is missing", "groups: no row says", "scope.users:1:2: ",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, err := mapping.Compile(test.spec, test.scope, defaults)
			problems, ok := errors.AsType[mapping.Problems](err)
			if !ok || m != nil {
				t.Fatalf("got %v, %v; want problems", m, err)
			}
			lines := make([]string, len(problems))
			for i, p := range problems {
				lines[i] = p.Error()
			}
			if len(lines) != len(test.want) {
				t.Fatalf("problems:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(test.want, "\n"))
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("problem %d: %s\nwant: %s…", i, lines[i], want)
				}
			}
		})
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	good := []string{
		"title", "name.givenName", `emails[type eq "work"].value`, "emails[primary eq true].value",
		`emails[type eq "work" and primary eq true].value`, `addresses[type EQ "a]b:c.d"].formatted`,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName",
		`urn:example:acme:1.0:User:badges[kind eq "door"].number`, "emails", "x-badge", "$ref", "emails.value",
	}
	bad := map[string]string{
		" title": "no spaces", "name.": "sub-attribute is missing", "1st": "not an attribute name", "na me": "not an attribute name",
		"a.b.c": "not a sub-attribute name", `emails[type eq "work"]`: "sub-attribute follows", `emails[type eq "work"].`: "sub-attribute follows",
		`emails[type ne "work"].value`: "a filter looks like", `emails[type eq "work" or type eq "home"].value`: `a filter ends with "]"`,
		"emails[type eq work].value": "a filter looks like", "emails[].value": "a filter looks like",
		"department:x": "not a schema URN", "urn:x:": "not a schema URN", `emails[type eq "work"]value`: "sub-attribute follows",
		`emails[type eq "work" and ].value`: "a filter looks like",
	}
	try := func(path string) error {
		_, err := mapping.Compile(mapping.Spec{Users: []mapping.Row{
			{To: "userName", From: "user.a", Match: 1}, {To: path, From: "user.b"},
		}}, mapping.Scope{}, defaults)
		return err
	}
	for _, path := range good {
		if err := try(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for path, want := range bad {
		if err := try(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	rows := func() []mapping.Row {
		return []mapping.Row{
			{To: "userName", From: "user.a", Match: 1},
			{To: "title", From: "user.b"},
			{To: "userType", Value: "x"},
		}
	}
	base := compile(t, mapping.Spec{Users: rows()}, mapping.Scope{App: "app", Users: "user.a == user.b"})
	swapped := rows()
	swapped[0], swapped[2] = swapped[2], swapped[0]
	swapped[1].From = " user.b "
	swapped[1].When = "always"
	swapped[1].Sensitive = true
	same := compile(t, mapping.Spec{Users: swapped}, mapping.Scope{App: "app", Users: "user.a == user.b "})
	if base.Fingerprint() != same.Fingerprint() {
		t.Error("order, spaces and redaction must not change the fingerprint")
	}
	if diff := cmp.Diff(base.Users().Paths, same.Users().Paths); diff != "" {
		t.Errorf("paths differ with equal fingerprints:\n%s", diff)
	}
	changes := map[string]func(rows []mapping.Row, scope *mapping.Scope){
		"path":     func(r []mapping.Row, _ *mapping.Scope) { r[1].To = "nickName" },
		"from":     func(r []mapping.Row, _ *mapping.Scope) { r[1].From = "user.c" },
		"constant": func(r []mapping.Row, _ *mapping.Scope) { r[2].Value = "y" },
		"when":     func(r []mapping.Row, _ *mapping.Scope) { r[1].When = "create" },
		"match":    func(r []mapping.Row, _ *mapping.Scope) { r[1].Match = 2 },
		"app":      func(_ []mapping.Row, s *mapping.Scope) { s.App = "other" },
		"users":    func(_ []mapping.Row, s *mapping.Scope) { s.Users = "" },
		"groups":   func(_ []mapping.Row, s *mapping.Scope) { s.Groups = "none" },
		"reference": func(r []mapping.Row, _ *mapping.Scope) {
			r[1] = mapping.Row{To: sinks.PathManager, From: "user.manager"}
		},
	}
	seen := map[string]string{base.Fingerprint(): "base"}
	for name, change := range changes {
		r, s := rows(), mapping.Scope{App: "app", Users: "user.a == user.b"}
		change(r, &s)
		m := compile(t, mapping.Spec{Users: r}, s)
		if other, dup := seen[m.Fingerprint()]; dup {
			t.Errorf("changing %s gives the fingerprint of %s", name, other)
		}
		seen[m.Fingerprint()] = name
		onlyScope := name == "app" || name == "users" || name == "groups"
		if onlyScope != (m.Users().Fingerprint() == base.Users().Fingerprint()) {
			t.Errorf("changing %s: the table's fingerprint is wrong", name)
		}
	}
}
