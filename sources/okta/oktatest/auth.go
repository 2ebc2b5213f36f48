package oktatest

import (
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ServiceApp is an API service app that authenticates with private_key_jwt.
type ServiceApp struct {
	ClientID string
	KeyID    string
	Key      crypto.PublicKey
	// Scopes are those granted to the app.
	Scopes []string
	// NoRole is set for an app without an admin role: every list is empty for it.
	NoRole bool
}

var (
	errAssertion = errors.New("the client_assertion_type is missing")
	errClient    = errors.New("the client or its key is unknown")
)

// bearer is an access token that was given out. They live for an hour.
type bearer struct {
	client  string
	scopes  []string
	expires time.Time
}

// AddServiceApp registers an API service app.
func (o *Org) AddServiceApp(a ServiceApp) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clients[a.ClientID] = a
}

// RevokeTokens makes all access tokens invalid; service apps may ask for new ones.
func (o *Org) RevokeTokens() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.bearers)
}

// SetToken replaces the accepted API token, as revoking and making one does.
func (o *Org) SetToken(token string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opt.Token = token
}

// authorized checks the request's credential. It answers the request itself when the
// credential is not good enough.
func (o *Org) authorized(w http.ResponseWriter, r *http.Request, endpoint string) bool {
	if endpoint == "/oauth2/v1/token" {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if len(r.Header.Values("Authorization")) == 1 && scheme == "SSWS" && token != "" && token == o.opt.Token {
		return true
	}
	b, known := o.bearers[token]
	if scheme != "Bearer" || !known || o.now().After(b.expires) {
		fail(w, http.StatusUnauthorized, "E0000011", "Invalid token provided")
		return false
	}
	if !slices.Contains(b.scopes, scopeOf(endpoint)) {
		w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="http://auth", error="insufficient_scope", error_description="The access token provided does not contain the required scopes."`)
		fail(w, http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action")
		return false
	}
	if o.clients[b.client].NoRole {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("[]"))
		return false
	}
	return true
}

func scopeOf(endpoint string) string {
	resource, _, _ := strings.Cut(strings.TrimPrefix(endpoint, "/api/v1/"), "/")
	return "okta." + resource + ".read"
}

// token is POST /oauth2/v1/token with client_credentials and private_key_jwt.
// https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/
func (o *Org) token(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		oauthFail(w, http.StatusBadRequest, "invalid_request", "Parameters belong in the body.")
		return
	}
	client, err := o.client(r)
	switch {
	case err != nil:
		oauthFail(w, http.StatusUnauthorized, "invalid_client", err.Error())
		return
	case r.PostFormValue("grant_type") != "client_credentials":
		oauthFail(w, http.StatusBadRequest, "unsupported_grant_type", "The grant type is not supported.")
		return
	}
	scopes := slices.DeleteFunc(strings.Fields(r.PostFormValue("scope")), func(s string) bool {
		return !slices.Contains(client.Scopes, s)
	})
	if len(scopes) == 0 {
		oauthFail(w, http.StatusBadRequest, "consent_required", "You are not allowed any of the requested scopes.")
		return
	}
	token := rand.Text()
	o.bearers[token] = bearer{client: client.ClientID, scopes: scopes, expires: o.now().Add(time.Hour)}
	send(w, map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": token, "scope": strings.Join(scopes, " ")})
}

// client verifies the client assertion (RFC 7523 section 3).
func (o *Org) client(r *http.Request) (ServiceApp, error) {
	if r.PostFormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return ServiceApp{}, errAssertion
	}
	var client ServiceApp
	_, err := jwt.ParseWithClaims(r.PostFormValue("client_assertion"), &jwt.RegisteredClaims{}, func(t *jwt.Token) (any, error) {
		issuer, err := t.Claims.GetIssuer()
		if err != nil {
			return nil, err
		}
		c, ok := o.clients[issuer]
		if !ok || t.Header["kid"] != c.KeyID {
			return nil, errClient
		}
		client = c
		return c.Key, nil
	}, jwt.WithValidMethods([]string{"RS256", "ES256"}), jwt.WithAudience(baseOf(r)+"/oauth2/v1/token"), jwt.WithExpirationRequired(), jwt.WithTimeFunc(o.now))
	return client, err
}

func oauthFail(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": description})
}
