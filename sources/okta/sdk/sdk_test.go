package sdk_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/okta"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
	"github.com/idpbridge/idpbridge/sources/okta/sdk"
)

func TestMain(m *testing.M) {
	// The SDK starts one for each client and ends it when the client is collected.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/patrickmn/go-cache.(*janitor).Run"))
}

const token = "00emulated-token"

// org is an emulated org and the address where it listens.
type org struct {
	*oktatest.Org
	cfg okta.Config
}

func open(t *testing.T) org {
	t.Helper()
	o := org{Org: oktatest.New(oktatest.Options{Token: token, PageSize: 3})}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	o.cfg = okta.Config{BaseURL: server.URL, Auth: okta.Auth{Type: okta.AuthAPIToken, Token: token}}
	return o
}

func client(t *testing.T, cfg okta.Config) *sdk.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := sdk.New(cfg, &http.Client{Transport: transport}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// requests has every call with every parameter that the source uses.
func requests() []okta.Request {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return []okta.Request{
		{Call: okta.ListUsers, Limit: 200, Filter: `lastUpdated gt "2026-01-01T00:00:00.000Z"`, After: "a+/="},
		{Call: okta.ListUsers, Limit: 1, Search: `profile.city eq "Köln & Co"`},
		{Call: okta.GetUser, ID: "o'neil/x@example.com"},
		{Call: okta.ListGroups, Limit: 200, Filter: `type eq "OKTA_GROUP"`, After: "x"},
		{Call: okta.ListGroups, Limit: 200, Search: `profile.name eq "a \"b\""`},
		{Call: okta.GetGroup, ID: "a name"},
		{Call: okta.ListGroupUsers, ID: "00g1", Limit: 200, After: "x"},
		{Call: okta.ListAppUsers, ID: "0oa1", Limit: 500, After: "x"},
		{Call: okta.GetAppUser, ID: "0oa1", Member: "00u1"},
		{Call: okta.ListAppGroups, ID: "0oa1", Limit: 200, After: "x"},
		{Call: okta.GetAppGroup, ID: "0oa1", Member: "00g1"},
		{Call: okta.ListLogs, Limit: 1000, Filter: `eventType eq "x"`, Since: since},
		{Call: okta.ListLogs, Limit: 1000, Filter: `eventType eq "x"`, After: "y"},
	}
}

// TestRequests holds the SDK's requests to those that Request describes.
func TestRequests(t *testing.T) {
	o := open(t)
	c := client(t, o.cfg)
	for _, r := range requests() {
		o.ForgetRequests()
		resp, err := c.Get(t.Context(), r)
		if err != nil {
			t.Fatalf("%v: %v", r, err)
		}
		_ = resp.Body.Close()
		got := o.Requests()
		if len(got) != 1 {
			t.Fatalf("%v: sent %q, want one request", r, got)
		}
		if diff := cmp.Diff(canonical(t, "GET "+r.URL()), canonical(t, got[0])); diff != "" {
			t.Errorf("%v (-described +sent):\n%s", r, diff)
		}
	}
}

// canonical cuts a request line into path and parameters.
func canonical(t *testing.T, line string) any {
	t.Helper()
	u, err := url.ParseRequestURI(strings.TrimPrefix(line, "GET "))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"path": u.EscapedPath(), "query": u.Query()}
}

// TestRound reads an org through the SDK and compares with what is there.
func TestRound(t *testing.T) {
	o := open(t)
	want := []string{}
	for _, name := range []string{"ada", "bob", "cyd", "dan", "eve", "fay", "gus"} {
		want = append(want, o.AddUser(map[string]any{"login": name + "@example.com", "email": name + "@example.com", "secondEmail": nil, "badge": 7.0, "tags": []any{"a", "b"}}))
	}
	group := o.AddGroup(oktatest.OktaGroup, map[string]any{"name": "Sales"})
	o.AddMembers(group, want[:5]...)
	s := okta.New(o.cfg, client(t, o.cfg), quiet())
	q := sources.Query{UserAttributes: []string{"badge", "nowhere", "secondEmail", "tags"}, Groups: true}
	var got, members []string
	at := sources.Cursor("")
	for done := false; !done; {
		p, err := s.Read(t.Context(), q, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Users {
			got = append(got, string(u.ID))
			// null stays apart from absent, numbers and lists come through
			if diff := cmp.Diff(map[string]any{"badge": 7.0, "secondEmail": nil, "tags": []any{"a", "b"}}, u.Attributes); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
		}
		for _, g := range p.Groups {
			for _, m := range g.Members {
				members = append(members, string(m.User))
			}
		}
		at, done = p.Cursor, p.Done
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:5], members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// TestSurroundings sets everything that the SDK's own configuration would pick up.
func TestSurroundings(t *testing.T) {
	t.Setenv("OKTA_CLIENT_TOKEN", "wrong")
	t.Setenv("OKTA_CLIENT_ORGURL", "http://127.0.0.1:1")
	t.Setenv("OKTA_CLIENT_AUTHORIZATIONMODE", "PrivateKey")
	t.Setenv("OKTA_CLIENT_PROXY_HOST", "127.0.0.1")
	t.Setenv("OKTA_CLIENT_PROXY_PORT", "1")
	t.Setenv("OKTA_CLIENT_CACHE_ENABLED", "true")
	t.Setenv("OKTA_CLIENT_RATE_LIMIT_MAX_RETRIES", "9")
	t.Setenv("OKTA_CLIENT_REQUEST_TIMEOUT", "1")
	o := open(t)
	o.AddUser(map[string]any{"login": "ada@example.com"})
	s := okta.New(o.cfg, client(t, o.cfg), quiet())
	for range 2 {
		if err := s.Check(t.Context(), sources.Query{Groups: true}); err != nil {
			t.Fatalf("Check: %v", err)
		}
	}
	if got := len(o.Requests()); got != 4 {
		t.Errorf("%d requests reached the org, want 4: a cache or proxy was used", got)
	}
}

// TestTroubles meets what the SDK would retry, hide or misread: one request each, and the
// answer as it was.
func TestTroubles(t *testing.T) {
	for _, c := range []struct {
		fault oktatest.FaultKind
		want  sources.Class
	}{
		{oktatest.Unavailable, sources.Transient},
		{oktatest.BadGateway, sources.Transient},
		{oktatest.LoginPage, sources.Incomplete},
		{oktatest.CutBody, sources.Incomplete},
		{oktatest.HalfList, sources.Incomplete},
		{oktatest.Unauthorized, sources.Denied},
		{oktatest.Forbidden, sources.Denied},
		{oktatest.NoAnswer, sources.Unreachable},
	} {
		o := open(t)
		o.AddUser(map[string]any{"login": "ada@example.com"})
		o.Inject(oktatest.Fault{Kind: c.fault})
		s := okta.New(o.cfg, client(t, o.cfg), quiet())
		_, err := s.Read(t.Context(), sources.Query{}, "")
		if got := sources.ClassOf(err); got != c.want {
			t.Errorf("fault %d: class %v, want %v: %v", c.fault, got, c.want, err)
		}
		// net/http itself sends a GET again when a kept connection was closed.
		if n := len(o.Requests()); n > 2 || n > 1 && c.fault != oktatest.NoAnswer {
			t.Errorf("fault %d: %d requests, want 1", c.fault, n)
		}
	}
}

// TestRedirect proves that the credential isn't taken elsewhere.
func TestRedirect(t *testing.T) {
	var elsewhere []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	redirecting := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer redirecting.Close()
	cfg := okta.Config{BaseURL: redirecting.URL, Auth: okta.Auth{Type: okta.AuthAPIToken, Token: token}}
	s := okta.New(cfg, client(t, cfg), quiet())
	err := s.Check(t.Context(), sources.Query{})
	if sources.ClassOf(err) != sources.Rejected {
		t.Errorf("Check: class %v, want rejected: %v", sources.ClassOf(err), err)
	}
	if len(elsewhere) > 0 {
		t.Errorf("another host was asked with %q", elsewhere)
	}
}

// TestContext proves that the caller's context ends a request.
func TestContext(t *testing.T) {
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer slow.Close()
	cfg := okta.Config{BaseURL: slow.URL, Auth: okta.Auth{Type: okta.AuthAPIToken, Token: token}}
	s := okta.New(cfg, client(t, cfg), quiet())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := s.Check(ctx, sources.Query{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("Check ended after %v with %v", time.Since(start), err)
	}
}

// TestUnknownCall proves that nothing is sent for a call that doesn't exist.
func TestUnknownCall(t *testing.T) {
	o := open(t)
	resp, err := client(t, o.cfg).Get(t.Context(), okta.Request{})
	if err == nil {
		_ = resp.Body.Close()
		t.Error("Get of no call gave no error")
	}
	if slices.Clone(o.Requests()) != nil {
		t.Errorf("sent %q", o.Requests())
	}
}
