package scim_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

func TestAuth(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		server scimtest.Auth
		good   scim.Auth
		bad    scim.Auth
	}{
		"bearer": {scimtest.Auth{Bearer: "t"}, scim.Auth{Type: "bearer", Token: "t"}, scim.Auth{Type: "bearer", Token: "u"}},
		"basic":  {scimtest.Auth{Username: "u", Password: "p:w"}, scim.Auth{Type: "basic", Username: "u", Password: "p:w"}, scim.Auth{Type: "basic", Username: "u", Password: "x"}},
		"header": {scimtest.Auth{HeaderName: "X-Key", HeaderValue: "v"}, scim.Auth{Type: "header", Name: "X-Key", Value: "v"}, scim.Auth{Type: "header", Name: "X-Key", Value: "w"}},
		"oauth2": {
			scimtest.Auth{OAuth: scimtest.OAuth{ClientID: "c", ClientSecret: "s", Scope: "scim"}},
			scim.Auth{Type: "oauth2", ClientID: "c", ClientSecret: "s", Scopes: []string{"scim"}},
			scim.Auth{Type: "oauth2", ClientID: "c", ClientSecret: "x", Scopes: []string{"scim"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := scimtest.New(scimtest.Options{Auth: tt.server})
			base := srv.Start(t)
			for _, auth := range []scim.Auth{tt.good, tt.bad} {
				auth.TokenURL = srv.TokenURL(base)
				sink, err := scim.New(scim.Config{BaseURL: base, Auth: auth}, nil, discard())
				if err != nil {
					t.Fatal(err)
				}
				want := sinks.Class(0)
				if auth.Token+auth.Password+auth.Value+auth.ClientSecret == tt.bad.Token+tt.bad.Password+tt.bad.Value+tt.bad.ClientSecret {
					want = sinks.Denied
				}
				err = sink.Probe(t.Context())
				if sinks.ClassOf(err) != want {
					t.Errorf("class %s, want %s: %v", sinks.ClassOf(err), want, err)
				}
				if err != nil && strings.Contains(err.Error(), tt.bad.ClientSecret.Reveal()) && tt.bad.ClientSecret != "" && len(tt.bad.ClientSecret) > 3 {
					t.Errorf("the secret is in %v", err)
				}
			}
		})
	}
}

// TestTokenRevoked: a server that revokes tokens before their time is asked again
// with a fresh one, by all requests under way, also for a write.
func TestTokenRevoked(t *testing.T) {
	t.Parallel()
	srv := scimtest.New(scimtest.Options{Auth: scimtest.Auth{OAuth: scimtest.OAuth{
		ClientID: "c", ClientSecret: "s",
	}}})
	base := srv.Start(t)
	sink, err := scim.New(scim.Config{BaseURL: base, Auth: scim.Auth{Type: "oauth2", ClientID: "c", ClientSecret: "s", TokenURL: srv.TokenURL(base)}}, nil, discard())
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.RevokeTokens()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, err := sink.Do(t.Context(), sinks.Op{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: string(rune('a' + i))}}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(srv.Users()); n != 8 {
		t.Errorf("%d accounts, want 8", n)
	}
	if n := srv.Counts()["POST /oauth/token"]; n < 2 || n > 9 {
		t.Errorf("%d tokens", n)
	}
}

// TestTokenServerDown: the application was not asked, so nothing can have happened there.
func TestTokenServerDown(t *testing.T) {
	t.Parallel()
	srv := scimtest.New(scimtest.Options{})
	sink, err := scim.New(scim.Config{BaseURL: srv.Start(t), Auth: scim.Auth{Type: "oauth2", ClientID: "c", ClientSecret: "s", TokenURL: "http://127.0.0.1:1/token"}}, nil, discard())
	if err != nil {
		t.Fatal(err)
	}
	if err := verbs[http.MethodPost](t.Context(), sink, ""); sinks.ClassOf(err) != sinks.Unreachable {
		t.Errorf("%v", err)
	}
}

// TestCredentialsStayHome: a redirect to another host is not followed, and on the same
// host a GET alone is.
func TestCredentialsStayHome(t *testing.T) {
	t.Parallel()
	strangers := 0
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers++ }))
	t.Cleanup(stranger.Close)
	app := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: token}})
	mux := http.NewServeMux()
	mux.Handle("/scim/v2/", app)
	mux.Handle("/old/", http.RedirectHandler("/scim/v2/Users?filter=userName%20eq%20%22x%22", http.StatusMovedPermanently))
	mux.Handle("/away/", http.RedirectHandler(stranger.URL, http.StatusTemporaryRedirect))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	for path, want := range map[string]map[string]sinks.Class{
		"/old":  {"FILTER": 0, http.MethodPost: sinks.Incompatible, http.MethodDelete: sinks.Incompatible},
		"/away": {"FILTER": sinks.Incompatible, http.MethodPost: sinks.Incompatible, http.MethodGet: sinks.Incompatible},
	} {
		sink, err := scim.New(scim.Config{BaseURL: srv.URL + path, Auth: scim.Auth{Type: "bearer", Token: token}}, nil, discard())
		if err != nil {
			t.Fatal(err)
		}
		for verb, class := range want {
			if err := verbs[verb](t.Context(), sink, "1"); sinks.ClassOf(err) != class {
				t.Errorf("%s %s: class %s, want %s: %v", path, verb, sinks.ClassOf(err), class, err)
			}
		}
	}
	if strangers != 0 {
		t.Errorf("%d requests to another host", strangers)
	}
}

// TestPrivateAuthority: a certificate of a private authority needs ca_file, and there is
// no way around it.
func TestPrivateAuthority(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(scimtest.New(scimtest.Options{}))
	t.Cleanup(srv.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for ca, want := range map[string]sinks.Class{"": sinks.Unreachable, file: 0} {
		cfg := scim.Config{BaseURL: srv.URL + "/scim/v2", Auth: scim.Auth{Type: "bearer", Token: token}, TLS: scim.TLS{CAFile: ca}}
		tlsConfig, err := scim.TLSConfig(cfg)
		if err != nil {
			t.Fatal(err)
		}
		sink, err := scim.New(cfg, &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig}}, discard())
		if err != nil {
			t.Fatal(err)
		}
		if err := verbs[http.MethodPost](t.Context(), sink, ""); sinks.ClassOf(err) != want {
			t.Errorf("ca_file %q: %v", ca, err)
		}
	}
}
