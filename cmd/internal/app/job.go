package app

import (
	"fmt"
	"net/http"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
	"github.com/idpbridge/idpbridge/sync/transport"
)

// UnknownJobError is returned for a job that is not in the configuration.
type UnknownJobError struct {
	Name  string
	Known []string // sorted
}

// Error names the jobs that there are.
func (e *UnknownJobError) Error() string {
	return fmt.Sprintf("there is no job %q in the configuration; its jobs are %v", e.Name, e.Known)
}

// JobConfig returns a job's settings, or an *UnknownJobError.
func (a *App) JobConfig(name string) (config.Job, error) {
	job, ok := a.Config().Jobs[name]
	if !ok {
		return config.Job{}, &UnknownJobError{Name: name, Known: a.JobNames()}
	}
	return job, nil
}

// Job returns everything that a cycle of a job needs. It is made once; nothing is sent.
func (a *App) Job(name string) (*engine.Job, error) {
	cfg, err := a.JobConfig(name)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if job := a.jobs[name]; job != nil {
		return job, nil
	}
	job, err := a.makeJob(cfg)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", name, err)
	}
	a.jobs[name] = job
	return job, nil
}

// counters are a job's numbers of requests.
type counters struct{ source, sink transport.Counter }

func (a *App) makeJob(cfg config.Job) (*engine.Job, error) {
	m, err := a.cfg.Mapping(cfg)
	if err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	n := &counters{}
	job := &engine.Job{
		Name: cfg.Name, Mapping: m, Policy: cfg.Policy(), Quarantine: cfg.QuarantinePolicy(),
		Interval: cfg.Interval, Reconcile: cfg.Reconcile,
		Requests: func() state.Requests {
			return state.Requests{Source: int64(n.source.Requests()), Sink: int64(n.sink.Requests())}
		},
	}
	if job.Source, err = a.makeSource(cfg.Source, &n.source); err != nil {
		return nil, fmt.Errorf("source %s: %w", cfg.Source, err)
	}
	if err := a.makeSinks(job, cfg.Sink, &n.sink); err != nil {
		return nil, fmt.Errorf("sink %s: %w", cfg.Sink, err)
	}
	return job, nil
}

func (a *App) makeSource(name string, n *transport.Counter) (engine.Source, error) {
	cfg := a.cfg.Sources[name]
	client := a.client(transport.Options{Peer: transport.Source, Name: name, Counter: n})
	return a.adapters.Sources[cfg.Type()](SourceDeps{Config: cfg, Client: client, Log: a.log.With("source", name)})
}

// makeSinks makes the job's sink twice: as it is, and over a client that refuses writes.
func (a *App) makeSinks(job *engine.Job, name string, n *transport.Counter) error {
	cfg := a.cfg.Sinks[name]
	adapter := a.adapters.Sinks[cfg.Type()]
	o, err := adapter.Transport(cfg)
	if err != nil {
		return err
	}
	o.Peer, o.Name, o.Counter = transport.Sink, name, n
	client := a.client(o)
	o.ReadOnly = true
	readOnly := a.client(o)
	if url := adapter.TokenURL(cfg); url != "" {
		readOnly.Transport = &tokenExempt{url: url, tokens: client.Transport, rest: readOnly.Transport}
	}
	deps := SinkDeps{Config: cfg, Client: client, Log: a.log.With("sink", name)}
	if job.Sink, err = adapter.New(deps); err != nil {
		return err
	}
	deps.Client = readOnly
	job.DrySink, err = adapter.New(deps)
	return err
}

// client makes a client over the limiter that all jobs of the peer share.
func (a *App) client(o transport.Options) *http.Client {
	key := o.Peer.String() + " " + o.Name
	if a.limiters[key] == nil {
		a.limiters[key] = transport.NewLimiter(transport.Limits{Rate: o.RateLimit, Concurrency: o.Concurrency, Budgets: o.Budgets})
	}
	o.Limiter, o.Metrics, o.Log, o.UserAgent = a.limiters[key], a.transport, a.log, a.userAgent
	client := transport.Client(o)
	a.clients = append(a.clients, client)
	return client
}

// tokenExempt is a read-only transport with one exception: tokens are fetched by POST, and
// without one a dry run could not even read.
type tokenExempt struct {
	url          string
	tokens, rest http.RoundTripper
}

// RoundTrip sends a request for a token as it is and everything else read-only.
func (t *tokenExempt) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && r.URL.String() == t.url {
		return t.tokens.RoundTrip(r)
	}
	return t.rest.RoundTrip(r)
}

// CloseIdleConnections is for http.Client, which asks its transport for it.
func (t *tokenExempt) CloseIdleConnections() {
	for _, rt := range []http.RoundTripper{t.tokens, t.rest} {
		if c, ok := rt.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}
