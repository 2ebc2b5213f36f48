package cli

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/api"
	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/sync/schedule"
)

func newServeCmd(r *program) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run all jobs on schedule, with the API, the console and metrics",
		Long: `Runs the cycles of all jobs when they are due, and serves the HTTP API, the console and
metrics at http.listen, 127.0.0.1:8480 unless configured. Logs go to stderr.

SIGTERM or SIGINT ends it within 30 seconds: cycles finish the objects in flight, and go on from
there next time. SIGHUP reads the configuration again; one that is wrong changes nothing. The
other commands can be used beside it.`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{"logLevel": "info"},
		RunE:        func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), r) },
	}
}

func runServe(ctx context.Context, r *program) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a, err := app.New(app.Options{Config: cfg, Adapters: r.env.Adapters, Version: r.env.Version, Log: r.log, Registry: reg})
	if err != nil {
		return &exitError{status: exitUsage, err: err}
	}
	hangups, stop := onHangup()
	defer stop()
	err = a.Serve(ctx, app.ServeOptions{
		Registry: reg, Reload: hangups, Load: r.load, Guard: localUnlessTokens(a),
		Handler: func(s *schedule.Scheduler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/api/", api.New(api.Options{App: a, Cycles: s, Log: r.log}))
			return mux
		},
	})
	return errors.Join(err, a.Close())
}

// onHangup passes SIGHUP on. Signals that come while one is worked on are one.
func onHangup() (<-chan struct{}, func()) {
	signals, hangups, done := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-signals:
			case <-done:
				return
			}
			select {
			case hangups <- struct{}{}:
			case <-done:
				return
			}
		}
	}()
	return hangups, func() { signal.Stop(signals); close(done) }
}

// localUnlessTokens lets only this machine in while nobody has a token. Behind that, the
// API asks for tokens itself; the console does, too.
func localUnlessTokens(a *app.App) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		local := api.LoopbackOnly(next)
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if len(a.Config().HTTP.Tokens) == 0 {
				local.ServeHTTP(w, req)
				return
			}
			next.ServeHTTP(w, req)
		})
	}
}
