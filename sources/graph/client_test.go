package graph_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
	"github.com/idpbridge/idpbridge/sources/graph/internal/conformance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConformance runs the suite of sources over HTTP, without Microsoft's SDK.
func TestConformance(t *testing.T) {
	conformance.Run(t, open)
}

// open returns a source over a client of standard parts.
func open(t testing.TB, cfg graph.Config) *graph.Source {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	source, err := graph.New(cfg, httpClient{cfg, &http.Client{Transport: transport}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

type httpClient struct {
	cfg  graph.Config
	http *http.Client
}

func (c httpClient) Get(ctx context.Context, r graph.Request) (graph.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(r), nil)
	if err != nil {
		return graph.Answer{}, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.cfg.Auth.Token.Reveal())
	if r.Advanced {
		req.Header.Set("ConsistencyLevel", "eventual")
	}
	resp, err := c.http.Do(req) //nolint:bodyclose // ReadAnswer closes it
	if err != nil {
		return graph.Answer{}, fmt.Errorf("send: %w", err)
	}
	return graph.ReadAnswer(resp)
}

func (c httpClient) url(r graph.Request) string {
	if r.Link != "" {
		return r.Link
	}
	query := url.Values{}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	set("$select", strings.Join(r.Select, ","))
	set("$filter", r.Filter)
	set("$expand", r.Expand)
	if r.Top > 0 {
		set("$top", strconv.Itoa(r.Top))
	}
	if r.Latest {
		set("$deltatoken", "latest")
	}
	path := strings.TrimPrefix(r.Op.String(), "GET ")
	return c.cfg.Base() + strings.ReplaceAll(path, "{id}", url.PathEscape(r.ID)) + "?" + query.Encode()
}

// BenchmarkRound reads a full round of 20,000 users over loopback; the emulator's work is
// part of it.
func BenchmarkRound(b *testing.B) {
	const people = 20_000
	tenant := graphtest.New(graphtest.Options{Token: conformance.Token})
	tenant.Crowd(people, func(i int) graphtest.Props {
		name := fmt.Sprintf("person%06d@example.com", i)
		return graphtest.Props{"userPrincipalName": name, "mail": name, "displayName": name, "jobTitle": "Engineer", "department": "Research"}
	})
	server := httptest.NewServer(tenant)
	b.Cleanup(server.Close)
	cfg := graph.Config{BaseURL: server.URL + "/v1.0", Auth: graph.Auth{Type: graph.AuthToken, Token: conformance.Token}}
	source := open(b, cfg)
	q := sources.Query{UserAttributes: []string{"department", "jobTitle"}}
	b.ReportAllocs()
	for b.Loop() {
		users, at, done := 0, sources.Cursor(""), false
		for !done {
			page, err := source.Read(b.Context(), q, at)
			if err != nil {
				b.Fatal(err)
			}
			users, at, done = users+len(page.Users), page.Cursor, page.Done
		}
		if users != people {
			b.Fatalf("%d users", users)
		}
	}
	b.ReportMetric(float64(people*b.N)/b.Elapsed().Seconds(), "users/s")
}
