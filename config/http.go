package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is where the bridge keeps what it must remember.
type State struct {
	// Path is the absolute or working-directory-relative path of the SQLite file.
	Path string
}

// UnmarshalText reads `sqlite:PATH`.
func (s *State) UnmarshalText(text []byte) error {
	path, ok := strings.CutPrefix(string(text), "sqlite:")
	if !ok || path == "" {
		return fmt.Errorf("not of the form sqlite:PATH")
	}
	s.Path = path
	return nil
}

// MarshalText writes `sqlite:PATH`.
func (s State) MarshalText() ([]byte, error) { return []byte("sqlite:" + s.Path), nil }

// HTTP is the server for the API, the console and the metrics.
type HTTP struct {
	// Listen is HOST:PORT. Port 0 takes a free one.
	Listen string `yaml:"listen"`
	// Plaintext permits HTTP beyond loopback, for TLS that ends at a proxy.
	Plaintext bool `yaml:"plaintext"`
	// Tokens are who may use the API.
	Tokens []Token `yaml:"tokens"`
	TLS    TLS     `yaml:"tls"`
}

// SetDefaults fills in what a file may leave out.
func (h *HTTP) SetDefaults() { h.Listen = "127.0.0.1:8480" }

// TLS names the server's certificate chain and key, both PEM.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Enabled says whether the server speaks TLS.
func (t TLS) Enabled() bool { return t.CertFile != "" && t.KeyFile != "" }

// Token is an API token, of which only the hash is known here.
type Token struct {
	// Name stands in the audit record.
	Name string `yaml:"name"`
	Role Role   `yaml:"role"`
	// SHA256 is the hash of the token's characters.
	SHA256 Hash `yaml:"sha256"`
	// Expires is when the token ends; the zero time: never.
	Expires Expiry `yaml:"expires"`
}

// Role says what the holder of a token may do.
type Role int

// The roles, each with the rights of those after it.
const (
	// Admin may also restart jobs, unlink objects and approve deletions.
	Admin Role = iota + 1
	// Operator may also run, pause and release jobs.
	Operator
	// Viewer may look.
	Viewer
)

// Words returns the words of the configuration, in the order of the constants.
func (Role) Words() []string { return []string{"admin", "operator", "viewer"} }

// String returns the role's word.
func (r Role) String() string { return wordOf(r.Words(), int(r)) }

// MarshalText writes the role as its word.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the role's word.
func (r *Role) UnmarshalText(text []byte) error {
	n, err := indexOf(r.Words(), string(text))
	*r = Role(n)
	return err
}

// Hash is a SHA-256.
type Hash [32]byte

// UnmarshalText reads 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if n, err := hex.Decode(make([]byte, len(text)), text); err != nil || n != len(h) {
		return fmt.Errorf("not the 64 hexadecimal digits of a SHA-256")
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// MarshalText writes 64 hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

// Expiry is a date or a time. A date means its end in UTC: a token that expires on a day
// works on that day.
type Expiry struct{ time.Time }

// UnmarshalText reads 2027-11-21 or 2027-11-21T10:00:00Z.
func (e *Expiry) UnmarshalText(text []byte) error {
	if t, err := time.Parse(time.DateOnly, string(text)); err == nil {
		e.Time = t.Add(day)
		return nil
	}
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return fmt.Errorf("not a date such as 2027-11-21 or a time such as 2027-11-21T10:00:00Z")
	}
	e.Time = t
	return nil
}

// IsLoopback says whether a host (an address, or the name localhost) can only be reached
// from this machine.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

func (h *HTTP) validate(doc *document) {
	host, port, err := net.SplitHostPort(h.Listen)
	if _, notPort := strconv.ParseUint(port, 10, 16); err != nil || notPort != nil {
		doc.rule("http.listen", complain("not of the form HOST:PORT").withHint("for example 127.0.0.1:8480, or 0.0.0.0:8480 for all interfaces"))
		return
	}
	h.validateTLS(doc)
	h.validateTokens(doc)
	if IsLoopback(host) {
		return
	}
	if len(h.Tokens) == 0 {
		doc.rule("http.listen", complain("an address beyond loopback needs http.tokens").
			withHint("`idpbridge token` makes one, or listen on 127.0.0.1"))
	}
	if !h.TLS.Enabled() && !h.Plaintext {
		doc.rule("http.listen", complain("an address beyond loopback needs http.tls").
			withHint("or `plaintext: true` when TLS ends at a proxy in front of it"))
	}
}

func (h *HTTP) validateTLS(doc *document) {
	if (h.TLS.CertFile == "") != (h.TLS.KeyFile == "") {
		doc.rule("http.tls", complain("needs both cert_file and key_file"))
	}
	if h.Plaintext && h.TLS.Enabled() {
		doc.rule("http.plaintext", complain("contradicts http.tls").withHint("keep one of the two"))
	}
}

func (h *HTTP) validateTokens(doc *document) {
	var names []string
	for i, t := range h.Tokens {
		key := fmt.Sprintf("http.tokens[%d]", i)
		if !doc.required(key+".name", t.Name != "") {
			continue
		}
		if slices.Contains(names, t.Name) {
			doc.rule(key+".name", complain("a second token of the name %q", t.Name))
		}
		names = append(names, t.Name)
		doc.required(key+".role", t.Role != 0)
		doc.required(key+".sha256", t.SHA256 != Hash{})
	}
}
