package okta

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// errForeign stops a request that would take a credential to another host.
var errForeign = errors.New("refused to send a credential to another host than base_url's")

// Transport returns the transport of a Client: it adds the configured credential to each
// request and sends it through next, which is usually a Limiter. It reads the private
// key's file, and nothing else, before the first request.
//
// Authentication is done here rather than by the SDK: the SDK asks for a token once per
// waiting request, ignores the caller's context there, puts the client assertion into the
// URL, where proxies log it, and loses the reason of a refusal.
func Transport(cfg Config, next http.RoundTripper) (http.RoundTripper, error) {
	base, err := url.Parse(cfg.Base())
	if err != nil {
		return nil, fmt.Errorf("parse base_url: %w", err)
	}
	t := &transport{base: base, next: next}
	if cfg.Auth.Type == AuthAPIToken {
		t.fixed = "SSWS " + cfg.Auth.Token.Reveal()
		return t, nil
	}
	t.tokens, err = newTokens(cfg, next)
	if err != nil {
		return nil, err
	}
	return t, nil
}

type transport struct {
	base   *url.URL
	next   http.RoundTripper
	fixed  string  // an Authorization header, or
	tokens *tokens // where to get one
}

// RoundTrip sends a request with the credential. A token that was good before and is
// refused now (revoked, or the app's rights changed) is replaced once.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != t.base.Host || req.URL.Scheme != t.base.Scheme {
		return nil, errForeign
	}
	if t.tokens == nil {
		return t.send(req, t.fixed)
	}
	token, err := t.tokens.get(req.Context())
	if err != nil {
		return nil, err
	}
	resp, err := t.send(req, "Bearer "+token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	closeBody(resp)
	t.tokens.drop(token)
	if token, err = t.tokens.get(req.Context()); err != nil {
		return nil, err
	}
	return t.send(req, "Bearer "+token)
}

func (t *transport) send(req *http.Request, authorization string) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", authorization)
	return t.next.RoundTrip(req)
}
