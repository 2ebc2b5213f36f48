package scimtest

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// SetAuth changes the accepted credentials from now on, as when a token is revoked. Issued
// OAuth tokens stay good.
func (s *Server) SetAuth(a Auth) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.OAuth.Path = s.auth.OAuth.Path
	if a.OAuth.Lifetime == 0 {
		a.OAuth.Lifetime = s.auth.OAuth.Lifetime
	}
	s.auth = a
}

// RevokeTokens ends the life of every issued OAuth token.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// unauthorized returns the 401 for a request without good credentials, else nil.
func (s *Server) unauthorized(r *http.Request) *reply {
	s.mu.Lock()
	a := s.auth
	ok := a.open() || s.accepted(a, r)
	s.mu.Unlock()
	if ok {
		return nil
	}
	rep := answer(http.StatusUnauthorized, statusProblem(http.StatusUnauthorized, "credentials are missing or wrong").document(s.quirks))
	switch {
	case s.quirks.UnauthorizedText:
		rep.body = []byte("Unauthorized")
		rep.header.Set("Content-Type", "text/plain; charset=utf-8")
	case s.quirks.UnauthorizedEmpty:
		rep.body = nil
	}
	scheme := "Bearer"
	if a.Username != "" {
		scheme = "Basic"
	}
	rep.header.Set("WWW-Authenticate", scheme+` realm="scim"`)
	return rep
}

// accepted checks credentials; s.mu must be held.
func (s *Server) accepted(a Auth, r *http.Request) bool {
	if a.HeaderName != "" && same(r.Header.Get(a.HeaderName), a.HeaderValue) {
		return true
	}
	if user, pass, ok := r.BasicAuth(); ok && a.Username != "" && same(user, a.Username) && same(pass, a.Password) {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return false
	}
	if a.Bearer != "" && same(token, a.Bearer) {
		return true
	}
	until, issued := s.tokens[token]
	return issued && time.Now().Before(until)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *Server) isTokenRequest(r *http.Request) bool {
	return s.opts.Auth.OAuth.ClientID != "" && r.URL.Path == s.opts.Auth.OAuth.Path
}

// issueToken answers the token endpoint (RFC 6749 sections 4.4, 5.1 and 5.2); the client's
// credentials may come by Basic or in the form (section 2.3.1).
func (s *Server) issueToken(r *http.Request, body []byte) *reply {
	form, err := url.ParseQuery(string(body))
	if r.Method != http.MethodPost || err != nil {
		return tokenError(http.StatusBadRequest, "invalid_request")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.auth.OAuth
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(pass)
	}
	switch {
	case !same(id, o.ClientID) || !same(secret, o.ClientSecret):
		return tokenError(http.StatusUnauthorized, "invalid_client")
	case form.Get("grant_type") != "client_credentials":
		return tokenError(http.StatusBadRequest, "unsupported_grant_type")
	case o.Scope != "" && !slices.Contains(strings.Fields(form.Get("scope")), o.Scope):
		return tokenError(http.StatusBadRequest, "invalid_scope")
	}
	token := rand.Text()
	s.tokens[token] = time.Now().Add(o.Lifetime)
	rep := answer(http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int((o.Lifetime + o.Overstate).Seconds()),
	})
	rep.header.Set("Content-Type", "application/json")
	rep.header.Set("Cache-Control", "no-store")
	return rep
}

func tokenError(status int, code string) *reply {
	rep := answer(status, map[string]any{"error": code})
	rep.header.Set("Content-Type", "application/json")
	return rep
}
