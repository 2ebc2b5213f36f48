// Package app puts a configuration to work: it opens the state, makes the adapters of each
// job with their HTTP clients, and hands out what the engine needs. It is the only place
// where all packages meet, and holds no rules of its own.
//
// # What is made when
//
// New makes nothing but metrics. The state is opened by the first call of Store or Engine,
// a job's adapters by the first call of Job, so that a command pays only for what it uses:
// `status` builds no adapter, `check` opens no state.
//
// # Who shares what
//
//   - one state and one engine per App;
//   - one limiter per source or sink, by all jobs that use it, since the peer counts their
//     requests together;
//   - one HTTP client per job and peer, with the job's own counter of requests;
//   - a sink exists twice per job: once as it is, once over a client that refuses every
//     write (dry runs and probes), whatever the code above it does.
//
// Which types of sources and sinks exist is told by Options.Adapters. The full table is in
// the package adapters below; it links the providers' SDKs, and tests that don't need these
// bring a smaller one.
package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
	"github.com/idpbridge/idpbridge/sync/transport"
)

// Options make an App.
type Options struct {
	// Config is what config.Load returned.
	Config *config.Config
	// Adapters are the types of sources and sinks that exist.
	Adapters Adapters
	// Version is the program's, for the User-Agent header.
	Version string

	// Injected dependencies.

	Log      *slog.Logger          // nil: nothing is logged
	Registry prometheus.Registerer // nil: metrics are counted and not registered
}

// App is a configuration at work. Its methods may be called concurrently.
type App struct {
	adapters  Adapters
	userAgent string
	version   string
	log       *slog.Logger
	transport *transport.Metrics
	engineM   *engine.Metrics

	mu       sync.Mutex // guards what follows
	cfg      *config.Config
	store    *state.Store
	engine   *engine.Engine
	jobs     map[string]*engine.Job
	limiters map[string]*transport.Limiter
	clients  []*http.Client // of the jobs
}

// New returns an App, or an error when the configuration names a type of source or sink
// that has no adapter. It opens nothing.
func New(o Options) (*App, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.Adapters.cover(o.Config); err != nil {
		return nil, err
	}
	a := &App{
		adapters: o.Adapters, userAgent: strings.TrimSuffix("idpbridge/"+o.Version, "/"), version: o.Version, log: o.Log, cfg: o.Config,
		transport: transport.NewMetrics(o.Registry), engineM: engine.NewMetrics(o.Registry),
	}
	a.forget()
	a.initializeMetrics()
	return a, nil
}

// forget drops the adapters that were made. A cycle that runs keeps its own; connections
// that it leaves idle from now on are closed by their time-out.
func (a *App) forget() {
	for _, c := range a.clients {
		c.CloseIdleConnections()
	}
	a.clients = nil
	a.jobs = map[string]*engine.Job{}
	a.limiters = map[string]*transport.Limiter{}
}

// initializeMetrics makes the series of all jobs and peers appear at zero.
func (a *App) initializeMetrics() {
	for name := range a.cfg.Jobs {
		a.engineM.InitializeFor(name)
	}
	for name := range a.cfg.Sources {
		a.transport.InitializeFor(transport.Source, name)
	}
	for name := range a.cfg.Sinks {
		a.transport.InitializeFor(transport.Sink, name)
	}
}

// Config returns the configuration in force.
func (a *App) Config() *config.Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg
}

// JobNames returns the configured jobs, sorted.
func (a *App) JobNames() []string { return slices.Sorted(maps.Keys(a.Config().Jobs)) }

// Store opens the state, or returns it when it is open. Close closes it.
func (a *App) Store(ctx context.Context) (*state.Store, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.openStore(ctx)
}

func (a *App) openStore(ctx context.Context) (*state.Store, error) {
	if a.store != nil {
		return a.store, nil
	}
	store, err := state.Open(ctx, state.Options{Path: a.cfg.State.Path, Log: a.log})
	if err != nil {
		return nil, err
	}
	a.store = store
	return store, nil
}

// Engine returns the engine over the state, which it opens.
func (a *App) Engine(ctx context.Context) (*engine.Engine, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	store, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	if a.engine == nil {
		a.engine = engine.New(engine.Options{Store: store, Log: a.log, Metrics: a.engineM})
	}
	return a.engine, nil
}

// PruneLog removes what the provisioning log of a job keeps for longer than configured.
// Others are not kept waiting.
func (a *App) PruneLog(ctx context.Context, job state.JobID) error {
	store, err := a.Store(ctx)
	if err != nil {
		return err
	}
	cfg := a.Config()
	var before time.Time
	if cfg.LogRetention > 0 {
		before = time.Now().Add(-cfg.LogRetention)
	}
	if _, err := store.PruneLog(ctx, job, before, cfg.LogMaxRecords); err != nil {
		return fmt.Errorf("prune the provisioning log: %w", err)
	}
	return nil
}

// Reload puts another configuration in force. Jobs are made anew when next asked for;
// cycles that run go on with what they have. The state's place can't change while it is
// open. On an error the old configuration stays.
func (a *App) Reload(cfg *config.Config) error {
	if err := a.adapters.cover(cfg); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.store != nil && cfg.State.Path != a.cfg.State.Path {
		return fmt.Errorf("state: %s is open and can't become %s without a restart", a.cfg.State.Path, cfg.State.Path)
	}
	a.cfg = cfg
	a.forget()
	a.initializeMetrics()
	return nil
}

// Close closes connections and the state. Cycles must have ended. What is asked for
// afterwards is opened anew.
func (a *App) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget()
	if a.store == nil {
		return nil
	}
	err := a.store.Close()
	a.store, a.engine = nil, nil
	if err != nil {
		return fmt.Errorf("close the state: %w", err)
	}
	return nil
}
