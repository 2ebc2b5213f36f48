// Command soak runs thousands of cycles in one process and fails when memory, goroutines,
// the state file or the time of a cycle grow.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/idpbridge/idpbridge/cmd/internal/bench"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if named, err := bench.Main(ctx, os.Args[1:], os.Stdout); named {
		return err
	}
	var o bench.SoakOptions
	flag.IntVar(&o.People, "people", 20_000, "users of the tenant")
	flag.IntVar(&o.Cycles, "cycles", 2000, "cycles after the initial one")
	flag.StringVar(&o.Dir, "dir", "", "where the state is kept (default: the system's temporary directory)")
	flag.Parse()
	return bench.Soak(ctx, o, os.Stdout)
}
