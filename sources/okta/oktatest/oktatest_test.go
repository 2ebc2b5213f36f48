package oktatest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

// org is an emulated org whose time the tests move.
type org struct {
	*testing.T
	*oktatest.Org
	now time.Time
}

func open(t *testing.T) *org {
	t.Helper()
	o := &org{T: t, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	o.Org = oktatest.New(oktatest.Options{Token: "t", Clock: func() time.Time { return o.now }})
	return o
}

// get sends a request and returns the answer with the ids in its list.
func (o *org) get(path string) (ids []string, w *httptest.ResponseRecorder) {
	o.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Header.Set("Authorization", "SSWS t")
	w = httptest.NewRecorder()
	o.ServeHTTP(w, req)
	var list []struct {
		ID    string `json:"id"`
		Event string `json:"eventType"`
	}
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			o.Fatalf("%s: %v", path, err)
		}
	}
	for _, e := range list {
		ids = append(ids, e.ID+e.Event)
	}
	return ids, w
}

func (o *org) want(path string, want ...string) {
	o.Helper()
	if got, w := o.get(path); !cmp.Equal(want, got) {
		o.Errorf("%s: %d %v, want %v", path, w.Code, got, want)
	}
}

func filter(name, expression string) string { return "?" + name + "=" + url.QueryEscape(expression) }

// TestUsersList is what Okta's reference says of `filter`, `search` and neither.
func TestUsersList(t *testing.T) {
	o := open(t)
	o.Seed(1, func(int) map[string]any { return map[string]any{"login": "old@example.com"} })
	old := o.UserID(0)
	ada := o.AddUser(map[string]any{"login": "ada@example.com", "firstName": "Ada", "department": "Sales"})
	bob := o.AddUser(map[string]any{"login": "bob@example.com", "firstName": "Bob"})
	o.SetStatus(bob, oktatest.Deprovisioned)
	o.want("/api/v1/users", old, ada)
	o.want("/api/v1/users"+filter("filter", `status eq "ACTIVE" or status eq "DEPROVISIONED"`), old, ada, bob)
	o.want("/api/v1/users"+filter("filter", `lastUpdated gt "2026-02-28T00:00:00.000Z"`), ada, bob)
	o.want("/api/v1/users"+filter("filter", `lastUpdated lt "2026-02-28T00:00:00.000Z"`), old)
	o.want("/api/v1/users"+filter("filter", `(status eq "ACTIVE" or status eq "STAGED") and profile.firstName eq "Ada"`), ada)
	o.want("/api/v1/users"+filter("search", `profile.department sw "Sa"`), ada)
	o.want("/api/v1/users"+filter("search", `profile.department pr`), ada)
	for _, bad := range []string{
		filter("filter", `profile.department eq "Sales"`), filter("filter", `status eq ACTIVE`), filter("filter", `(status eq "A"`),
		filter("filter", `status xx "A"`), filter("filter", `status eq "A" or`), "?limit=x", "?after=x",
	} {
		if _, w := o.get("/api/v1/users" + bad); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "E00000") {
			t.Errorf("%s: %d %s", bad, w.Code, w.Body)
		}
	}
}

// TestLinks: two header lines, the next one opaque and with the org's own address.
func TestLinks(t *testing.T) {
	o := open(t)
	o.Seed(5, func(i int) map[string]any { return map[string]any{"login": fmt.Sprint(i)} })
	next := "/api/v1/users?limit=2"
	var all []string
	for range 3 {
		ids, w := o.get(next)
		all = append(all, ids...)
		links := w.Header().Values("Link")
		if m := regexp.MustCompile(`^<http://example.com(/api/v1/users\?after=\w+&limit=2)>; rel="next"$`).FindStringSubmatch(links[len(links)-1]); m != nil {
			next = m[1]
		} else if len(links) != 1 {
			t.Fatalf("links %q", links)
		}
	}
	if len(all) != 5 {
		t.Errorf("users %v", all)
	}
}

// TestLogs: polling always has a next link, a bounded request ends.
func TestLogs(t *testing.T) {
	o := open(t)
	o.AddUser(map[string]any{"login": "ada@example.com"})
	o.LogLate("user.session.start", "User", o.UserID(0), 3*time.Hour)
	recent := "&since=2026-03-01T08:00:00Z"
	o.want("/api/v1/logs?limit=10", "user.lifecycle.create", "user.lifecycle.activate", "user.session.start")
	o.want("/api/v1/logs?limit=10"+recent, "user.lifecycle.create", "user.lifecycle.activate")
	if _, w := o.get("/api/v1/logs?limit=10&since=2026-03-02T00:00:00Z"); len(w.Header().Values("Link")) != 2 {
		t.Errorf("an empty polling answer has links %q", w.Header().Values("Link"))
	}
	if _, w := o.get("/api/v1/logs?until=2026-03-02T00:00:00Z" + recent); len(w.Header().Values("Link")) != 1 {
		t.Errorf("a bounded answer has links %q", w.Header().Values("Link"))
	}
	for _, bad := range []string{"?since=2025-01-01T00:00:00Z", "?since=x", "?after=YWZ0ZXI6MQ" + recent} {
		if _, w := o.get("/api/v1/logs" + bad); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
	o.now = o.now.Add(91 * 24 * time.Hour)
	o.want("/api/v1/logs?since=2026-03-01T08:00:00Z")
}

// TestLimits: the headers count down, a 429 says E0000047, and the next minute is new.
func TestLimits(t *testing.T) {
	o := open(t)
	o.SetLimit("/api/v1/groups/{id}", 2)
	everyone := "/api/v1/groups/00g00000000000000000"
	var got []string
	for range 3 {
		req := httptest.NewRequest(http.MethodGet, everyone, nil)
		req.Header.Set("Authorization", "SSWS t")
		w := httptest.NewRecorder()
		o.ServeHTTP(w, req)
		got = append(got, fmt.Sprintf("%d %s %v", w.Code, w.Header().Get("X-Rate-Limit-Remaining"), strings.Contains(w.Body.String(), "E0000047")))
	}
	if diff := cmp.Diff([]string{"200 1 false", "200 0 false", "429 0 true"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	o.now = o.now.Add(time.Minute)
	o.want("/api/v1/groups", "00g00000000000000000")
	if n := len(o.Requests()); n != 4 {
		t.Errorf("%d requests counted", n)
	}
}

// TestRefusals are the error codes of Okta's reference.
func TestRefusals(t *testing.T) {
	o := open(t)
	for _, c := range []struct {
		method, path, auth string
		code               int
		word               string
	}{
		{http.MethodGet, "/api/v1/users", "", http.StatusUnauthorized, "E0000011"},
		{http.MethodGet, "/api/v1/users", "SSWS x", http.StatusUnauthorized, "E0000011"},
		{http.MethodGet, "/api/v1/users", "Bearer t", http.StatusUnauthorized, "E0000011"},
		{http.MethodGet, "/api/v1/users/00u1", "SSWS t", http.StatusNotFound, "E0000007"},
		{http.MethodGet, "/api/v1/groups/00g1/users", "SSWS t", http.StatusNotFound, "E0000007"},
		{http.MethodGet, "/api/v1/apps/0oa1/users", "SSWS t", http.StatusNotFound, "AppInstance"},
		{http.MethodPost, "/api/v1/users", "SSWS t", http.StatusMethodNotAllowed, "E0000022"},
		{http.MethodPost, "/oauth2/v1/token", "", http.StatusUnauthorized, "invalid_client"},
	} {
		req := httptest.NewRequest(c.method, c.path, nil)
		req.Header.Set("Authorization", c.auth)
		w := httptest.NewRecorder()
		o.ServeHTTP(w, req)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.word) {
			t.Errorf("%s %s as %q: %d %s", c.method, c.path, c.auth, w.Code, w.Body)
		}
	}
}

// TestSeeded: a seeded user can be looked up, changed and deleted like any other.
func TestSeeded(t *testing.T) {
	o := open(t)
	o.Seed(1000, func(i int) map[string]any { return map[string]any{"login": fmt.Sprintf("p%d@example.com", i)} })
	w := httptest.NewRecorder()
	if code := o.status(w, "P500@example.com"); code != http.StatusOK || !strings.Contains(w.Body.String(), o.UserID(500)) {
		t.Errorf("by login: %d %s", code, w.Body)
	}
	o.UpdateUser(o.UserID(500), map[string]any{"login": "renamed@example.com"})
	o.DeleteUser(o.UserID(501))
	o.want("/api/v1/users"+filter("filter", `lastUpdated gt "2026-02-28T00:00:00.000Z"`), o.UserID(500))
	for path, code := range map[string]int{"p500@example.com": 404, "renamed@example.com": 200, "p501@example.com": 404, o.UserID(501): 404} {
		if w := httptest.NewRecorder(); o.status(w, path) != code {
			t.Errorf("%s: %d, want %d", path, w.Code, code)
		}
	}
}

func (o *org) status(w *httptest.ResponseRecorder, ref string) int {
	req := httptest.NewRequest(http.MethodGet, "/api/v1/users/"+ref, nil)
	req.Header.Set("Authorization", "SSWS t")
	o.ServeHTTP(w, req)
	return w.Code
}
