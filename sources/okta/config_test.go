package okta_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sources/okta"
)

func TestValidate(t *testing.T) {
	good := okta.Config{BaseURL: "https://acme.okta.com/", Auth: okta.Auth{Type: okta.AuthAPIToken, Token: "t"}}
	key := okta.Auth{Type: okta.AuthPrivateKey, ClientID: "0oa", KeyID: "k", PrivateKeyFile: "key.pem"}
	for _, c := range []struct {
		name   string
		change func(*okta.Config)
		want   []string
	}{
		{"good", func(*okta.Config) {}, nil},
		{"private key", func(c *okta.Config) { c.Auth = key }, nil},
		{"loopback", func(c *okta.Config) { c.BaseURL = "http://127.0.0.1:8080" }, nil},
		{"loopback by name", func(c *okta.Config) { c.BaseURL = "http://localhost:8080" }, nil},
		{"suspended active", func(c *okta.Config) { c.Suspended = "active" }, nil},
		{"nothing", func(c *okta.Config) { *c = okta.Config{} }, []string{"base_url", "auth.type"}},
		{"no URL", func(c *okta.Config) { c.BaseURL = "acme.okta.com" }, []string{"base_url"}},
		{"plain http", func(c *okta.Config) { c.BaseURL = "http://acme.okta.com" }, []string{"base_url"}},
		{"loopback lookalike", func(c *okta.Config) { c.BaseURL = "http://localhost.example.com" }, []string{"base_url"}},
		{"path", func(c *okta.Config) { c.BaseURL = "https://acme.okta.com/api/v1" }, []string{"base_url"}},
		{"password", func(c *okta.Config) { c.BaseURL = "https://me:secret@acme.okta.com" }, []string{"base_url"}},
		{"admin console", func(c *okta.Config) { c.BaseURL = "https://acme-admin.okta.com" }, []string{"base_url"}},
		{"unknown auth", func(c *okta.Config) { c.Auth.Type = "password" }, []string{"auth.type"}},
		{"no token", func(c *okta.Config) { c.Auth.Token = "" }, []string{"auth.token"}},
		{"token with a key", func(c *okta.Config) { c.Auth = key; c.Auth.Token = "t" }, []string{"auth.token"}},
		{"empty key", func(c *okta.Config) { c.Auth = okta.Auth{Type: okta.AuthPrivateKey} }, []string{"auth.client_id", "auth.key_id", "auth.private_key_file"}},
		{"suspended", func(c *okta.Config) { c.Suspended = "maybe" }, []string{"suspended"}},
	} {
		cfg := good
		c.change(&cfg)
		var got []string
		for _, p := range cfg.Validate() {
			got = append(got, p.Key)
			if strings.Contains(p.Message, "secret") || p.Message == "" {
				t.Errorf("%s: message %q", c.name, p.Message)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	if p := (okta.Config{BaseURL: "https://acme-admin.okta.com", Auth: good.Auth}).Validate(); !strings.Contains(p[0].Message, "https://acme.okta.com") {
		t.Errorf("the admin console's address: %q doesn't say the right one", p[0].Message)
	}
}

func TestSecretHidden(t *testing.T) {
	cfg := okta.Config{Auth: okta.Auth{Token: "00very-secret"}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, cfg); strings.Contains(s, "very-secret") {
			t.Errorf("%s shows the token: %s", format, s)
		}
	}
}

// TestDefaultMapping checks the rows by what they must not lack: one match, no row
// twice, and nothing for `active`, which the bridge owns.
func TestDefaultMapping(t *testing.T) {
	users := okta.DefaultUserMapping()
	targets, matches := map[string]string{}, 0
	for _, r := range users {
		if targets[r.To] != "" {
			t.Errorf("%s is there twice", r.To)
		}
		targets[r.To] = r.From
		matches += r.Match
	}
	for to, from := range map[string]string{
		"userName": "user.login", "externalId": "user.id", "name.givenName": "user.firstName", "title": "user.title",
		`emails[type eq "work"].value`: "user.email", `phoneNumbers[type eq "mobile"].value`: "user.mobilePhone",
		`addresses[type eq "work"].country`: "user.countryCode", "timezone": "user.timezone",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value": "user.managerId",
	} {
		if targets[to] != from {
			t.Errorf("%s comes from %q, want %q", to, targets[to], from)
		}
	}
	if len(users) != 34 || matches != 1 || targets["active"] != "" {
		t.Errorf("%d rows, %d matches, active from %q", len(users), matches, targets["active"])
	}
	if g := okta.DefaultGroupMapping(); g[0].To != "displayName" || g[0].From != "group.name" || g[0].Match != 1 {
		t.Errorf("group mapping: %+v", g)
	}
}
