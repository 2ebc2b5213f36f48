package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// jobName is the one job of every measured configuration.
const jobName = "bench"

const configuration = `
state: sqlite:%s
http: {listen: "127.0.0.1:0"}
sources: {directory: {type: graph, base_url: "%s/v1.0", tenant_id: 00000000-0000-0000-0000-000000000000, auth: {type: token, token: %s}}}
sinks: {wiki: {type: scim, base_url: "%s", auth: {type: bearer, token: %s}}}
jobs: {bench: {source: directory, sink: wiki, interval: 24h, reconcile: 0}}
`

// Cycle is what one cycle cost, in a process of its own.
type Cycle struct {
	Status string   `json:"status"`
	Wall   Duration `json:"wall"`   // of the engine's Run
	Source Duration `json:"source"` // the time in which an answer of the source was awaited or decoded
	CPU    Duration `json:"cpu"`    // of the process, user and system
	RSS    int64    `json:"rss"`    // peak, in bytes
	File   int64    `json:"file"`   // size of the closed state file, in bytes
	Result *state.Cycle
}

// open makes the program's wiring for a task.
func open(t task, waited *atomic.Int64, registry *prometheus.Registry) (*app.App, error) {
	text := fmt.Sprintf(configuration, t.State, t.Source, token, t.Sink+basePath, token)
	cfg, err := config.Parse(filepath.Join(filepath.Dir(t.State), "bench.yaml"), []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, err
	}
	app.SetMemory()
	level := slog.LevelError
	if t.Quiet {
		level++
	}
	return app.New(app.Options{
		Config: cfg, Version: "bench", Registry: registry,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
		Adapters: app.Adapters{
			Sources: map[string]app.NewSource{config.TypeGraph: light(waited)},
			Sinks:   map[string]app.SinkAdapter{config.TypeSCIM: app.SCIM()},
		},
	})
}

// light is the Graph source over a plain client, without Microsoft's SDK.
func light(waited *atomic.Int64) app.NewSource {
	return func(d app.SourceDeps) (engine.Source, error) {
		source, err := graph.New(*d.Config.Graph, client{*d.Config.Graph, d.Client}, d.Log)
		if err != nil {
			return nil, err
		}
		return &timed{source, waited}, nil
	}
}

// timed adds up how long reads took.
type timed struct {
	engine.Source
	waited *atomic.Int64
}

// Read reads one page.
func (s *timed) Read(ctx context.Context, q sources.Query, at sources.Cursor) (*sources.Page, error) {
	defer func(began time.Time) { s.waited.Add(int64(time.Since(began))) }(time.Now())
	return s.Source.Read(ctx, q, at)
}

type client struct {
	cfg  graph.Config
	http *http.Client
}

// Get sends one request.
func (c client) Get(ctx context.Context, r graph.Request) (graph.Answer, error) {
	link := r.Link
	if link == "" {
		query := url.Values{"$select": {strings.Join(r.Select, ",")}}
		if r.Top > 0 {
			query.Set("$top", strconv.Itoa(r.Top))
		}
		link = c.cfg.Base() + strings.TrimPrefix(r.Op.String(), "GET ") + "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return graph.Answer{}, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.cfg.Auth.Token.Reveal())
	resp, err := c.http.Do(req) //nolint:bodyclose // ReadAnswer closes it
	if err != nil {
		return graph.Answer{}, fmt.Errorf("send: %w", err)
	}
	return graph.ReadAnswer(resp)
}

// runCycle runs one cycle and prints a Cycle.
func runCycle(ctx context.Context, t task, out io.Writer) error {
	var waited atomic.Int64
	a, err := open(t, &waited, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	c, err := oneCycle(ctx, a, t)
	if err = errors.Join(err, a.Close()); err != nil {
		return err
	}
	c.Source = Duration{time.Duration(waited.Load())}
	if c.File, err = fileSize(t.State); err != nil {
		return err
	}
	c.RSS, c.CPU = peakRSS(), cpuTime()
	return json.NewEncoder(out).Encode(c)
}

func oneCycle(ctx context.Context, a *app.App, t task) (*Cycle, error) {
	e, err := a.Engine(ctx)
	if err != nil {
		return nil, err
	}
	job, err := a.Job(jobName)
	if err != nil {
		return nil, err
	}
	if t.Profile != "" {
		f, err := os.Create(t.Profile)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // a profile that is cut off can't be read
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	began := time.Now()
	result, err := e.Run(ctx, job, engine.Request{Full: t.Full, Trigger: "manual"})
	if err != nil {
		return nil, err
	}
	c := &Cycle{Status: result.Status, Wall: Duration{time.Since(began)}, Result: result}
	if result.Status != "succeeded" {
		return nil, fmt.Errorf("the cycle ended %s: %+v", result.Status, result.Error)
	}
	return c, nil
}

// Started is what the start of the server took.
type Started struct {
	Ready Duration `json:"ready"` // from the start of main until /readyz said yes
	RSS   int64    `json:"rss"`
}

// runServe starts the server on a state, and stops it as soon as it is ready.
func runServe(ctx context.Context, t task, out io.Writer) error {
	began := time.Now()
	registry := prometheus.NewRegistry()
	a, err := open(t, new(atomic.Int64), registry)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := make(chan net.Addr, 1)
	served := make(chan error, 1)
	go func() {
		served <- a.Serve(ctx, app.ServeOptions{Registry: registry, Listening: func(addr net.Addr) { at <- addr }})
	}()
	select {
	case err := <-served:
		return errors.Join(err, a.Close())
	case addr := <-at:
		err = awaitReady(ctx, "http://"+addr.String()+"/readyz")
	}
	s := Started{Ready: Duration{time.Since(began)}}
	cancel()
	if err := errors.Join(err, <-served, a.Close()); err != nil {
		return err
	}
	s.RSS = peakRSS()
	return json.NewEncoder(out).Encode(s)
}

func awaitReady(ctx context.Context, link string) error {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close() // only the status counts
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	return ctx.Err()
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
