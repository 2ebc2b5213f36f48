package transport

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// memory answers every request, so that a benchmark shows what the layers cost without a
// network.
type memory struct{}

func (memory) RoundTrip(req *http.Request) (*http.Response, error) {
	onTheWire(req)
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return nil, err
	}
	_ = req.Body.Close()
	return &http.Response{
		StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/scim+json"}},
		ContentLength: 2, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Request: req,
	}, nil
}

// measured are the options of a client as the program makes it.
func measured() Options {
	return Options{Peer: Sink, Name: "app", Metrics: NewMetrics(prometheus.NewRegistry()), Counter: new(Counter)}.withDefaults()
}

// BenchmarkRoundTrip is the cost of one request beside the network and http.Client.
func BenchmarkRoundTrip(b *testing.B) {
	postOften(b, newRoundTripper(measured(), memory{}).RoundTrip, "https://app.example.com/scim/v2/Users")
}

// BenchmarkClient is the cost of one request to a server on this machine, with our layers
// and without them.
func BenchmarkClient(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "{}")
	}))
	defer srv.Close()
	bare := &http.Client{Transport: newBase(measured())}
	for name, client := range map[string]*http.Client{"ours": Client(measured()), "bare": bare} {
		b.Run(name, func(b *testing.B) {
			defer client.CloseIdleConnections()
			postOften(b, client.Do, srv.URL+"/scim/v2/Users")
		})
	}
}

func postOften(b *testing.B, send func(*http.Request) (*http.Response, error), url string) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader([]byte("{}")))
		if err != nil {
			b.Fatal(err)
		}
		req.Header = http.Header{"Accept": {"application/scim+json"}, "Content-Type": {"application/scim+json"}, "Authorization": {"Bearer x"}}
		resp, err := send(req)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}
