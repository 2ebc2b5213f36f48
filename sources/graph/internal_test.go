package graph

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
)

// scripted answers requests in turn.
type scripted []string

func (s *scripted) Get(context.Context, Request) (Answer, error) {
	body := (*s)[0]
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	return Answer{Status: http.StatusOK, Body: []byte(body)}, nil
}

func scriptedSource(t *testing.T, answers ...string) *Source {
	t.Helper()
	s := scripted(answers)
	source, err := New(Config{BaseURL: "https://graph.test/v1.0"}, &s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// TestEntries reads single entries that the emulator would never send.
func TestEntries(t *testing.T) {
	const name = `"id":"u","userPrincipalName":"a@example.com"`
	for _, c := range []struct{ name, entry, bad string }{
		{"whole", `{` + name + `,"accountEnabled":true}`, ""},
		{"unknown properties", `{` + name + `,"extension_1_x":{"a":[1]},"@odata.type":"#microsoft.graph.user"}`, ""},
		{"manager alone", `{"id":"u","manager@delta":[{"id":"m"}]}`, "not whole"},
		{"null name", `{"id":"u","userPrincipalName":null}`, "not whole"},
		{"name is a number", `{"id":"u","userPrincipalName":7}`, "userPrincipalName is 7"},
		{"accountEnabled is text", `{` + name + `,"accountEnabled":"no"}`, "accountEnabled is no"},
		{"mail is a list", `{` + name + `,"mail":[]}`, "mail is []"},
		{"manager is text", `{` + name + `,"manager@delta":"m"}`, "manager@delta"},
		{"manager without id", `{` + name + `,"manager@delta":[{}]}`, "without id"},
		{"removed is text", `{"id":"u","@removed":"changed"}`, "@removed"},
	} {
		s := scriptedSource(t, `{"value":[`+c.entry+`],"@odata.deltaLink":"https://graph.test/v1.0/users/delta?d"}`)
		page, err := s.Read(t.Context(), sources.Query{UserAttributes: []string{"manager"}}, "")
		switch {
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.bad == "" && (len(page.Bad) > 0 || len(page.Users) != 1):
			t.Errorf("%s: %+v", c.name, page)
		case c.bad != "" && (len(page.Bad) != 1 || page.Bad[0].ID != "u" || !strings.Contains(page.Bad[0].Err.Error(), c.bad)):
			t.Errorf("%s: bad entries %v, want one with %q", c.name, page.Bad, c.bad)
		}
	}
}

// TestPages reads answers that can't be trusted.
func TestPages(t *testing.T) {
	const link = `"@odata.deltaLink":"https://graph.test/v1.0/users/delta?d"`
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"value":null,` + link + `}`, `{"value":{},` + link + `}`, `{"value":[1],` + link + `}`,
		`{"value":[null],` + link + `}`, `{"value":[{}],` + link + `}`, `{"value":[{"id":7}],` + link + `}`, `{"value":[]}`,
		`{"value":[],"@odata.nextLink":"https://graph.test/v1.0/users/delta?n",` + link + `}`, `{"value":[],"@odata.deltaLink":7}`, `{"value":[],"@odata.nextLink":"","@odata.deltaLink":null}`, `{"value":[],` + link,
		`{"value":[],` + link + `}{}`, `<html></html>`, "\x1f\x8b\x08gzip",
		`{"value":[],"@odata.nextLink":"http://graph.test/v1.0/users/delta?plain-http"}`,
		`{"value":[],"@odata.deltaLink":"https://user@graph.test/v1.0/users/delta"}`,
	} {
		page, err := scriptedSource(t, body).Read(t.Context(), sources.Query{}, "")
		if sources.ClassOf(err) != sources.Incomplete || page != nil {
			t.Errorf("%q: class %v, page %+v: %v", body, sources.ClassOf(err), page, err)
		}
	}
}

// TestObjects reads single objects that can't be trusted.
func TestObjects(t *testing.T) {
	const user = `{"id":"u","userPrincipalName":"a@example.com"}`
	if u, err := scriptedSource(t, user).User(t.Context(), sources.Query{}, "u"); err != nil || u.ID != "u" {
		t.Errorf("%s: %+v, %v", user, u, err)
	}
	for _, body := range []string{``, `null`, `[]`, `{}`, `[` + user + `]`, user + user, user + `x`, user[1:], user[:len(user)-1], `<html>`, `{"id":7,"userPrincipalName":"a"}`} {
		if u, err := scriptedSource(t, body).User(t.Context(), sources.Query{}, "u"); sources.ClassOf(err) != sources.Incomplete {
			t.Errorf("%q: class %v, user %+v: %v", body, sources.ClassOf(err), u, err)
		}
	}
}

// TestMembersOnly: an entry of a group without its name brings members alone.
func TestMembersOnly(t *testing.T) {
	s := scriptedSource(t,
		`{"value":[],"@odata.deltaLink":"https://graph.test/v1.0/users/delta?d"}`,
		`{"value":[{"id":"g","members@delta":[{"id":"u"},{"id":"v","@removed":{"reason":"deleted"}}]}],"@odata.deltaLink":"https://graph.test/v1.0/groups/delta?d"}`)
	q := sources.Query{Groups: true}
	users, err := s.Read(t.Context(), q, "")
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Read(t.Context(), q, users.Cursor)
	if err != nil {
		t.Fatal(err)
	}
	want := []sources.Group{{ID: "g", MembersOnly: true, Members: []sources.Member{{User: "u"}, {User: "v", Removed: true}}}}
	if diff := cmp.Diff(want, page.Groups); diff != "" || !page.Done {
		t.Errorf("done %v (-want +got):\n%s", page.Done, diff)
	}
}

// counting answers ever new next links to pages that bring nothing.
type counting int

func (c *counting) Get(context.Context, Request) (Answer, error) {
	*c++
	return Answer{Status: http.StatusOK, Body: fmt.Appendf(nil, `{"value":[],"@odata.nextLink":"https://graph.test/v1.0/users/delta?n=%d"}`, *c)}, nil
}

// TestEndless: a chain of ever new links without anything new ends as an error, also when
// a new process goes on with it.
func TestEndless(t *testing.T) {
	client := new(counting)
	at := sources.Cursor("")
	for range 60 {
		s, err := New(Config{BaseURL: "https://graph.test/v1.0"}, client, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		s.maxStale = 50
		page, err := s.Read(t.Context(), sources.Query{}, at)
		if err != nil {
			if sources.ClassOf(err) != sources.Incomplete || *client < 50 {
				t.Fatalf("after %d pages: %v", *client, err)
			}
			return
		}
		at = page.Cursor
	}
	t.Fatal("no end after 60 pages")
}

// growing answers ever new next links to pages that each bring another user.
type growing int

func (c *growing) Get(context.Context, Request) (Answer, error) {
	*c++
	return Answer{Status: http.StatusOK, Body: fmt.Appendf(nil,
		`{"value":[{"id":"u%d","userPrincipalName":"u@example.com"}],"@odata.nextLink":"https://graph.test/v1.0/users/delta?n=%[1]d"}`, *c)}, nil
}

// TestLong: a long chain that brings something new with every page goes on, also when the
// query doesn't ask for the id.
func TestLong(t *testing.T) {
	s, err := New(Config{BaseURL: "https://graph.test/v1.0"}, new(growing), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.maxStale = 50
	at := sources.Cursor("")
	for n := range 200 {
		page, err := s.Read(t.Context(), sources.Query{UserAttributes: []string{"displayName"}}, at)
		if err != nil {
			t.Fatalf("page %d: %v", n+1, err)
		}
		at = page.Cursor
	}
}

// TestSelfLink: a page that names itself is seen through by a new process at once.
func TestSelfLink(t *testing.T) {
	const page = `{"value":[],"@odata.nextLink":"https://graph.test/v1.0/users/delta?n"}`
	first, err := scriptedSource(t, page).Read(t.Context(), sources.Query{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = scriptedSource(t, page).Read(t.Context(), sources.Query{}, first.Cursor); sources.ClassOf(err) != sources.Incomplete {
		t.Errorf("class %v: %v", sources.ClassOf(err), err)
	}
}

// TestTrails: reading a page again is no loop; coming back to an earlier one is. The
// memory of a round that goes on is kept while many others begin.
func TestTrails(t *testing.T) {
	trails := newTrails()
	if trails.loops("r", 0, "", "a") || trails.loops("r", 1, "a", "b") || trails.loops("r", 2, "b", "c") {
		t.Error("a straight chain is taken for a loop")
	}
	if trails.loops("r", 1, "a", "b") {
		t.Error("the same page read again is taken for a loop")
	}
	if !trails.loops("r", 3, "c", "a") {
		t.Error("the way back is not seen")
	}
	if trails.loops("other", 3, "c", "a") {
		t.Error("rounds are mixed up")
	}
	for i := range 3 * maxTrails {
		trails.loops(fmt.Sprint(i), 0, "x", "y")
	}
	if n := len(trails.rounds); n > maxTrails {
		t.Errorf("%d rounds are kept", n)
	}
}

func TestRefusal(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
	header := func(v string) http.Header { return http.Header{"Retry-After": {v}} }
	for v, want := range map[string]time.Duration{
		"17": 17 * time.Second, "Thu, 01 Jan 2026 00:02:00 GMT": 2 * time.Minute, "Wed, 31 Dec 2025 00:00:00 GMT": 0, "": 0, "-3": 0, "soon": 0,
	} {
		if got := retryAfter(header(v), now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", v, got, want)
		}
	}
	for _, c := range []struct {
		op     Op
		status int
		body   string
		want   sources.Class
	}{
		{OpUsersDelta, 410, ``, sources.Expired},
		{OpUsersDelta, 400, `{"error":{"code":"resyncRequired","message":""}}`, sources.Expired},
		{OpUsersDelta, 400, `{"error":{"code":"Request_BadRequest","message":"x"}}`, sources.Rejected},
		{OpUsersDelta, 404, `{"error":{"code":"Request_ResourceNotFound","message":"x"}}`, sources.Rejected},
		{OpUser, 404, `{"error":{"code":"Request_ResourceNotFound","message":"x"}}`, sources.Missing},
		{OpUser, 404, `<html>`, sources.Rejected},
		{OpUser, 302, ``, sources.Rejected},
		{OpUser, 401, ``, sources.Denied},
		{OpUser, 407, ``, sources.Rejected},
		{OpUser, 408, ``, sources.Transient},
		{OpUser, 500, `{"error":{"code":"","message":""}}`, sources.Transient},
	} {
		e := refusal(c.op, Answer{Status: c.status, Body: []byte(c.body)})
		if e.Class != c.want {
			t.Errorf("%v %d %s: %v, want %v", c.op, c.status, c.body, e.Class, c.want)
		}
	}
}
