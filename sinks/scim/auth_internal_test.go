package scim

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// TestOnlyTheConfiguredHost: whatever leads a request elsewhere, it goes without
// credentials, over another scheme of the same host too.
func TestOnlyTheConfiguredHost(t *testing.T) {
	t.Parallel()
	var header http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { header = r.Header }))
	t.Cleanup(srv.Close)
	for base, want := range map[string]string{srv.URL: "Bearer t", "https://app.example": "", "https" + srv.URL[len("http"):]: ""} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		hc := &http.Client{Transport: newAuthTransport(Auth{Type: "bearer", Token: "t"}, u, &http.Client{})}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := hc.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := header.Get("Authorization"); got != want {
			t.Errorf("configured for %s: Authorization %q, want %q", base, got, want)
		}
		if got := req.Header.Get("Authorization"); got != "" {
			t.Errorf("the caller's request was given Authorization %q", got)
		}
	}
}
