package sdk_test

import (
	"log/slog"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/graph/internal/conformance"
	"github.com/idpbridge/idpbridge/sources/graph/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConformance runs the suite of sources through Microsoft's SDK over HTTP.
func TestConformance(t *testing.T) {
	conformance.Run(t, open)
}

func open(t testing.TB, cfg graph.Config) *graph.Source {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	return openWith(t, cfg, &http.Client{Transport: transport})
}

func openWith(t testing.TB, cfg graph.Config, hc *http.Client) *graph.Source {
	t.Helper()
	client, err := sdk.New(cfg, hc)
	if err != nil {
		t.Fatal(err)
	}
	source, err := graph.New(cfg, client, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return source
}
