package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"runtime"
	"time"

	"github.com/spf13/cobra"
)

const (
	// blockRate has one blocking event sampled per so many nanoseconds of waiting.
	blockRate = 10_000
	// mutexFraction has one of so many contended locks sampled.
	mutexFraction = 100
)

// withProfiles adds --pprof to a command: while it runs, profiles of the process are
// served as Go's tools expect them.
func (r *program) withProfiles(cmd *cobra.Command) *cobra.Command {
	address := cmd.Flags().String("pprof", "", "serve CPU, heap and block profiles below /debug/pprof/ at this loopback address, such as 127.0.0.1:6060")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *address == "" {
			return run(cmd, args)
		}
		stop, err := r.profile(cmd.Context(), *address)
		if err != nil {
			return err
		}
		return errors.Join(run(cmd, args), stop())
	}
	return cmd
}

// profile serves profiles until the function it returns is called. Profiles hold what is
// in memory, people's names among it, so that nothing but loopback is accepted.
func (r *program) profile(ctx context.Context, address string) (func() error, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, usage("--pprof %q is not a loopback address with a port, such as 127.0.0.1:6060", address)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("serve profiles: %w", err)
	}
	runtime.SetBlockProfileRate(blockRate)
	runtime.SetMutexProfileFraction(mutexFraction)
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	r.log.Warn("profiles are served", "address", l.Addr().String())
	return func() error {
		runtime.SetBlockProfileRate(0)
		runtime.SetMutexProfileFraction(0)
		err := srv.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}
