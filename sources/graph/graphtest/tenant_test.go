package graphtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
)

// get asks the tenant directly and returns the decoded answer.
func get(t testing.TB, tenant *graphtest.Tenant, link string) map[string]any {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	w := httptest.NewRecorder()
	tenant.ServeHTTP(w, r)
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s: %v in %s", link, err, w.Body)
	}
	body["status"] = w.Code
	return body
}

// follow reads a chain to its delta link and returns its entries.
func follow(t testing.TB, tenant *graphtest.Tenant, link string) (entries []any, delta string) {
	t.Helper()
	for {
		body := get(t, tenant, link)
		if body["status"] != http.StatusOK {
			t.Fatalf("%s: %v", link, body)
		}
		entries = append(entries, body["value"].([]any)...)
		next, more := body["@odata.nextLink"].(string)
		delta, done := body["@odata.deltaLink"].(string)
		if more == done {
			t.Fatalf("next link %q and delta link %q on one page", next, delta)
		}
		if done {
			return entries, delta
		}
		link = next
	}
}

const base = "http://graph.test/v1.0"

func select1(names string) string { return "?" + url.Values{"$select": {names}}.Encode() }

// TestUsersDelta goes through the rules of users/delta for one user.
func TestUsersDelta(t *testing.T) {
	for _, path := range []string{"/users/delta", "/users/delta()", "/users/microsoft.graph.delta()"} {
		tenant := graphtest.New(graphtest.Options{})
		id := tenant.AddUser(graphtest.Props{"userPrincipalName": "a@x", "jobTitle": "T", "city": "C"})
		link := base + path + select1("id,jobTitle,mail,manager,userPrincipalName")
		for _, step := range []struct {
			name   string
			change func()
			want   []any
		}{
			{"first round: no property without value, none not selected", func() {}, []any{
				map[string]any{"id": id, "jobTitle": "T", "userPrincipalName": "a@x"},
			}},
			{"nothing", func() {}, nil},
			{"a property that is not selected", func() { tenant.UpdateUser(id, graphtest.Props{"city": "D"}) }, nil},
			{"unchanged ones come too", func() { tenant.UpdateUser(id, graphtest.Props{"mail": "m@x"}) }, []any{
				map[string]any{"id": id, "jobTitle": "T", "mail": "m@x", "userPrincipalName": "a@x"},
			}},
			{"cleared", func() { tenant.UpdateUser(id, graphtest.Props{"jobTitle": nil}) }, []any{
				map[string]any{"id": id, "jobTitle": nil, "mail": "m@x", "userPrincipalName": "a@x"},
			}},
			{"manager", func() { tenant.SetManager(id, "boss") }, []any{map[string]any{
				"id": id, "jobTitle": nil, "mail": "m@x", "userPrincipalName": "a@x",
				"manager@delta": []any{map[string]any{"@odata.type": "#microsoft.graph.user", "id": "boss"}},
			}}},
			{"recycle bin", func() { tenant.DeleteUser(id) }, []any{map[string]any{"id": id, "@removed": map[string]any{"reason": "changed"}}}},
			{"purged", func() { tenant.PurgeUser(id) }, []any{map[string]any{"id": id, "@removed": map[string]any{"reason": "deleted"}}}},
		} {
			step.change()
			var entries []any
			entries, link = follow(t, tenant, link)
			if diff := cmp.Diff(step.want, entries); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", path, step.name, diff)
			}
		}
	}
}

// TestGroupSlices: members of a big group come in slices over pages, under the same id
// and with the same properties.
func TestGroupSlices(t *testing.T) {
	tenant := graphtest.New(graphtest.Options{PageSize: 2, MembersPerPage: 3})
	var users []string
	for i := range 7 {
		users = append(users, tenant.AddUser(graphtest.Props{"userPrincipalName": fmt.Sprint(i)}))
	}
	group := tenant.AddGroup(graphtest.Props{"displayName": "G"}, users...)
	entries, link := follow(t, tenant, base+"/groups/delta"+select1("id,displayName,members"))
	if got := slices(t, entries, group); cmp.Diff([]int{3, 3, 1}, got) != "" {
		t.Errorf("slices of %v members", got)
	}
	tenant.SetMembers(group, users[5:]...)
	entries, _ = follow(t, tenant, link)
	if got := slices(t, entries, group); cmp.Diff([]int{3, 2}, got) != "" {
		t.Errorf("slices of %v removed members", got)
	}
	if entries, _ = follow(t, tenant, base+"/groups/delta"+select1("id,displayName")); strings.Contains(fmt.Sprint(entries), "members") {
		t.Errorf("members came unasked: %v", entries)
	}
}

// slices returns how many members each entry of a group brings.
func slices(t *testing.T, entries []any, group string) (sizes []int) {
	t.Helper()
	for _, e := range entries {
		m := e.(map[string]any)
		if m["id"] != group || m["displayName"] != "G" {
			t.Errorf("entry %v", m)
		}
		members, _ := m["members@delta"].([]any)
		sizes = append(sizes, len(members))
	}
	return sizes
}

// TestLatest: "from now on" brings nobody and a delta link for what follows.
func TestLatest(t *testing.T) {
	tenant := graphtest.New(graphtest.Options{})
	tenant.AddUser(graphtest.Props{"userPrincipalName": "old"})
	entries, link := follow(t, tenant, base+"/users/delta?$deltatoken=latest&$select=id")
	if len(entries) != 0 {
		t.Errorf("entries %v", entries)
	}
	id := tenant.AddUser(graphtest.Props{"userPrincipalName": "new"})
	entries, _ = follow(t, tenant, link)
	if diff := cmp.Diff([]any{map[string]any{"id": id}}, entries); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStableLinks: a link answers the same again, while the directory changes.
func TestStableLinks(t *testing.T) {
	tenant := graphtest.New(graphtest.Options{PageSize: 2})
	for i := range 6 {
		tenant.AddUser(graphtest.Props{"userPrincipalName": fmt.Sprint(i)})
	}
	next := get(t, tenant, base+"/users/delta"+select1("id"))["@odata.nextLink"].(string)
	before := get(t, tenant, next)
	tenant.AddUser(graphtest.Props{"userPrincipalName": "late"})
	if diff := cmp.Diff(before, get(t, tenant, next)); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}

// TestRefused: what the API can't do is refused in its own shape.
func TestRefused(t *testing.T) {
	tenant := graphtest.New(graphtest.Options{Token: "secret"})
	body := get(t, tenant, base+"/users")
	if body["status"] != http.StatusUnauthorized || body["error"].(map[string]any)["code"] != "InvalidAuthenticationToken" {
		t.Errorf("without a token: %v", body)
	}
	tenant = graphtest.New(graphtest.Options{})
	for path, status := range map[string]int{
		"/users/delta?$select=birthday": 400, "/users/delta?$filter=x": 400, "/users/delta?$deltatoken=%%%": 400, "/users/nobody": 404,
		"/servicePrincipals/none/appRoleAssignedTo": 404, "/planets": 400, "/users?$filter=mail+ne+'x'": 400,
	} {
		body := get(t, tenant, base+strings.ReplaceAll(path, "%%%", "x"))
		if _, shaped := body["error"].(map[string]any)["innerError"]; body["status"] != status || !shaped {
			t.Errorf("%s: %v, want %d", path, body, status)
		}
	}
}

// TestCrowd: people made on demand can be changed like others.
func TestCrowd(t *testing.T) {
	tenant := graphtest.New(graphtest.Options{})
	tenant.Crowd(1000, func(i int) graphtest.Props {
		return graphtest.Props{"userPrincipalName": fmt.Sprintf("p%d@x", i)}
	})
	entries, link := follow(t, tenant, base+"/users/delta"+select1("id,accountEnabled"))
	if len(entries) != 1000 {
		t.Fatalf("%d users", len(entries))
	}
	tenant.UpdateUser(graphtest.CrowdID(7), graphtest.Props{"accountEnabled": false})
	tenant.DeleteUser(graphtest.CrowdID(8))
	entries, _ = follow(t, tenant, link)
	want := []any{
		map[string]any{"id": graphtest.CrowdID(7), "accountEnabled": false},
		map[string]any{"id": graphtest.CrowdID(8), "@removed": map[string]any{"reason": "changed"}},
	}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if body := get(t, tenant, base+"/users/p9@x?$select=id"); body["id"] != graphtest.CrowdID(9) {
		t.Errorf("by name: %v", body)
	}
}

// BenchmarkUsersDelta renders pages of a crowd.
func BenchmarkUsersDelta(b *testing.B) {
	tenant := graphtest.New(graphtest.Options{})
	tenant.Crowd(1_000_000, func(i int) graphtest.Props {
		name := fmt.Sprintf("person%06d@example.com", i)
		return graphtest.Props{"userPrincipalName": name, "mail": name, "displayName": name, "jobTitle": "Engineer", "department": "Research"}
	})
	link := base + "/users/delta" + select1("id,userPrincipalName,mail,displayName,jobTitle,department,accountEnabled")
	for b.Loop() {
		w := httptest.NewRecorder()
		tenant.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, link, http.NoBody))
	}
	b.ReportMetric(float64(200*b.N)/b.Elapsed().Seconds(), "users/s")
}
