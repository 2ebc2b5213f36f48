package okta

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"

	"github.com/idpbridge/idpbridge/sources"
)

// scopes are what the source reads. Okta grants those of them that the app has.
const scopes = "okta.users.read okta.groups.read okta.apps.read okta.logs.read"

const (
	tokenPath = "/oauth2/v1/token" //nolint:gosec // a path, no secret
	// assertionLife is how long a client assertion is good; Okta allows an hour.
	assertionLife = 5 * time.Minute
	// tokenTimeout bounds one token request with its waits.
	tokenTimeout = 3 * time.Minute
)

var errKey = errors.New("not a PEM private key (RSA, or EC on P-256)")

// tokens gets access tokens by client_credentials with private_key_jwt (RFC 7523) and
// keeps the current one. However many requests wait, one asks.
// https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/
type tokens struct {
	cfg    Config
	key    any
	method jwt.SigningMethod
	next   http.RoundTripper
	flight singleflight.Group

	mu      sync.Mutex
	current string
	until   time.Time
}

func newTokens(cfg Config, next http.RoundTripper) (*tokens, error) {
	b, err := os.ReadFile(cfg.Auth.PrivateKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	key, method, err := parseKey(b)
	if err != nil {
		return nil, fmt.Errorf("read private key %s: %w", cfg.Auth.PrivateKeyFile, err)
	}
	return &tokens{cfg: cfg, key: key, method: method, next: next}, nil
}

// parseKey reads a key in PKCS #8, PKCS #1 or SEC 1 form.
func parseKey(b []byte) (any, jwt.SigningMethod, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, nil, errKey
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		key, err = x509.ParseECPrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, nil, errKey
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, jwt.SigningMethodRS256, nil
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() {
			return k, jwt.SigningMethodES256, nil
		}
	}
	return nil, nil, errKey
}

// get returns a token. The request for one outlives a caller who stops waiting, since
// others may wait for it too.
func (t *tokens) get(ctx context.Context) (string, error) {
	if token := t.cached(); token != "" {
		return token, nil
	}
	done := t.flight.DoChan("token", func() (any, error) {
		if token := t.cached(); token != "" {
			return token, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tokenTimeout)
		defer cancel()
		return t.request(ctx)
	})
	select {
	case r := <-done:
		token, _ := r.Val.(string)
		return token, r.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (t *tokens) cached() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.until) {
		return t.current
	}
	return ""
}

// drop forgets a refused token, unless another request has replaced it already.
func (t *tokens) drop(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == token {
		t.current = ""
	}
}

// granted is a token endpoint's answer (RFC 6749 section 5.1).
type granted struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

// request asks for a token and keeps it until a tenth of its life, at most five minutes,
// is left.
func (t *tokens) request(ctx context.Context) (string, error) {
	now := time.Now()
	resp, err := t.send(ctx, now)
	if err != nil {
		return "", err
	}
	defer closeBody(resp)
	op := "POST " + tokenPath
	if resp.StatusCode != http.StatusOK {
		e := newRefusal(op, resp)
		if e.Class == sources.Rejected || e.Class == sources.Denied {
			e.Class, e.Hint = sources.Denied, hintClient(e.Code)
		}
		return "", e
	}
	var g granted
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&g)
	if err != nil || g.AccessToken == "" {
		return "", &sources.Error{Class: sources.Incomplete, Op: op, Status: resp.StatusCode, Message: "the answer holds no access token", Hint: hintBase, Err: err}
	}
	life := time.Duration(g.ExpiresIn) * time.Second
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.until = g.AccessToken, now.Add(life-min(life/10, 5*time.Minute))
	return g.AccessToken, nil
}

func (t *tokens) send(ctx context.Context, now time.Time) (*http.Response, error) {
	assertion, err := t.assertion(now)
	if err != nil {
		return nil, fmt.Errorf("sign client assertion: %w", err)
	}
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"scope":                 {scopes},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.cfg.Base()+tokenPath, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("ask for a token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, &sources.Error{Class: sources.Unreachable, Op: "POST " + tokenPath, Hint: hintBase, Err: err}
	}
	return resp, nil
}

// assertion is a JWT that proves who the client is (RFC 7523 section 2.2).
func (t *tokens) assertion(now time.Time) (string, error) {
	token := jwt.NewWithClaims(t.method, jwt.RegisteredClaims{
		Issuer:    t.cfg.Auth.ClientID,
		Subject:   t.cfg.Auth.ClientID,
		Audience:  jwt.ClaimStrings{t.cfg.Base() + tokenPath},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(assertionLife)),
		ID:        rand.Text(),
	})
	token.Header["kid"] = t.cfg.Auth.KeyID
	return token.SignedString(t.key)
}

// hintClient is the advice for an OAuth error code of the token endpoint.
func hintClient(code string) string {
	switch code {
	case "invalid_dpop_proof", "use_dpop_nonce":
		return "Switch off \"Require Demonstrating Proof of Possession (DPoP)\" in the app's general settings."
	case "consent_required", "invalid_scope":
		return "Grant the app the scopes " + scopes + " under Okta API Scopes."
	default:
		return "Check client_id, key_id and the private key: its public half must be an active key of the app in Okta."
	}
}
