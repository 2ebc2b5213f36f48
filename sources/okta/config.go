package okta

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/idpbridge/idpbridge/config/secret"
	"github.com/idpbridge/idpbridge/sources"
)

// The ways to authenticate.
const (
	// AuthAPIToken is an SSWS token of an administrator.
	AuthAPIToken = "api_token"
	// AuthPrivateKey is an API service app with private_key_jwt.
	AuthPrivateKey = "private_key"
)

// What the status SUSPENDED means.
const (
	// SuspendedDisabled disables a suspended user's accounts; the default.
	SuspendedDisabled = "disabled"
	// SuspendedActive leaves them as they are, as Okta's own provisioning does.
	SuspendedActive = "active"
)

// Config is an Okta source as configured.
type Config struct {
	// BaseURL is the org's address, e.g. https://acme.okta.com.
	BaseURL string `yaml:"base_url"`
	Auth    Auth   `yaml:"auth"`
	// Suspended says what a SUSPENDED user is: "disabled" (default) or "active".
	Suspended string `yaml:"suspended"`
}

// Auth is how the source authenticates.
type Auth struct {
	Type           string        `yaml:"type"`             // api_token | private_key
	Token          secret.String `yaml:"token"`            // api_token
	ClientID       string        `yaml:"client_id"`        // private_key
	KeyID          string        `yaml:"key_id"`           // private_key: the key's kid in Okta
	PrivateKeyFile string        `yaml:"private_key_file"` // private_key: PEM, RSA or EC P-256
}

// Validate returns everything that is wrong with the configuration. It opens no file and
// no connection.
func (c Config) Validate() []sources.Problem {
	var p problems
	p.base(c.BaseURL)
	p.auth(c.Auth)
	switch c.Suspended {
	case "", SuspendedDisabled, SuspendedActive:
	default:
		p.add("suspended", "must be disabled or active")
	}
	return p
}

// Base returns the org's address without a trailing slash.
func (c Config) Base() string { return strings.TrimRight(c.BaseURL, "/") }

type problems []sources.Problem

func (p *problems) add(key, message string) {
	*p = append(*p, sources.Problem{Key: key, Message: message})
}

// auth checks that the settings of the chosen type are there, and no others.
func (p *problems) auth(a Auth) {
	switch a.Type {
	case AuthAPIToken, AuthPrivateKey:
	case "":
		p.add("auth.type", "is required: api_token or private_key")
		return
	default:
		p.add("auth.type", "must be api_token or private_key")
		return
	}
	for _, f := range []struct {
		key    string
		set    bool
		needed string
	}{
		{"auth.token", a.Token != "", AuthAPIToken},
		{"auth.client_id", a.ClientID != "", AuthPrivateKey},
		{"auth.key_id", a.KeyID != "", AuthPrivateKey},
		{"auth.private_key_file", a.PrivateKeyFile != "", AuthPrivateKey},
	} {
		switch needed := f.needed == a.Type; {
		case needed && !f.set:
			p.add(f.key, "is required with type "+a.Type)
		case !needed && f.set:
			p.add(f.key, "is not used with type "+a.Type)
		}
	}
}

// base checks the org's address. The commonest mistake is the admin console's address.
func (p *problems) base(s string) {
	if s == "" {
		p.add("base_url", "is required: the org's address, such as https://acme.okta.com")
		return
	}
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil || u.Host == "" {
		p.add("base_url", "is not a URL: write the org's address, such as https://acme.okta.com")
		return
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		p.add("base_url", "must begin with https:// (http:// is for loopback addresses only)")
	}
	if u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		p.add("base_url", "must be the org's address alone, without path, query or user")
	}
	if org, domain, ok := strings.Cut(u.Hostname(), "."); ok && strings.HasSuffix(org, "-admin") {
		p.add("base_url", "is the admin console's address: use https://"+strings.TrimSuffix(org, "-admin")+"."+domain)
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}
