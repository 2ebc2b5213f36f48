package app

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sources/file"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/transport"
)

// Adapters are the types of sources and sinks that exist, by their word in the
// configuration.
type Adapters struct {
	Sources map[string]NewSource
	Sinks   map[string]SinkAdapter
}

// NewSource makes a source.
type NewSource func(SourceDeps) (engine.Source, error)

// SourceDeps are what a source is made of. Client limits, retries and measures.
type SourceDeps struct {
	Config config.Source
	Client *http.Client
	Log    *slog.Logger
}

// SinkAdapter makes sinks of one type.
type SinkAdapter struct {
	// Transport returns the limits, time-out and TLS settings of the client. The rest of
	// the options is filled in by the App.
	Transport func(config.Sink) (transport.Options, error)
	// TokenURL is where credentials are fetched by POST, or "". In a dry run it is the
	// one address that may still be written to.
	TokenURL func(config.Sink) string
	New      func(SinkDeps) (engine.Sink, error)
}

// SinkDeps are what a sink is made of.
type SinkDeps struct {
	Config config.Sink
	Client *http.Client
	Log    *slog.Logger
}

// cover says whether there is an adapter for everything that is configured.
func (a Adapters) cover(cfg *config.Config) error {
	for _, name := range slices.Sorted(maps.Keys(cfg.Sources)) {
		if kind := cfg.Sources[name].Type(); a.Sources[kind] == nil {
			return missing("source", name, kind, slices.Sorted(maps.Keys(a.Sources)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Sinks)) {
		if kind := cfg.Sinks[name].Type(); a.Sinks[kind].New == nil {
			return missing("sink", name, kind, slices.Sorted(maps.Keys(a.Sinks)))
		}
	}
	return nil
}

func missing(what, name, kind string, known []string) error {
	return fmt.Errorf("%s %s: this program has no adapter of type %q, only %s", what, name, kind, strings.Join(known, ", "))
}

// NewFile makes a source over files.
func NewFile(d SourceDeps) (engine.Source, error) {
	return file.New(*d.Config.File, d.Log), nil
}

// SCIM is the adapter of SCIM sinks.
func SCIM() SinkAdapter {
	return SinkAdapter{
		Transport: scimTransport,
		TokenURL:  func(s config.Sink) string { return s.SCIM.Auth.TokenURL },
		New: func(d SinkDeps) (engine.Sink, error) {
			return scim.New(*d.Config.SCIM, d.Client, d.Log)
		},
	}
}

func scimTransport(s config.Sink) (transport.Options, error) {
	rate, err := s.SCIM.PerSecond()
	if err != nil {
		return transport.Options{}, fmt.Errorf("rate_limit: %w", err)
	}
	tls, err := scim.TLSConfig(*s.SCIM)
	if err != nil {
		return transport.Options{}, fmt.Errorf("tls: %w", err)
	}
	return transport.Options{
		RateLimit: rate, Concurrency: s.SCIM.Concurrency, Timeout: s.SCIM.Timeout, TLS: tls,
		Budgets: scimBudgets(*s.SCIM),
	}, nil
}

func scimBudgets(c scim.Config) []transport.Budget {
	var out []transport.Budget
	for _, b := range c.Effective().Budgets {
		out = append(out, transport.Budget{Covers: b.Covers, N: b.N, Per: b.Per, Burst: b.Burst})
	}
	return out
}
