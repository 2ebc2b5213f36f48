package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/config/secret"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
)

// TestCheck: a missing right is named, and the check reads nobody.
func TestCheck(t *testing.T) {
	q := query()
	q.App = app
	for route, permission := range map[string]string{
		"/users/delta": "User.Read.All", "/groups/delta": "GroupMember.Read.All",
		"/servicePrincipals/{id}/appRoleAssignedTo": "Application.Read.All",
	} {
		tenant, s := company(t)
		if err := s.Check(t.Context(), q); err != nil {
			t.Fatalf("healthy: %v", err)
		}
		if n := tenant.Counts()["GET "+route]; n != 1 {
			t.Errorf("%s: %d requests", route, n)
		}
		tenant.Inject(graphtest.Fault{Kind: graphtest.Forbidden, Route: route})
		err := s.Check(t.Context(), q)
		if sources.ClassOf(err) != sources.Denied || !strings.Contains(sources.HintOf(err), permission) {
			t.Errorf("%s: class %v, hint %q: %v", route, sources.ClassOf(err), sources.HintOf(err), err)
		}
	}
}

// TestCheckAttribute: an attribute that delta queries can't track is found before a round.
func TestCheckAttribute(t *testing.T) {
	_, s := company(t)
	q := query()
	q.UserAttributes = append(q.UserAttributes, "birthday")
	err := s.Check(t.Context(), q)
	if sources.ClassOf(err) != sources.Rejected || !strings.Contains(err.Error(), "birthday") {
		t.Errorf("class %v: %v", sources.ClassOf(err), err)
	}
}

// TestCheckApp: a client id in place of the service principal's is explained.
func TestCheckApp(t *testing.T) {
	_, s := company(t)
	q := query()
	q.App = "no-such-app"
	err := s.Check(t.Context(), q)
	if sources.ClassOf(err) != sources.Missing || !strings.Contains(sources.HintOf(err), "service principal") {
		t.Errorf("class %v, hint %q: %v", sources.ClassOf(err), sources.HintOf(err), err)
	}
}

// TestDefaultMapping: the default mapping reads only what Graph can track, and gives every
// target once.
func TestDefaultMapping(t *testing.T) {
	q := sources.Query{Groups: true}
	seen := map[string]bool{}
	for _, row := range graph.DefaultUserMapping() {
		if seen[row.To] {
			t.Errorf("%s is given twice", row.To)
		}
		seen[row.To] = true
		for word := range strings.FieldsFuncSeq(row.From, func(r rune) bool { return strings.ContainsRune(" ,[]()\"", r) }) {
			if name, ok := strings.CutPrefix(word, "user."); ok {
				q.UserAttributes = append(q.UserAttributes, name)
			}
		}
	}
	for _, row := range graph.DefaultGroupMapping() {
		q.GroupAttributes = append(q.GroupAttributes, strings.TrimPrefix(row.From, "group."))
	}
	slices.Sort(q.UserAttributes)
	q.UserAttributes = slices.Compact(q.UserAttributes)
	if n := len(q.UserAttributes); n != 20 || len(seen) != 21 {
		t.Errorf("%d attributes for %d targets, want 20 for 21: %v", n, len(seen), q.UserAttributes)
	}
	_, s := company(t)
	if err := s.Check(t.Context(), q); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	good := graph.Config{
		TenantID: "contoso.onmicrosoft.com", Cloud: "usgov", BaseURL: "http://127.0.0.1:8080/v1.0",
		Auth: graph.Auth{Type: graph.AuthClientSecret, ClientID: "app", ClientSecret: "s3cret"},
	}
	for _, c := range []struct {
		name   string
		change func(*graph.Config)
		want   []string
	}{
		{"good", func(*graph.Config) {}, nil},
		{"nothing", func(c *graph.Config) { *c = graph.Config{} }, []string{"auth.type"}},
		{"unknown type", func(c *graph.Config) { c.Auth.Type = "password" }, []string{"auth.type"}},
		{"no tenant", func(c *graph.Config) { c.TenantID = "" }, []string{"tenant_id"}},
		{"tenant with blank", func(c *graph.Config) { c.TenantID = "my tenant" }, []string{"tenant_id"}},
		{"no client", func(c *graph.Config) { c.Auth.ClientID, c.Auth.ClientSecret = "", "" }, []string{"auth.client_id", "auth.client_secret"}},
		{"secret with certificate", func(c *graph.Config) { c.Auth.Type = graph.AuthCertificate }, []string{"auth.client_secret", "auth.certificate_file"}},
		{"token", func(c *graph.Config) { c.Auth = graph.Auth{Type: graph.AuthToken, Token: "t"}; c.TenantID = "" }, nil},
		{"token with client", func(c *graph.Config) { c.Auth = graph.Auth{Type: graph.AuthToken, ClientID: "x"} }, []string{"auth.client_id", "auth.token"}},
		{"managed identity", func(c *graph.Config) { c.Auth = graph.Auth{Type: graph.AuthManagedIdentity} }, nil},
		{"workload identity", func(c *graph.Config) { c.Auth = graph.Auth{Type: graph.AuthWorkloadIdentity, ClientID: "x"} }, nil},
		{"cloud", func(c *graph.Config) { c.Cloud = "mars" }, []string{"cloud"}},
		{"plain http", func(c *graph.Config) { c.BaseURL = "http://graph.microsoft.com/v1.0" }, []string{"base_url"}},
		{"localhost", func(c *graph.Config) { c.BaseURL = "http://localhost:1/v1.0" }, nil},
		{"no host", func(c *graph.Config) { c.BaseURL = "graph.microsoft.com" }, []string{"base_url"}},
		{"query", func(c *graph.Config) { c.BaseURL = "https://graph.microsoft.com/v1.0?x=1" }, []string{"base_url"}},
		{"password", func(c *graph.Config) { c.BaseURL = "https://u:p@graph.microsoft.com" }, []string{"base_url"}},
		{"scheme", func(c *graph.Config) { c.BaseURL = "ftp://graph.microsoft.com" }, []string{"base_url"}},
	} {
		cfg := good
		c.change(&cfg)
		var got []string
		for _, p := range cfg.Validate() {
			got = append(got, p.Key)
			if strings.Contains(p.Message, "s3cret") {
				t.Errorf("%s: the message shows the secret", c.name)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestClouds(t *testing.T) {
	for name, want := range map[string][3]string{
		"":      {"https://graph.microsoft.com/v1.0", "https://graph.microsoft.com/.default", "https://login.microsoftonline.com"},
		"dod":   {"https://dod-graph.microsoft.us/v1.0", "https://dod-graph.microsoft.us/.default", "https://login.microsoftonline.us"},
		"china": {"https://microsoftgraph.chinacloudapi.cn/v1.0", "https://microsoftgraph.chinacloudapi.cn/.default", "https://login.chinacloudapi.cn"},
	} {
		cfg := graph.Config{Cloud: name}
		if got := [3]string{cfg.Base(), cfg.Scope(), cfg.AuthorityURL()}; got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	cfg := graph.Config{Cloud: "usgov", BaseURL: "http://127.0.0.1/v1.0/", Auth: graph.Auth{Token: secret.String("x")}}
	if cfg.Base() != "http://127.0.0.1/v1.0" || cfg.Scope() != "https://graph.microsoft.us/.default" {
		t.Errorf("%s, %s", cfg.Base(), cfg.Scope())
	}
}
