// Package demo is the whole system on one machine, with no account anywhere: two made-up
// companies in an emulated Entra tenant and an emulated Okta org, an emulated SCIM
// application for each, and a bridge between them with a configuration as a person would
// write it.
//
// The emulators listen on loopback, so everything goes over HTTP, and the configuration is
// a file in a temporary folder: while the demonstration runs, every command of idpbridge
// can be tried on it from another terminal. Nothing is left behind when it ends.
//
// People are the same in every run (fixed seeds); ids, tokens and ports are not. The
// company is the truth of the demonstration: what happens changes the company, a directory
// writes it to its emulator, and tests compare the application with the company.
//
// The package decides what happens and says what came of it. It runs no cycle itself but
// asks a Bridge to, and prints nothing itself but through a Screen.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// MinPeople is the fewest people that make two companies with all their departments.
const MinPeople = 100

// Options are what a demonstration is made of.
type Options struct {
	// People is how many there are in both companies together, at least MinPeople.
	People int
	// Pause is the time between two things that happen.
	Pause time.Duration
	// Program is how the reader calls idpbridge in another terminal.
	Program string
	// Open starts a bridge with a configuration file.
	Open func(ctx context.Context, file string) (Bridge, error)
	// Screen shows what happens.
	Screen Screen
}

// Bridge is idpbridge at work.
type Bridge interface {
	// Cycle runs one cycle of a job and returns its account. The error is about a cycle
	// that did not run at all.
	Cycle(ctx context.Context, job string, r engine.Request) (*state.Cycle, error)
	// Close ends it.
	Close() error
}

// Screen is where a demonstration is seen.
type Screen interface {
	// Say shows text for people; it may have several lines.
	Say(text string)
	// Progress shows how far a long cycle has come.
	Progress(p engine.Progress)
	// Summary shows the account of a cycle.
	Summary(c *state.Cycle) error
}

// Demo is a demonstration that was started.
type Demo struct {
	o           Options
	entra, okta *site
	folder      string
	config      string // path of the configuration file
	bridge      Bridge
}

// Start makes the companies, serves the emulators and starts a bridge between them. Close
// ends all of it.
func Start(ctx context.Context, o Options) (*Demo, error) {
	if o.People < MinPeople {
		return nil, fmt.Errorf("%d people are too few for two companies: %d at least", o.People, MinPeople)
	}
	d := &Demo{o: o}
	if err := d.start(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Demo) start(ctx context.Context) error {
	var err error
	if d.entra, err = newEntra(d.o.People * 2 / 3); err != nil {
		return err
	}
	if d.okta, err = newOkta(d.o.People / 3); err != nil {
		return err
	}
	if d.folder, err = os.MkdirTemp("", "idpbridge-demo-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	d.config = filepath.Join(d.folder, "idpbridge.yaml")
	if err := writeConfig(d.config, d.entra, d.okta); err != nil {
		return err
	}
	if d.bridge, err = d.o.Open(ctx, d.config); err != nil {
		return fmt.Errorf("start the bridge: %w", err)
	}
	return nil
}

// Close ends the bridge and the emulators, and removes the folder.
func (d *Demo) Close() error {
	var errs []error
	if d.bridge != nil {
		errs = append(errs, d.bridge.Close())
	}
	for _, s := range []*site{d.entra, d.okta} {
		if s != nil {
			s.close()
		}
	}
	if d.folder != "" {
		errs = append(errs, os.RemoveAll(d.folder))
	}
	return errors.Join(errs...)
}

// sites are the jobs, in the order in which they run.
func (d *Demo) sites() []*site { return []*site{d.entra, d.okta} }

// Introduce says what there is.
func (d *Demo) Introduce() {
	d.o.Screen.Say("Two made-up companies, all of it on this machine:\n")
	for _, s := range d.sites() {
		c := s.company
		d.o.Screen.Say(fmt.Sprintf("  %-11s %s people and %s in an emulated %s: %s\n  %-11s for its %s, an emulated SCIM application: %s",
			c.name, thousands(len(c.people)), number(len(c.groups), "group"), s.provider, s.sourceURL, "", s.sink, s.sinkURL))
	}
	d.o.Screen.Say("")
}

// Invite says what can be tried on it.
func (d *Demo) Invite() {
	d.o.Screen.Say("While this runs, try in another terminal:\n\n" +
		d.command("status") + "\n" +
		d.command("logs "+d.entra.job+" --limit 5") + "\n" +
		d.command("provision "+d.entra.job+" --user "+d.entra.company.pick(settled).login) + "\n")
}

// command is a call of idpbridge on the demonstration's configuration, indented.
func (d *Demo) command(args string) string {
	return "    " + d.o.Program + " -c " + d.config + " " + args
}

// Once runs one cycle of each job. Every one must succeed.
func (d *Demo) Once(ctx context.Context) error {
	for _, s := range d.sites() {
		c, err := d.bridge.Cycle(ctx, s.job, engine.Request{Progress: func(p engine.Progress) {
			s.app.ResetCounts() // thousands of requests are not worth keeping
			d.o.Screen.Progress(p)
		}})
		if err != nil {
			return fmt.Errorf("cycle of %s: %w", s.job, err)
		}
		if err := d.o.Screen.Summary(c); err != nil {
			return err
		}
		if c.Status != "succeeded" {
			return fmt.Errorf("the cycle of %s ended %s", s.job, c.Status)
		}
		s.app.ResetCounts()
	}
	return nil
}
