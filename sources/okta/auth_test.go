package okta_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/okta"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
)

// service opens an org in this machine's time, since tokens bear it, with a service app.
func service(t *testing.T, scopes []string) *bench {
	t.Helper()
	b := open(t, 0)
	b.clock.Add(time.Since(b.clock.Now()))
	b.org.AddUser(person("ada"))
	path, public := keyFile(t)
	b.org.AddServiceApp(oktatest.ServiceApp{ClientID: "0oaclient", KeyID: "k1", Key: public, Scopes: scopes})
	b.cfg.Auth = okta.Auth{Type: okta.AuthPrivateKey, ClientID: "0oaclient", KeyID: "k1", PrivateKeyFile: path}
	b.Source = b.source(b.cfg)
	return b
}

func (b *bench) tokenRequests() int {
	n := 0
	for _, r := range b.org.Requests() {
		if strings.Contains(r, "/oauth2/v1/token") {
			n++
		}
		if strings.Contains(r, "client_assertion") {
			b.Error("the client assertion is in the URL, where proxies log it")
		}
	}
	return n
}

// TestOneToken proves that 16 parallel first requests ask for one token, and later ones
// for none until it is revoked.
func TestOneToken(t *testing.T) {
	b := service(t, allScopes())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if err := b.Check(t.Context(), groupsToo()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := b.tokenRequests(); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
	b.org.RevokeTokens()
	if err := b.Check(t.Context(), groupsToo()); err != nil {
		t.Errorf("after the token was revoked: %v", err)
	}
	if n := b.tokenRequests(); n != 2 {
		t.Errorf("%d token requests, want 2", n)
	}
}

// TestRSA authenticates with an RSA key in PKCS #1 form.
func TestRSA(t *testing.T) {
	b := service(t, allScopes())
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	b.useKey(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), key.Public())
	if err := b.Check(t.Context(), groupsToo()); err != nil {
		t.Error(err)
	}
}

func (b *bench) useKey(text []byte, public crypto.PublicKey) {
	b.Helper()
	b.cfg.Auth.PrivateKeyFile = filepath.Join(b.TempDir(), "key.pem")
	if err := os.WriteFile(b.cfg.Auth.PrivateKeyFile, text, 0o600); err != nil {
		b.Fatal(err)
	}
	b.org.AddServiceApp(oktatest.ServiceApp{ClientID: "0oaclient", KeyID: "k1", Key: public, Scopes: allScopes()})
	b.Source = b.source(b.cfg)
}

// TestTokenRefused keeps the reason of a refusal.
func TestTokenRefused(t *testing.T) {
	b := service(t, allScopes())
	b.cfg.Auth.KeyID = "other"
	b.Source = b.source(b.cfg)
	err := b.Check(t.Context(), groupsToo())
	if sources.ClassOf(err) != sources.Denied || !strings.Contains(err.Error(), "invalid_client") || !strings.Contains(sources.HintOf(err), "key_id") {
		t.Errorf("unknown key: class %v, hint %q: %v", sources.ClassOf(err), sources.HintOf(err), err)
	}

	b = service(t, nil)
	err = b.Check(t.Context(), groupsToo())
	if sources.ClassOf(err) != sources.Denied || !strings.Contains(err.Error(), "consent_required") || !strings.Contains(sources.HintOf(err), "okta.users.read") {
		t.Errorf("no scopes: class %v, hint %q: %v", sources.ClassOf(err), sources.HintOf(err), err)
	}

	b = service(t, allScopes())
	b.org.Inject(oktatest.Fault{Kind: oktatest.Unavailable, Endpoint: "/oauth2/v1/token"})
	if err := b.Check(t.Context(), groupsToo()); sources.ClassOf(err) != sources.Transient {
		t.Errorf("503 of the token endpoint: %v", err)
	}
}

// TestScopeMissing is a service app that may not read the log, and one that may not read
// groups.
func TestScopeMissing(t *testing.T) {
	without := func(scope string) []string {
		return slices.DeleteFunc(allScopes(), func(s string) bool { return s == scope })
	}
	b := service(t, without("okta.logs.read"))
	b.round(groupsToo(), "")
	if w, err := b.Warnings(t.Context(), groupsToo()); len(w) != 1 || err != nil {
		t.Errorf("Warnings = %q, %v", w, err)
	}
	b = service(t, without("okta.groups.read"))
	err := b.Check(t.Context(), groupsToo())
	if sources.ClassOf(err) != sources.Denied || !strings.Contains(sources.HintOf(err), "okta.groups.read") {
		t.Errorf("class %v, hint %q: %v", sources.ClassOf(err), sources.HintOf(err), err)
	}
}

// TestForeignHost proves that no credential goes to another host.
func TestForeignHost(t *testing.T) {
	reached := false
	next := roundTripper(func(*http.Request) (*http.Response, error) {
		reached = true
		return nil, http.ErrServerClosed
	})
	transport, err := okta.Transport(okta.Config{BaseURL: "https://acme.okta.com", Auth: okta.Auth{Type: okta.AuthAPIToken, Token: token}}, next)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"https://evil.example.com/api/v1/users", "http://acme.okta.com/api/v1/users", "https://acme.okta.com:444/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if err == nil || reached {
			t.Errorf("%s was asked (%v)", address, err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestBadKeys reads files that hold no usable key.
func TestBadKeys(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty": "", "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "words": "secret-text",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := okta.Transport(okta.Config{BaseURL: "https://acme.okta.com", Auth: okta.Auth{Type: okta.AuthPrivateKey, PrivateKeyFile: path}}, http.DefaultTransport)
		if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "secret-text") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
