package graph

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/config/secret"
	"github.com/idpbridge/idpbridge/sources"
)

// Config is a Graph source as configured.
type Config struct {
	// TenantID is the directory's id or one of its domain names.
	TenantID string `yaml:"tenant_id"`
	Auth     Auth   `yaml:"auth"`
	// Cloud is global (default), usgov, dod or china.
	Cloud string `yaml:"cloud"`
	// BaseURL is the root of the API with its version; by default the cloud's. Plain
	// http is accepted for loopback only.
	BaseURL string `yaml:"base_url"`
	// Authority is where tokens are asked for; by default the cloud's. It is no
	// setting: tests point it at an emulated one, which must speak TLS.
	Authority string `yaml:"-"`
}

// Auth says how the bridge proves to Microsoft who it is.
type Auth struct {
	// Type is client_secret, certificate, managed_identity, workload_identity or token.
	Type string `yaml:"type"`
	// ClientID is the application's id; with managed_identity that of a user-assigned
	// identity, with workload_identity it may come from the environment instead.
	ClientID     string        `yaml:"client_id"`
	ClientSecret secret.String `yaml:"client_secret"`
	// CertificateFile holds a certificate and its private key (PEM, or PKCS #12
	// without a password).
	CertificateFile string `yaml:"certificate_file"`
	// Token is a static bearer token, for emulators and proxies.
	Token secret.String `yaml:"token"`
}

// The kinds of Auth.
const (
	AuthClientSecret     = "client_secret"
	AuthCertificate      = "certificate"
	AuthManagedIdentity  = "managed_identity"
	AuthWorkloadIdentity = "workload_identity"
	AuthToken            = "token"
)

// Cloud is one of Microsoft's national clouds. Tokens of one are worthless in another.
// Rule: "National cloud deployments" of Microsoft Graph.
type Cloud struct {
	Name      string
	Authority string // where tokens come from
	Graph     string // scheme and host of the API
}

// clouds returns the table of clouds, the default first.
func clouds() []Cloud {
	return []Cloud{
		{"global", "https://login.microsoftonline.com", "https://graph.microsoft.com"},
		{"usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us"},
		{"dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
		{"china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"},
	}
}

// CloudOf returns the configured cloud; the global one when none or an unknown one is
// named (Validate reports the latter).
func (c Config) CloudOf() Cloud {
	all := clouds()
	if i := slices.IndexFunc(all, func(x Cloud) bool { return x.Name == c.Cloud }); i >= 0 {
		return all[i]
	}
	return all[0]
}

// Base returns the API's root without a trailing slash.
func (c Config) Base() string {
	if c.BaseURL != "" {
		return strings.TrimRight(c.BaseURL, "/")
	}
	return c.CloudOf().Graph + "/v1.0"
}

// Scope returns what a token is asked for: everything the application was granted.
func (c Config) Scope() string { return c.CloudOf().Graph + "/.default" }

// AuthorityURL returns where tokens are asked for.
func (c Config) AuthorityURL() string {
	if c.Authority != "" {
		return c.Authority
	}
	return c.CloudOf().Authority
}

// Validate returns everything that is wrong with the settings, without touching network
// or files.
func (c Config) Validate() []sources.Problem {
	problems := c.Auth.validate()
	add := func(key, message string) {
		problems = append(problems, sources.Problem{Key: key, Message: message})
	}
	needsTenant := c.Auth.Type == AuthClientSecret || c.Auth.Type == AuthCertificate
	switch {
	case c.TenantID == "" && needsTenant:
		add("tenant_id", "is required: the directory (tenant) id from the application's overview page")
	case strings.Trim(strings.ToLower(c.TenantID), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "":
		add("tenant_id", "is neither an id nor a domain name")
	}
	if !slices.ContainsFunc(clouds(), func(x Cloud) bool { return x.Name == c.Cloud || c.Cloud == "" }) {
		add("cloud", "is none of global, usgov, dod, china")
	}
	if message := checkURL(c.BaseURL); message != "" {
		add("base_url", message)
	}
	return problems
}

// authField is one setting of Auth, and which types need or allow it.
type authField struct {
	key             string
	set             bool
	needed, allowed []string
}

func (a Auth) validate() []sources.Problem {
	types := []string{AuthClientSecret, AuthCertificate, AuthManagedIdentity, AuthWorkloadIdentity, AuthToken}
	if !slices.Contains(types, a.Type) {
		message := "is none of "
		if a.Type == "" {
			message = "is required: one of "
		}
		return []sources.Problem{{Key: "auth.type", Message: message + strings.Join(types, ", ")}}
	}
	var problems []sources.Problem
	for _, f := range []authField{
		{
			"auth.client_id", a.ClientID != "",
			[]string{AuthClientSecret, AuthCertificate},
			[]string{AuthManagedIdentity, AuthWorkloadIdentity},
		},
		{"auth.client_secret", a.ClientSecret != "", []string{AuthClientSecret}, nil},
		{"auth.certificate_file", a.CertificateFile != "", []string{AuthCertificate}, nil},
		{"auth.token", a.Token != "", []string{AuthToken}, nil},
	} {
		needed := slices.Contains(f.needed, a.Type)
		switch {
		case needed && !f.set:
			problems = append(problems, sources.Problem{Key: f.key, Message: "is required with type " + a.Type})
		case f.set && !needed && !slices.Contains(f.allowed, a.Type):
			problems = append(problems, sources.Problem{Key: f.key, Message: "is not used with type " + a.Type})
		}
	}
	return problems
}

// checkURL returns what is wrong with a base URL, or "".
func checkURL(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return "is not a URL such as https://graph.microsoft.com/v1.0"
	case u.User != nil:
		return "must not hold a user name or password"
	case u.RawQuery != "" || u.Fragment != "":
		return "must end with the path"
	case u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()):
		return ""
	case u.Scheme == "http":
		return "must be https: tokens would travel in the clear (http is for loopback only)"
	default:
		return "must be https"
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
