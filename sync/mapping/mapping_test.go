package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

// defaults is a small default table for tests that are about something else.
var defaults = mapping.Defaults{
	Users:  []sources.DefaultRow{{To: "userName", From: "user.userPrincipalName", Match: 1}},
	Groups: []sources.DefaultRow{{To: "displayName", From: "group.displayName", Match: 1}},
}

// compile compiles a mapping that must be right.
func compile(t testing.TB, spec mapping.Spec, scope mapping.Scope) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Compile(spec, scope, defaults)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// evaluate returns the value that one expression over a user gives.
func evaluate(t *testing.T, from string, user map[string]any) (any, error) {
	t.Helper()
	m := compile(t, mapping.Spec{Users: []mapping.Row{
		{To: "a", From: "user.id", Match: 1}, {To: "b", From: from},
	}}, mapping.Scope{})
	values, err := m.Users().Values(user)
	if err != nil {
		return nil, err
	}
	return values[1], nil
}

var ada = map[string]any{
	"id": "u1", "mail": "Ada@Example.com", "givenName": "Ada", "surname": "Lovelace", "jobTitle": nil, "empty": "",
	"accountEnabled": true, "level": 3.0, "rate": 1.5, "number": 1234567.0,
	"businessPhones": []any{"+44 1", "+44 2"}, "none": []any{},
	"name":   map[string]any{"given": "Ada", "deep": map[string]any{"x": []any{map[string]any{"y": "z"}}}},
	"emails": []any{map[string]any{"type": "work", "value": "w@x"}, map[string]any{"type": "home", "value": "h@x"}},
	"in":     "reserved", "Cost Centre": "C-1",
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from string
		want any
	}{
		{"user.mail", "Ada@Example.com"},
		{" user.mail ", "Ada@Example.com"},
		{"user.name.given", "Ada"},
		{"user.businessPhones[0]", "+44 1"},
		{"user.businessPhones[1]", "+44 2"},
		{"user.name.deep.x[0].y", "z"},
		{`user["Cost Centre"]`, "C-1"},
		{"user.`Cost Centre`", "C-1"},
		{"user.level", 3.0},
		{"user.accountEnabled", true},
		{"user.name.deep", map[string]any{"x": []any{map[string]any{"y": "z"}}}},
		// What leads nowhere is nothing, on the plain way and in CEL alike.
		{"user.absent", nil},
		{"user.jobTitle", nil},
		{"user.empty", nil},
		{"user.none", nil},
		{"user.absent.more.yet", nil},
		{"user.jobTitle.more", nil},
		{"user.mail.more", nil},
		{"user.mail[0]", nil},
		{"user.name[0]", nil},
		{"user.businessPhones[2]", nil},
		{"user.businessPhones.x", nil},
		{"coalesce(user.absent.more)", nil},
		{"coalesce(user.mail.more)", nil},
		{"coalesce(user.businessPhones[2])", nil},
		{"coalesce(user.businessPhones.x)", nil},
		{`coalesce(user["no such"])`, nil},
		// Functions.
		{`join([user.givenName, user.surname], " ")`, "Ada Lovelace"},
		{`join([user.givenName, user.jobTitle, user.empty, user.surname], " ")`, "Ada Lovelace"},
		{`join([user.absent, user.empty], " ")`, nil},
		{`join(user.businessPhones, ";")`, "+44 1;+44 2"},
		{`coalesce(user.absent, user.empty, user.surname, user.mail)`, "Lovelace"},
		{`coalesce(user.absent, "none")`, "none"},
		{`coalesce(user.absent, "") + "x"`, "x"},
		{"lower(user.mail)", "ada@example.com"},
		{"user.mail.lower()", "ada@example.com"},
		{"upper(user.givenName)", "ADA"},
		{`lower("ÉCOLE")`, "école"},
		{"lower(user.absent)", nil},
		{"user.absent.lower()", nil},
		{`user.mail.split("@")[0]`, "Ada"},
		{`user.mail.split("@")[7]`, nil},
		{`user.absent.split("@")[0]`, nil},
		{`user.absent.replace("a", "b").trim().substring(1)`, nil},
		{`user.mail.replace("Example", "acme").lowerAscii()`, "ada@acme.com"},
		{`user.givenName + "." + user.surname`, "Ada.Lovelace"},
		{`user.mail != null ? "work" : null`, "work"},
		{`user.absent != null ? "work" : null`, nil},
		{`has(user.jobTitle)`, false},
		{`has(user.mail) && has(user.name.given) && !has(user.name.x.y)`, true},
		{`user.emails.filter(e, e.type == "work")[0].value`, "w@x"},
		{`user.emails.map(e, e.value)`, []any{"w@x", "h@x"}},
		{`user.absent.map(e, e.value)`, nil},
		{`size(user.businessPhones)`, 2.0},
		{`user.absent.size()`, 0.0},
		{`string(user.number)`, "1234567"},
		{`user.level + 1`, 4.0},
		{`user.rate * 2.0`, 3.0},
		{`{"value": user.mail, "display": user.absent}`, map[string]any{"value": "Ada@Example.com"}},
		{`timestamp("2026-01-02T03:04:05Z")`, "2026-01-02T03:04:05Z"},
	}
	for _, test := range tests {
		t.Run(test.from, func(t *testing.T) {
			t.Parallel()
			got, err := evaluate(t, test.from, ada)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExpressionFails(t *testing.T) {
	t.Parallel()
	tests := []struct{ from, want string }{
		{`user.givenName + user.absent`, "no such overload"},
		{`join([user.level], "")`, "join takes strings, not a int"},
		{`int(user.mail)`, "type conversion error from 'string' to 'int'"},
		{`timestamp(user.mail)`, "\"…\""},
		{`duration("1s")`, "google.protobuf.Duration"},
		{`1.0 / 0.0`, "not a number that JSON can hold"},
		{`{1: "x"}`, "only strings can be sent"},
		{`user.mail ? "a" : "b"`, "a string is used where true or false is needed"},
	}
	for _, test := range tests {
		t.Run(test.from, func(t *testing.T) {
			t.Parallel()
			got, err := evaluate(t, test.from, ada)
			ve, ok := errors.AsType[*mapping.ValueError](err)
			if !ok || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, %v; want an error with %q", got, err, test.want)
			}
			if strings.Contains(ve.Err.Error(), "Example") {
				t.Errorf("%v quotes the person's address", ve.Err)
			}
			if ve.Path != "b" || ve.From != test.from {
				t.Errorf("error names %q, %q", ve.Path, ve.From)
			}
		})
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	m := compile(t, mapping.Spec{Users: []mapping.Row{
		{To: "userName", From: "user.userPrincipalName", Match: 2},
		{To: "userType", Value: "employee", When: "create"},
		{To: `emails[type eq "work"].value`, From: "user.mail", Match: 1},
		{To: "active", From: `user.status == "on"`},
		{To: "password", From: "user.secret", When: "create"},
		{To: "title", From: "user.jobTitle", Sensitive: true},
		{To: "x509Certificates", Value: 3},
		{To: sinks.PathManager, From: "user.manager"},
	}}, mapping.Scope{})
	users := m.Users()
	want := []string{"active", `emails[type eq "work"].value`, "password", "title", "userName", "userType", "x509Certificates"}
	if diff := cmp.Diff(want, users.Paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]bool{false, false, true, false, false, true, false}, users.CreateOnly); diff != "" {
		t.Errorf("create only (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]bool{false, false, true, true, false, false, false}, users.Sensitive); diff != "" {
		t.Errorf("sensitive (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 4}, users.Match); diff != "" {
		t.Errorf("match (-want +got):\n%s", diff)
	}
	if users.Active != 0 || !users.Reference || m.Groups().Active != -1 || m.Groups().Reference {
		t.Errorf("active %d, reference %v", users.Active, users.Reference)
	}
	if users.From(0) != `user.status == "on"` || users.From(5) != "employee" {
		t.Errorf("from: %q, %q", users.From(0), users.From(5))
	}
	attributes := []string{"jobTitle", "mail", "manager", "secret", "status", "userPrincipalName"}
	if diff := cmp.Diff(attributes, m.UserAttributes()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	values, err := users.Values(map[string]any{"userPrincipalName": "a@x", "status": "off"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{false, nil, nil, nil, "a@x", "employee", 3.0}, values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// A manager that is anything but the plain reference is an ordinary value.
func TestManagerAsValue(t *testing.T) {
	t.Parallel()
	m := compile(t, mapping.Spec{Users: []mapping.Row{
		{To: "userName", From: "user.login", Match: 1},
		{To: sinks.PathManager + ".displayName", From: "user.manager"},
	}}, mapping.Scope{})
	if m.Users().Reference || len(m.Users().Paths) != 2 {
		t.Errorf("table %+v", m.Users())
	}
}

func TestActiveIsNeverNothing(t *testing.T) {
	t.Parallel()
	m := compile(t, mapping.Spec{Users: []mapping.Row{
		{To: "userName", From: "user.login", Match: 1}, {To: "active", From: "user.on"},
	}}, mapping.Scope{})
	for _, test := range []struct {
		on   any
		want any
	}{
		{true, true},
		{false, false},
		{"True", true},
		{"false", false},
		{nil, nil},
		{"yes", nil},
		{1.0, nil},
	} {
		values, err := m.Users().Values(map[string]any{"on": test.on, "login": "a"})
		if (err != nil) != (test.want == nil) {
			t.Errorf("%v: error %v", test.on, err)
		}
		if err == nil && values[0] != test.want {
			t.Errorf("%v: got %v, want %v", test.on, values[0], test.want)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	m := compile(t, mapping.Spec{}, mapping.Scope{})
	values, err := m.Groups().Values(map[string]any{"displayName": "Staff"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"Staff"}, values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"userName"}, m.Users().Paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}
