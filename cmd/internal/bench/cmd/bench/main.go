// Command bench measures idpbridge and writes docs/performance.md; see the package bench.
package main

import (
	"context"
	"encoding/json"
	"errors"
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
	flag.IntVar(&o.Turns, "turns", 5, "how often bridge and bare loop are run in turn")
	flag.StringVar(&o.Dir, "dir", "", "where states are kept while measuring (default: the system's temporary directory)")
	docs := flag.String("docs", "", "the directory to write performance.md and its plots to; empty: none are written")
	figures := flag.String("json", "", "a file for the figures; what is in it already is not measured again")
	show := flag.Bool("show", false, "show what is in the file of figures and measure nothing")
	flag.Parse()
	var err error
	if o.Begun, err = begun(*figures); err != nil {
		return err
	}
	if o.Begun != nil {
		o.N = o.Begun.N
	}
	if *figures != "" {
		o.Save = func(r *bench.Report) error { return save(*figures, r) }
	}
	r := o.Begun
	if !*show {
		if r, err = bench.Run(ctx, o); err != nil {
			return err
		}
	}
	if r == nil {
		return errors.New("there are no figures to show")
	}
	if err := bench.Print(os.Stdout, r); err != nil {
		return err
	}
	if *docs == "" {
		return nil
	}
	return bench.Write(*docs, r)
}

// begun reads the figures of a run that did not come to its end, or nil.
func begun(file string) (*bench.Report, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := new(bench.Report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

func save(file string, r *bench.Report) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
