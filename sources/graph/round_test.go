package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
	"github.com/idpbridge/idpbridge/sources/graph/internal/conformance"
)

const app = conformance.App

func query() sources.Query {
	return sources.Query{UserAttributes: []string{"jobTitle", "manager"}, GroupAttributes: []string{"id"}, Groups: true}
}

// company is a tenant of 7 users and 3 groups with an application, at 3 objects a page:
// 3 pages of users and 2 of groups.
func company(t *testing.T) (*graphtest.Tenant, *graph.Source) {
	t.Helper()
	tenant := graphtest.New(graphtest.Options{Token: conformance.Token, PageSize: 3, MembersPerPage: 4})
	var users []string
	for i := range 7 {
		name := fmt.Sprintf("user%d@example.com", i)
		users = append(users, tenant.AddUser(graphtest.Props{
			"id": id('a', i), "userPrincipalName": name, "mail": name, "displayName": name, "jobTitle": "Engineer",
		}))
	}
	tenant.AddGroup(graphtest.Props{"id": id('b', 0), "displayName": "Big"}, users...)
	tenant.AddGroup(graphtest.Props{"id": id('b', 1), "displayName": "Small"}, users[0])
	tenant.AddGroup(graphtest.Props{"id": id('b', 2), "displayName": "Empty"})
	tenant.Assign(app, users[6], "User")
	tenant.Assign(app, id('b', 1), "Group")
	return tenant, open(t, conformance.Serve(t, tenant))
}

func id(kind rune, i int) string { return fmt.Sprintf("%c0000000-0000-4000-8000-%012x", kind, i+1) }

// round reads to the end and returns all entries on one page.
func round(t *testing.T, s *graph.Source, q sources.Query, at sources.Cursor) sources.Page {
	t.Helper()
	var all sources.Page
	for range 100 {
		p, err := s.Read(t.Context(), q, at)
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		all.Users = append(all.Users, p.Users...)
		all.Groups = append(all.Groups, p.Groups...)
		all.Assignments = append(all.Assignments, p.Assignments...)
		all.Bad = append(all.Bad, p.Bad...)
		all.Cursor, all.Done, all.CompleteAssignments = p.Cursor, p.Done, p.CompleteAssignments
		if at = p.Cursor; p.Done {
			return all
		}
	}
	t.Fatal("no Done after 100 pages")
	return all
}

// TestRequestBudget counts requests at the service: the first round costs its pages, an
// incremental one where nothing changed exactly one request per stream.
func TestRequestBudget(t *testing.T) {
	for _, c := range []struct {
		name         string
		query        func(*sources.Query)
		first, quiet map[string]int
	}{
		{
			"users and groups", func(*sources.Query) {},
			map[string]int{"GET /users/delta": 3, "GET /groups/delta": 3},
			map[string]int{"GET /users/delta": 1, "GET /groups/delta": 1},
		},
		{
			"users alone", func(q *sources.Query) { q.Groups = false },
			map[string]int{"GET /users/delta": 3},
			map[string]int{"GET /users/delta": 1},
		},
		{
			"with an application", func(q *sources.Query) { q.Groups, q.App = false, app },
			map[string]int{"GET /users/delta": 3, "GET /groups/delta": 3, "GET /servicePrincipals/{id}/appRoleAssignedTo": 1},
			map[string]int{"GET /users/delta": 1, "GET /groups/delta": 1, "GET /servicePrincipals/{id}/appRoleAssignedTo": 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tenant, s := company(t)
			q := query()
			c.query(&q)
			at := round(t, s, q, "").Cursor
			if diff := cmp.Diff(c.first, tenant.Counts()); diff != "" {
				t.Errorf("first round (-want +got):\n%s", diff)
			}
			tenant.ResetCounts()
			at = round(t, s, q, at).Cursor
			if diff := cmp.Diff(c.quiet, tenant.Counts()); diff != "" {
				t.Errorf("nothing changed (-want +got):\n%s", diff)
			}
			tenant.UpdateUser(id('a', 3), graphtest.Props{"jobTitle": "Director"})
			tenant.ResetCounts()
			if page := round(t, s, q, at); len(page.Users) != 1 {
				t.Errorf("one attribute changed: users %v", page.Users)
			}
			if diff := cmp.Diff(c.quiet, tenant.Counts()); diff != "" {
				t.Errorf("one attribute changed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUntracked: a change of a property that the query does not name costs nothing.
func TestUntracked(t *testing.T) {
	tenant, s := company(t)
	at := round(t, s, query(), "").Cursor
	tenant.UpdateUser(id('a', 0), graphtest.Props{"city": "Paris"})
	if page := round(t, s, query(), at); len(page.Users) != 0 {
		t.Errorf("users %v", page.Users)
	}
}

// TestFaults meets every fault on every stream, at its first, second and last page, in a
// full round. None may look like the end, and the class decides what the caller does.
func TestFaults(t *testing.T) {
	classes := map[graphtest.FaultKind]sources.Class{
		graphtest.Gone: sources.Expired, graphtest.SyncStateNotFound: sources.Expired, graphtest.ExpiredPageToken: sources.Expired,
		graphtest.Unavailable: sources.Transient, graphtest.BadGateway: sources.Transient,
		graphtest.CutBody: sources.Incomplete, graphtest.EmptyValue: sources.Incomplete, graphtest.NoLinks: sources.Incomplete,
		graphtest.BothLinks: sources.Incomplete, graphtest.Unauthorized: sources.Denied, graphtest.Forbidden: sources.Denied,
		graphtest.TooManyRequests: sources.Throttled, graphtest.SelfLink: sources.Incomplete, graphtest.Circle: sources.Incomplete,
		graphtest.ForeignLink: sources.Incomplete, graphtest.WebPage: sources.Incomplete, graphtest.NotJSON: sources.Incomplete,
		graphtest.NoValue: sources.Incomplete,
	}
	for kind, class := range classes {
		for _, route := range []string{"/users/delta", "/groups/delta", "/servicePrincipals/{id}/appRoleAssignedTo"} {
			for after := range 3 {
				assignments := strings.HasPrefix(route, "/service")
				if assignments && (after > 0 || kind == graphtest.EmptyValue || kind == graphtest.NoLinks) {
					continue // the list has one page here; its empty answers have their own test
				}
				t.Run(fmt.Sprintf("%d%s/%d", kind, route, after), func(t *testing.T) {
					tenant, s := company(t)
					q := query()
					q.App = app
					tenant.Inject(graphtest.Fault{Kind: kind, Route: route, After: after})
					err := readUntilError(t, s, q)
					if got := sources.ClassOf(err); got != class {
						t.Errorf("class %v, want %v: %v", got, class, err)
					}
				})
			}
		}
	}
}

// readUntilError reads a round that must not come to its end.
func readUntilError(t *testing.T, s *graph.Source, q sources.Query) error {
	t.Helper()
	at := sources.Cursor("")
	for range 100 {
		page, err := s.Read(t.Context(), q, at)
		if err != nil {
			return err
		}
		if page.Done {
			t.Fatal("the round is Done")
		}
		at = page.Cursor
	}
	t.Fatal("neither an error nor an end after 100 pages")
	return nil
}

// TestForeignLink: a link to another host is never requested, neither from an answer nor
// from a cursor made for another base.
func TestForeignLink(t *testing.T) {
	tenant, s := company(t)
	at := round(t, s, query(), "").Cursor
	other, moved := company(t)
	tenant.ResetCounts()
	if _, err := moved.Read(t.Context(), query(), at); sources.ClassOf(err) != sources.Incomplete {
		t.Errorf("class %v: %v", sources.ClassOf(err), err)
	}
	if n := len(other.Counts()) + len(tenant.Counts()); n != 0 {
		t.Errorf("%d kinds of requests were sent", n)
	}
}

// TestEmptyAssignments: an empty list of assignments has no mark of its own.
func TestEmptyAssignments(t *testing.T) {
	const route = "/servicePrincipals/{id}/appRoleAssignedTo"
	q := query()
	q.App = app

	t.Run("first round takes it", func(t *testing.T) {
		tenant, s := company(t)
		tenant.Inject(graphtest.Fault{Kind: graphtest.EmptyValue, Route: route})
		if page := round(t, s, q, ""); !page.CompleteAssignments || len(page.Assignments) != 0 {
			t.Errorf("%+v", page)
		}
	})
	t.Run("where some were before it is an error", func(t *testing.T) {
		tenant, s := company(t)
		at := round(t, s, q, "").Cursor
		heal := tenant.Inject(graphtest.Fault{Kind: graphtest.EmptyValue, Route: route})
		users, err := s.Read(t.Context(), q, at)
		if err != nil {
			t.Fatal(err)
		}
		groups, err := s.Read(t.Context(), q, users.Cursor)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.Read(t.Context(), q, groups.Cursor); sources.ClassOf(err) != sources.Incomplete || sources.HintOf(err) == "" {
			t.Errorf("class %v: %v", sources.ClassOf(err), err)
		}
		heal()
		if page := round(t, s, q, groups.Cursor); len(page.Assignments) != 2 {
			t.Errorf("healed: %v", page.Assignments)
		}
	})
	t.Run("after other pages it is read again", func(t *testing.T) {
		tenant, s := company(t)
		for i := range 1000 {
			tenant.Assign(app, id('e', i), "User")
		}
		tenant.Inject(graphtest.Fault{Kind: graphtest.EmptyValue, Route: route, After: 1, Times: 1})
		page := round(t, s, q, "")
		if len(page.Assignments) != 1002 || !page.CompleteAssignments {
			t.Errorf("%d assignments of 1002", len(page.Assignments))
		}
		if n := tenant.Counts()["GET "+route]; n != 3 {
			t.Errorf("%d requests for 2 pages and a second look", n)
		}
	})
}

// TestCursor: cursors of another kind or for another query call for a full round.
func TestCursor(t *testing.T) {
	_, s := company(t)
	at := round(t, s, query(), "").Cursor
	if strings.Contains(string(at), conformance.Token) {
		t.Error("the cursor holds the token")
	}
	more := query()
	more.UserAttributes = append(more.UserAttributes, "department")
	scoped := query()
	scoped.App = app
	for name, c := range map[string]struct {
		q  sources.Query
		at sources.Cursor
	}{
		"not JSON": {query(), "page2"}, "another attribute": {more, at}, "another scope": {scoped, at},
	} {
		if _, err := s.Read(t.Context(), c.q, c.at); sources.ClassOf(err) != sources.Expired {
			t.Errorf("%s: class %v: %v", name, sources.ClassOf(err), err)
		}
	}
}

// TestExpired: after the links have expired the caller's full round brings everyone.
func TestExpired(t *testing.T) {
	tenant, s := company(t)
	at := round(t, s, query(), "").Cursor
	tenant.ExpireTokens()
	if _, err := s.Read(t.Context(), query(), at); sources.ClassOf(err) != sources.Expired {
		t.Fatalf("class %v: %v", sources.ClassOf(err), err)
	}
	if page := round(t, s, query(), ""); len(page.Users) != 7 {
		t.Errorf("%d users", len(page.Users))
	}
}
