package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/demo"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// DemoOptions is what `demo` was asked for.
type DemoOptions struct {
	Once   bool
	People int
	Pause  time.Duration
}

func newDemoCmd(r *program) *cobra.Command {
	var o DemoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole system on this machine with made-up people",
		Long: `Runs an emulated Entra tenant, an emulated Okta org, two emulated SCIM applications, and the bridge
between them. No account is needed and nothing outside this machine is talked to. After the first
cycle of each job people join, move and leave, and the bridge's requests are shown. The
configuration is in a temporary folder, so that the other commands can be tried on it from a
second terminal; the folder is removed at the end.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), r, o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.Once, "once", false, "run one cycle per job and exit")
	f.IntVar(&o.People, "people", 4000, "how many people there are in both directories together")
	f.DurationVar(&o.Pause, "pause", 5*time.Second, "the time between two things that happen")
	return cmd
}

func runDemo(ctx context.Context, r *program, o DemoOptions) error {
	if o.People < demo.MinPeople {
		return usage("--people: %d are too few for two companies: %d at least", o.People, demo.MinPeople)
	}
	log := r.log
	if r.logLevel == "" {
		log = slog.New(slog.DiscardHandler) // the story tells of what goes wrong
	}
	d, err := demo.Start(ctx, demo.Options{
		People: o.People, Pause: o.Pause, Program: os.Args[0], Screen: demoScreen{r},
		Open: demo.InProcess(demo.Settings{Adapters: r.env.Adapters, Version: r.env.Version, Log: log}),
	})
	if err != nil {
		return err
	}
	return errors.Join(playDemo(ctx, d, o), d.Close())
}

func playDemo(ctx context.Context, d *demo.Demo, o DemoOptions) error {
	d.Introduce()
	if !o.Once {
		d.Invite()
	}
	if err := d.Once(ctx); err != nil || o.Once {
		return err
	}
	return d.Tell(ctx)
}

// demoScreen shows a demonstration: with --output json the accounts of cycles alone are
// results.
type demoScreen struct{ r *program }

func (s demoScreen) Say(text string) {
	if s.r.json() {
		s.r.screen.note(text)
		return
	}
	_ = s.r.printf("%s\n", text) // there is nobody to tell that nobody listens
}

func (s demoScreen) Progress(p engine.Progress) { s.r.screen.progress(p) }

func (s demoScreen) Summary(c *state.Cycle) error {
	s.r.screen.done()
	if err := printCycle(s.r, c); err != nil || s.r.json() {
		return err
	}
	return s.r.printf("\n")
}
