package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/schedule"
)

// stopTime is how long cycles and requests have to end. A process manager that waits for
// 30 seconds, as most do, never has to kill.
const stopTime = 25 * time.Second

// ServeOptions make a server.
type ServeOptions struct {
	// Registry has the App's metrics, which Options.Registry took. The server adds those
	// of the jobs' states and serves all of them.
	Registry *prometheus.Registry
	// Handler makes the handler of everything but /healthz, /readyz and /metrics; nil:
	// there is nothing else.
	Handler func(*schedule.Scheduler) http.Handler
	// Guard wraps the handler of everything; nil: nothing does.
	Guard func(http.Handler) http.Handler
	// Listening is told the address as soon as requests are taken; nil: nobody is.
	Listening func(net.Addr)
	// Reload asks for the configuration to be read again, with Load.
	Reload <-chan struct{}
	Load   func() (*config.Config, error)
}

// service is a server at work.
type service struct {
	app       *App
	log       *slog.Logger
	opts      ServeOptions
	scheduler *schedule.Scheduler
	teller    *teller
	web       *web
}

// Serve runs the configured jobs on schedule, tells people what they have to know, and
// answers HTTP requests, until the context ends. Then cycles finish the objects in flight
// and keep their place; it returns nil when all ended in good order.
func (a *App) Serve(ctx context.Context, o ServeOptions) error {
	s := &service{app: a, log: a.log, opts: o}
	listener, err := s.open(ctx)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- s.web.serve(listener) }()
	s.log.Info("listening", "address", listener.Addr().String(), "tls", s.web.tls(), "jobs", len(a.JobNames()))
	if o.Listening != nil {
		o.Listening(listener.Addr())
	}
	err = s.wait(ctx, failed)
	return errors.Join(err, s.stop(ctx))
}

// open starts the jobs and takes the address, or leaves nothing behind.
func (s *service) open(ctx context.Context) (net.Listener, error) {
	err := s.prepare(ctx)
	var listener net.Listener
	if err == nil {
		if listener, err = s.web.listen(); err != nil {
			err = fmt.Errorf("listen: %w", err)
		}
	}
	if err == nil {
		if err = s.start(ctx); err != nil {
			err = errors.Join(err, listener.Close())
		}
	}
	if err != nil && s.scheduler != nil {
		err = errors.Join(err, s.scheduler.Stop(context.WithoutCancel(ctx)))
	}
	return listener, err
}

// prepare makes everything that can fail for want of a right configuration, and starts
// nothing.
func (s *service) prepare(ctx context.Context) error {
	store, err := s.app.Store(ctx)
	if err != nil {
		return err
	}
	if why := fleeting(store.Path()); why != "" {
		s.log.Warn("the state may not outlive this machine or container: links and watermarks would be lost", "path", store.Path(), "reason", why)
	}
	e, err := s.app.Engine(ctx)
	if err != nil {
		return err
	}
	if s.scheduler, err = schedule.New(schedule.Options{Store: store, Engine: e, Log: s.log}); err != nil {
		return err
	}
	for _, c := range []prometheus.Collector{s.scheduler.Collector(), buildInfo(s.app.version)} {
		if err := s.opts.Registry.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	s.teller = &teller{store: store, log: s.log, version: s.app.version}
	if s.web, err = newWeb(s); err != nil {
		return err
	}
	_, err = s.plan()
	return err
}

// plan makes all jobs of the configuration in force.
func (s *service) plan() (schedule.Plan, error) {
	cfg := s.app.Config()
	p := schedule.Plan{LogRetention: cfg.LogRetention, LogMaxRecords: cfg.LogMaxRecords, Jobs: make([]*engine.Job, 0, len(cfg.Jobs))}
	for _, name := range s.app.JobNames() {
		job, err := s.app.Job(name)
		if err != nil {
			return p, err
		}
		p.Jobs = append(p.Jobs, job)
	}
	return p, nil
}

func (s *service) start(ctx context.Context) error {
	p, err := s.plan()
	if err != nil {
		return err
	}
	if err := s.teller.put(ctx, s.app.Config().Notify); err != nil {
		return err
	}
	if err := s.scheduler.Start(ctx, p); err != nil {
		s.teller.stop()
		return err
	}
	s.web.ready.Store(true)
	return nil
}

// wait serves until the context ends or requests can't be taken any more.
func (s *service) wait(ctx context.Context, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return fmt.Errorf("serve HTTP: %w", err)
		case <-s.opts.Reload:
			s.reload(ctx)
		}
	}
}

// stop ends everything, within stopTime.
func (s *service) stop(ctx context.Context) error {
	s.web.ready.Store(false)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	web := make(chan error, 1)
	go func() { web <- s.web.stop(ctx) }()
	err := errors.Join(s.scheduler.Stop(ctx), <-web)
	s.teller.stop()
	if err == nil {
		s.log.Info("stopped")
	}
	return err
}

// reload puts the configuration in force as it is now. One that is wrong changes nothing,
// and says so.
func (s *service) reload(ctx context.Context) {
	const kept = "configuration not reloaded, the old one stays in force"
	cfg, err := s.opts.Load()
	if problems, ok := errors.AsType[config.Problems](err); ok {
		for _, p := range problems {
			s.log.Error(kept, "problem", p.Error())
		}
		return
	}
	if err == nil {
		err = s.change(ctx, cfg)
	}
	if err != nil {
		s.log.Error(kept, "error", err)
		return
	}
	s.log.Info("configuration reloaded", "jobs", len(cfg.Jobs))
}

// change puts a configuration in force, or leaves all as it was.
func (s *service) change(ctx context.Context, cfg *config.Config) error {
	old := s.app.Config()
	if err := s.app.Reload(cfg); err != nil {
		return err
	}
	p, err := s.plan()
	if err == nil {
		err = s.web.reload(cfg.HTTP)
	}
	if err == nil {
		err = s.teller.put(ctx, cfg.Notify)
	}
	if err == nil {
		err = s.scheduler.Reload(ctx, p)
	}
	if err != nil {
		return errors.Join(err, s.app.Reload(old), s.teller.put(ctx, old.Notify))
	}
	if cfg.HTTP.Listen != old.HTTP.Listen || cfg.HTTP.TLS.Enabled() != old.HTTP.TLS.Enabled() {
		s.log.Warn("http.listen and http.tls take effect after a restart")
	}
	return nil
}
