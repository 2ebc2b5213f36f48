package scim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// authTransport adds the credentials to requests for the configured host, and to no
// other: a redirect or a link in an answer never carries them away.
type authTransport struct {
	next   http.RoundTripper
	host   string
	scheme string
	set    func(*http.Request) error
	// renew throws the credential of a refused request away. It reports whether
	// another try makes sense; nil where credentials don't change.
	renew func(*http.Request) bool
}

func newAuthTransport(a Auth, base *url.URL, hc *http.Client) *authTransport {
	next := hc.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	t := &authTransport{next: next, host: base.Host, scheme: base.Scheme}
	switch a.Type {
	case "basic":
		t.set = func(r *http.Request) error { r.SetBasicAuth(a.Username, a.Password.Reveal()); return nil }
	case "header":
		t.set = func(r *http.Request) error { r.Header.Set(a.Name, a.Value.Reveal()); return nil }
	case "oauth2":
		tokens := &tokenSource{hc: hc, conf: clientcredentials.Config{
			ClientID: a.ClientID, ClientSecret: a.ClientSecret.Reveal(), TokenURL: a.TokenURL, Scopes: a.Scopes,
		}}
		t.set, t.renew = tokens.set, tokens.renew
	default:
		t.set = func(r *http.Request) error { r.Header.Set("Authorization", "Bearer "+a.Token.Reveal()); return nil }
	}
	return t
}

// RoundTrip sends the request with credentials. A 401 to a token that may have expired
// early is answered with one more try with a fresh token: a refused request had no
// effect, so that is safe for writes too.
func (t *authTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != t.host || r.URL.Scheme != t.scheme {
		return t.next.RoundTrip(r)
	}
	sent := withHeader(r)
	if err := t.set(sent); err != nil {
		closeBody(r)
		return nil, err
	}
	resp, err := t.next.RoundTrip(sent)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || t.renew == nil || !t.renew(sent) {
		return resp, err
	}
	again := withHeader(r)
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // the 401 stands
		}
	}
	if err := t.set(again); err != nil {
		closeBody(again)
		_ = resp.Body.Close()
		return nil, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	_ = resp.Body.Close()
	return t.next.RoundTrip(again)
}

// withHeader is a copy of the request with a header of its own: a RoundTripper may not
// change what it was given.
func withHeader(r *http.Request) *http.Request {
	sent := r.WithContext(r.Context())
	sent.Header = r.Header.Clone()
	return sent
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// tokenSource keeps one OAuth 2 token until it expires or is refused.
type tokenSource struct {
	conf clientcredentials.Config
	hc   *http.Client

	mu    sync.Mutex
	token *oauth2.Token
}

// errToken marks a failure to get a token, before anything was sent to the application.
var errToken = errors.New("get an OAuth 2 token")

func (s *tokenSource) set(r *http.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.token.Valid() {
		token, err := s.fetch(r.Context())
		if err != nil {
			return fmt.Errorf("%w: %w", errToken, err)
		}
		s.token = token
	}
	s.token.SetAuthHeader(r)
	return nil
}

func (s *tokenSource) fetch(ctx context.Context) (*oauth2.Token, error) {
	return s.conf.Token(context.WithValue(ctx, oauth2.HTTPClient, s.hc))
}

// renew drops the token that r was sent with, unless another request has done so.
func (s *tokenSource) renew(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != nil && r.Header.Get("Authorization") == s.token.Type()+" "+s.token.AccessToken {
		s.token = nil
	}
	return true
}
