package sdk_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
	"github.com/idpbridge/idpbridge/sources/graph/internal/conformance"
	"github.com/idpbridge/idpbridge/sources/graph/sdk"
)

// authority is an emulated token service: OpenID configuration and token endpoint of one
// tenant. It grants conformance.Token.
type authority struct {
	mu     sync.Mutex
	status int // of the token endpoint; 0: grants
	forms  []map[string][]string
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	base := "https://" + r.Host + "/tenant"
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		_, _ = fmt.Fprintf(w, `{"token_endpoint":%q,"authorization_endpoint":%q,"issuer":%q}`,
			base+"/oauth2/v2.0/token", base+"/oauth2/v2.0/authorize", base+"/v2.0")
	case a.status != 0:
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`))
	default:
		_ = r.ParseForm()
		a.forms = append(a.forms, r.PostForm)
		_, _ = fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":%q}`, conformance.Token)
	}
}

// tenantWithAuthority starts both and returns the configuration and the client for it.
func tenantWithAuthority(t *testing.T) (*authority, graph.Config, *http.Client) {
	t.Helper()
	tenant := graphtest.New(graphtest.Options{Token: conformance.Token})
	tenant.AddUser(graphtest.Props{"userPrincipalName": "a@example.com"})
	cfg := conformance.Serve(t, tenant)
	a := &authority{}
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	cfg.Authority, cfg.TenantID = server.URL, "tenant"
	cfg.Auth = graph.Auth{Type: graph.AuthClientSecret, ClientID: "app", ClientSecret: "s3cret"}
	hc := server.Client()
	t.Cleanup(hc.CloseIdleConnections)
	return a, cfg, hc
}

func TestClientSecret(t *testing.T) {
	a, cfg, hc := tenantWithAuthority(t)
	source := openWith(t, cfg, hc)
	for range 3 {
		if _, err := source.Read(t.Context(), sources.Query{}, ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.forms) != 1 {
		t.Fatalf("%d tokens were asked for 3 requests", len(a.forms))
	}
	form := a.forms[0]
	if form["client_id"][0] != "app" || form["client_secret"][0] != "s3cret" || !strings.Contains(form["scope"][0], cfg.Scope()) {
		t.Errorf("form %v", form)
	}
}

func TestCertificate(t *testing.T) {
	a, cfg, hc := tenantWithAuthority(t)
	cfg.Auth = graph.Auth{Type: graph.AuthCertificate, ClientID: "app", CertificateFile: writeCertificate(t)}
	if _, err := openWith(t, cfg, hc).Read(t.Context(), sources.Query{}, ""); err != nil {
		t.Fatal(err)
	}
	if len(a.forms) != 1 || len(a.forms[0]["client_assertion"]) != 1 {
		t.Errorf("forms %v", a.forms)
	}
}

// TestRefusedToken: why no token was granted decides what the caller does, and the secret
// is in no message.
func TestRefusedToken(t *testing.T) {
	for status, want := range map[int]sources.Class{401: sources.Denied, 400: sources.Denied, 503: sources.Transient, 429: sources.Throttled} {
		a, cfg, hc := tenantWithAuthority(t)
		a.status = status
		_, err := openWith(t, cfg, hc).Read(t.Context(), sources.Query{}, "")
		if sources.ClassOf(err) != want {
			t.Errorf("%d: class %v, want %v: %v", status, sources.ClassOf(err), want, err)
		}
		if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d: %v", status, err)
		}
		if want == sources.Denied && !strings.Contains(sources.HintOf(err), "secret") {
			t.Errorf("%d: hint %q", status, sources.HintOf(err))
		}
	}
}

// TestAuthorityDown: an authority that can't be reached is not a refusal.
func TestAuthorityDown(t *testing.T) {
	_, cfg, hc := tenantWithAuthority(t)
	server := httptest.NewTLSServer(http.NotFoundHandler())
	cfg.Authority = server.URL
	server.Close()
	_, err := openWith(t, cfg, hc).Read(t.Context(), sources.Query{}, "")
	if sources.ClassOf(err) != sources.Unreachable {
		t.Errorf("class %v: %v", sources.ClassOf(err), err)
	}
}

// TestNew: what can be known without the network is told at once.
func TestNew(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, auth := range []graph.Auth{
		{Type: graph.AuthCertificate, ClientID: "app", CertificateFile: "no-such-file.pem"},
		{Type: graph.AuthCertificate, ClientID: "app", CertificateFile: empty},
		{Type: "password"},
	} {
		if _, err := sdk.New(graph.Config{TenantID: "tenant", Auth: auth}, &http.Client{}); err == nil {
			t.Errorf("%s with %q: no error", auth.Type, auth.CertificateFile)
		}
	}
	for _, auth := range []graph.Auth{
		{Type: graph.AuthManagedIdentity}, {Type: graph.AuthManagedIdentity, ClientID: "app"},
	} {
		if _, err := sdk.New(graph.Config{Auth: auth}, &http.Client{}); err != nil {
			t.Errorf("%s: %v", auth.Type, err)
		}
	}
}

// TestWorkloadIdentity exchanges the platform's token, which lies in a file, for one of
// the directory.
func TestWorkloadIdentity(t *testing.T) {
	a, cfg, hc := tenantWithAuthority(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("platform-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", file)
	cfg.Auth = graph.Auth{Type: graph.AuthWorkloadIdentity, ClientID: "app"}
	if _, err := openWith(t, cfg, hc).Read(t.Context(), sources.Query{}, ""); err != nil {
		t.Fatal(err)
	}
	if len(a.forms) != 1 || a.forms[0]["client_assertion"][0] != "platform-token" {
		t.Errorf("forms %v", a.forms)
	}
}

func writeCertificate(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idpbridge"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	file := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
