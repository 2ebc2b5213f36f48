package acceptance_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"golang.org/x/time/rate"
)

// Most servers leave limits to a gateway. These are far below what the bridge could send.
const gateRate, gateBurst = 120, 10

// gate is a proxy before a server that takes gateRate requests per second and answers the
// others with 429 and no time, as gateways do.
type gate struct {
	url     string
	refused atomic.Int64
}

func newGate(t *testing.T, server string) *gate {
	t.Helper()
	target, err := url.Parse(server)
	must(t, err)
	g, allowed := &gate{}, rate.NewLimiter(gateRate, gateBurst)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host },
		Transport: &http.Transport{DisableKeepAlives: true}, // a server that hangs up is no matter of the gateway's
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed.Allow() {
			g.refused.Add(1)
			http.Error(w, "slow down", http.StatusTooManyRequests)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	g.url = front.URL + target.EscapedPath()
	return g
}
