package api

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/idpbridge/idpbridge/config"
)

// refusal is why a request does not come in.
type refusal struct {
	status int
	detail string
	// challenge is the error code of WWW-Authenticate (RFC 6750 section 3.1), or "".
	challenge string
}

// identify finds out who sent a request. The caller is known by name also when the token
// has expired, so that the audit record can say whose it was.
func (s *server) identify(r *http.Request) (caller, *refusal) {
	tokens := s.app.Config().HTTP.Tokens
	if len(tokens) == 0 {
		if why := foreign(r); why != "" {
			return caller{}, &refusal{status: http.StatusForbidden, detail: why}
		}
		return caller{name: "local", role: config.Admin}, nil
	}
	shown, ok := bearer(r)
	if !ok {
		return caller{}, &refusal{status: http.StatusUnauthorized, detail: "this needs a token: Authorization: Bearer TOKEN"}
	}
	token, ok := match(tokens, shown)
	if !ok {
		return caller{}, &refusal{status: http.StatusUnauthorized, detail: "the token is not known", challenge: "invalid_token"}
	}
	if !token.Expires.IsZero() && !s.now().Before(token.Expires.Time) {
		return caller{name: token.Name}, &refusal{status: http.StatusUnauthorized, detail: "the token has expired", challenge: "invalid_token"}
	}
	return caller{name: token.Name, role: token.Role}, nil
}

// bearer returns the token of a request (RFC 6750 section 2.1).
func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

// authorise says whether the caller may use a route.
func (s *server) authorise(r *http.Request, who caller, pattern string) *refusal {
	if err := s.cross.Check(r); err != nil {
		return &refusal{status: http.StatusForbidden, detail: "a page of another origin may not do this"}
	}
	rule, ok := s.rules[pattern]
	if !ok || who.may(rule.role) {
		return nil
	}
	return &refusal{
		status: http.StatusForbidden, detail: "this needs the role " + rule.role.String() + ", and the token is for " + who.role.String(),
		challenge: "insufficient_scope",
	}
}

// LoopbackOnly lets only requests through that come from this machine and mean it. It is
// for a server without tokens, whose other pages need it as much as the API does. Requests
// to the API pass: its own door refuses them, and keeps a record of it.
func LoopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, Prefix+"/") {
			next.ServeHTTP(w, r)
			return
		}
		if why := foreign(r); why != "" {
			writeProblem(w, r, problem(http.StatusForbidden, why))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign says why a request without a token can't be trusted, or "". The peer must be on
// this machine; so must be the name it used, or a page could have its own name resolve to
// loopback (DNS rebinding); and the page that made a browser send it, if one did. A proxy
// on this machine would make all the world local.
func foreign(r *http.Request) string {
	const how = "; configure http.tokens to let others in"
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !config.IsLoopback(peer) {
		return "without tokens only this machine may connect" + how
	}
	if !config.IsLoopback(hostOf(r.Host)) {
		return "without tokens the Host must be a loopback address or localhost" + how
	}
	if origin, ok := r.Header["Origin"]; ok && !loopbackOrigin(origin) {
		return "without tokens the Origin must be a loopback address or localhost" + how
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip"} {
		if _, ok := r.Header[h]; ok {
			return "without tokens no proxy may be in front" + how
		}
	}
	return ""
}

// hostOf cuts the port off a Host header.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

func loopbackOrigin(origin []string) bool {
	for _, o := range origin {
		u, err := url.Parse(o)
		if err != nil || !config.IsLoopback(u.Hostname()) {
			return false
		}
	}
	return true
}
