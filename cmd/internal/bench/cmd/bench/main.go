// Command bench measures idpbridge and writes docs/performance.md; see the package bench.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"

	"github.com/idpbridge/idpbridge/cmd/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if named, err := bench.Main(ctx, os.Args[1:], os.Stdout); named {
		exit(err)
	}
	exit(run(ctx))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context) error {
	o := bench.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	flag.IntVar(&o.N, "n", 100_000, "users of the middle size; the largest has ten times as many")
	flag.IntVar(&o.Turns, "turns", 2, "how often bridge and bare loop are run in turn")
	flag.StringVar(&o.Dir, "dir", "", "where states are kept while measuring (default: the system's temporary directory)")
	docs := flag.String("docs", "", "the directory to write performance.md and its plots to; empty: none are written")
	from := flag.String("from", "", "show the figures of this file again and measure nothing")
	figures := flag.String("json", "", "a file to write the figures to")
	flag.Parse()
	r := new(bench.Report)
	if *from != "" {
		text, err := os.ReadFile(*from)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, r); err != nil {
			return fmt.Errorf("%s: %w", *from, err)
		}
	} else {
		var err error
		if r, err = bench.Run(ctx, o); err != nil {
			return err
		}
	}
	if *figures != "" {
		text, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*figures, text, 0o600); err != nil {
			return err
		}
	}
	if err := bench.Print(os.Stdout, r); err != nil {
		return err
	}
	if *docs == "" {
		return nil
	}
	return bench.Write(*docs, r)
}
