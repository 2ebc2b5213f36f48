package transport

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// memory answers every request, so that a benchmark shows what the layers cost without a
// network.
type memory struct{}

func (memory) RoundTrip(req *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return nil, err
	}
	_ = req.Body.Close()
	return &http.Response{
		StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/scim+json"}},
		ContentLength: 2, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Request: req,
	}, nil
}

// BenchmarkRoundTrip is the cost of one request beside the network and http.Client.
func BenchmarkRoundTrip(b *testing.B) {
	o := Options{Peer: Sink, Name: "app", Metrics: NewMetrics(prometheus.NewRegistry()), Counter: new(Counter)}
	rt := newRoundTripper(o.withDefaults(), memory{})
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(b.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {}}), http.MethodPost, "https://app.example.com/scim/v2/Users", bytes.NewReader([]byte("{}")))
		if err != nil {
			b.Fatal(err)
		}
		resp, err := rt.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}
