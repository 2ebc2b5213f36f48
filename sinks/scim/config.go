package scim

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/config/secret"
	"github.com/idpbridge/idpbridge/sinks"
)

// Config is a SCIM sink as configured. BaseURL and Auth are needed; the rest has useful
// zero values.
type Config struct {
	// BaseURL is what /Users is appended to. It may carry a query, which every request
	// then has (`https://app.example/scim?aadOptscim062020`).
	BaseURL string `yaml:"base_url"`
	Auth    Auth   `yaml:"auth"`
	// Profile names the dialect; empty: rfc7644.
	Profile  string   `yaml:"profile"`
	Override Override `yaml:"override"`
	// Concurrency is the most requests under way; 0: 8.
	Concurrency int `yaml:"concurrency"`
	// RateLimit is a rate such as 25/s, 180/m or 5000/h; empty: none. The caller's
	// transport keeps it, as it does Timeout (0: 60 s).
	RateLimit string        `yaml:"rate_limit"`
	Timeout   time.Duration `yaml:"timeout"`
	TLS       TLS           `yaml:"tls"`
}

// Auth is how requests prove who they are from. Type decides which fields count.
type Auth struct {
	Type string `yaml:"type"` // bearer | basic | header | oauth2
	// Token of type bearer.
	Token secret.String `yaml:"token"`
	// Username and Password of type basic.
	Username string        `yaml:"username"`
	Password secret.String `yaml:"password"`
	// Name and Value of type header.
	Name  string        `yaml:"name"`
	Value secret.String `yaml:"value"`
	// The client credentials of type oauth2 (RFC 6749 section 4.4).
	TokenURL     string        `yaml:"token_url"`
	ClientID     string        `yaml:"client_id"`
	ClientSecret secret.String `yaml:"client_secret"`
	Scopes       []string      `yaml:"scopes"`
}

// TLS holds what is special about the application's certificate. Verification can't be
// switched off.
type TLS struct {
	// CAFile is a PEM file of authorities that are trusted as well as the system's.
	CAFile string `yaml:"ca_file"`
}

// Validate reports every mistake that can be seen without asking the application.
func (c Config) Validate() []sinks.Problem {
	out := append(urlProblems("base_url", c.BaseURL), c.Auth.problems()...)
	p, known := Profiles()[c.profileName()]
	if !known {
		names := slices.Sorted(maps.Keys(Profiles()))
		out = append(out, sinks.Problem{Key: "profile", Message: fmt.Sprintf("unknown profile %q; known are %s", c.Profile, strings.Join(names, ", "))})
	} else {
		out = append(out, c.Override.apply(p).problems()...)
	}
	if c.Override.Budgets != nil {
		out = append(out, budgetProblems(*c.Override.Budgets)...)
	}
	if c.Concurrency < 0 {
		out = append(out, sinks.Problem{Key: "concurrency", Message: "must not be negative"})
	}
	if c.Timeout < 0 {
		out = append(out, sinks.Problem{Key: "timeout", Message: "must not be negative"})
	}
	if _, err := c.PerSecond(); err != nil {
		out = append(out, sinks.Problem{Key: "rate_limit", Message: err.Error()})
	}
	if _, err := TLSConfig(c); err != nil {
		out = append(out, sinks.Problem{Key: "tls.ca_file", Message: err.Error()})
	}
	return out
}

func budgetProblems(specs []BudgetSpec) []sinks.Problem {
	var out []sinks.Problem
	for i, s := range specs {
		key := fmt.Sprintf("override.budgets[%d]", i)
		if _, _, err := parseRate(s.Rate); err != nil {
			out = append(out, sinks.Problem{Key: key + ".rate", Message: err.Error()})
		}
		if !slices.Contains([]string{"", "user", "group"}, s.Resource) {
			out = append(out, sinks.Problem{Key: key + ".resource", Message: fmt.Sprintf("%q is not user or group", s.Resource)})
		}
	}
	return out
}

// urlProblems checks an address: https, or http on this machine alone, since tokens and
// people's data go there.
func urlProblems(key, s string) []sinks.Problem {
	problem := func(message string) []sinks.Problem { return []sinks.Problem{{Key: key, Message: message}} }
	if s == "" {
		return problem("is missing")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return problem("is not a URL: " + cause(err).Error())
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return problem("must start with https:// and name a host")
	case u.User != nil:
		return problem("must not hold a user name or password; use auth")
	case u.Fragment != "":
		return problem("must not have a #fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return problem("must be https: http is for this machine alone")
	default:
		return nil
	}
}

// cause takes the address out of a URL error: it may hold a secret put there by mistake.
func cause(err error) error {
	if e, ok := err.(*url.Error); ok { //nolint:errorlint // url.Parse returns it bare
		return e.Err
	}
	return err
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (a Auth) problems() []sinks.Problem {
	var out []sinks.Problem
	need := func(key, value string) {
		if value == "" {
			out = append(out, sinks.Problem{Key: "auth." + key, Message: "is missing"})
		}
		if strings.ContainsAny(value, "\r\n") {
			out = append(out, sinks.Problem{Key: "auth." + key, Message: "has a line break"})
		}
	}
	switch a.Type {
	case "bearer":
		need("token", a.Token.Reveal())
	case "basic":
		need("username", a.Username)
		need("password", a.Password.Reveal())
	case "header":
		need("name", a.Name)
		need("value", a.Value.Reveal())
		if strings.ContainsAny(a.Name, " :\t") {
			out = append(out, sinks.Problem{Key: "auth.name", Message: "is not a header name"})
		}
	case "oauth2":
		out = append(out, urlProblems("auth.token_url", a.TokenURL)...)
		need("client_id", a.ClientID)
		need("client_secret", a.ClientSecret.Reveal())
	case "":
		need("type", "")
	default:
		out = append(out, sinks.Problem{Key: "auth.type", Message: fmt.Sprintf("%q is not one of bearer, basic, header, oauth2", a.Type)})
	}
	return out
}

// PerSecond is the configured rate limit in requests per second; 0: none.
func (c Config) PerSecond() (float64, error) {
	if c.RateLimit == "" {
		return 0, nil
	}
	n, per, err := parseRate(c.RateLimit)
	if err != nil {
		return 0, err
	}
	return float64(n) / per.Seconds(), nil
}

// parseRate reads `25/s`, `180/m`, `1000/h` or `5/30s`.
func parseRate(s string) (n int, per time.Duration, err error) {
	count, unit, _ := strings.Cut(s, "/")
	n, err = strconv.Atoi(strings.TrimSpace(count))
	unit = strings.TrimSpace(unit)
	if unit == "s" || unit == "m" || unit == "h" {
		unit = "1" + unit
	}
	per, unitErr := time.ParseDuration(unit)
	if err != nil || unitErr != nil || n < 1 || per <= 0 {
		return 0, 0, fmt.Errorf("%q is not a rate such as 25/s, 180/m or 5/30s", s)
	}
	return n, per, nil
}

// TLSConfig is the client's TLS configuration: at least TLS 1.2, the system's
// authorities and those of tls.ca_file.
func TLSConfig(c Config) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLS.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.TLS.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authorities: %s holds no PEM certificate", c.TLS.CAFile)
	}
	t.RootCAs = pool
	return t, nil
}

func (c Config) profileName() string {
	if c.Profile == "" {
		return "rfc7644"
	}
	return c.Profile
}

// Effective is the profile in force: the named one under the override.
func (c Config) Effective() Profile {
	return c.Override.apply(Profiles()[c.profileName()])
}
