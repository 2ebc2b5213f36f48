// Package bench measures what idpbridge costs: time, memory, requests and disk, at sizes
// that are chosen by one number, N.
//
// # How
//
// Everything runs over HTTP between processes of this machine: an emulated Graph tenant,
// an emulated application and the bridge are separate processes, started from one
// executable by roles (Main). The bridge is the program's own wiring, the package app, with
// a plain HTTP client in the place of Microsoft's SDK. Each cycle is a process of its own,
// so that its peak of resident memory (VmHWM) is that cycle's alone.
//
// There are two applications. The emulator scimtest keeps what it is told, and stands for
// a real application in the comparison with a bare loop. The hollow one acknowledges
// everything and keeps nothing, so that a million people need no second database in
// memory; it is used where the cost of the bridge itself is measured.
//
// # What
//
//	sideBySide   initial cycle of N users, N/50 groups and 5 N memberships, in turn with a
//	             bare loop that sends the same bodies
//	curve        users alone at N/10, N and 10 N: initial, full re-read, nothing changed,
//	             N/100 changed, start of the server
//	groups       one group of N/10 and of N members, then N/100 joining and N/100 leaving
//	micro        decoding and mapping on one core
//
// Rows compares the figures with their bars, and Write makes docs/performance.md and the
// plots. Nothing in these is written by hand. Bars are stated for N = 100,000; at other
// sizes the verdict on time is not given, since fixed costs would decide it.
package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Options say what to measure.
type Options struct {
	// N is the number of users of the middle size; at least 200.
	N int
	// Turns is how often bridge and bare loop are run in turn, of which the median counts:
	// on a machine that others use too, two of them lie ten percent apart. 0 means 1.
	Turns int
	// Dir is where states are kept while measuring; they are removed afterwards.
	Dir string
	// Log is told how far it is; nil: nobody.
	Log *slog.Logger
	// Save is given what was measured so far, so that hours of work survive an end; nil:
	// nobody is. With Begun, what it was given last, a run goes on from there.
	Save  func(*Report) error
	Begun *Report
}

// Report is everything that was measured.
type Report struct {
	N       int       `json:"n"`
	Began   time.Time `json:"began"`
	Took    Duration  `json:"took"`
	Machine Machine   `json:"machine"`
	Side    Side      `json:"side"`
	Curve   []Point   `json:"curve"`
	Groups  Groups    `json:"groups"`
	Micro   Micro     `json:"micro"`
}

// Duration is a time.Duration that is written in words.
type Duration struct{ time.Duration }

// MarshalText writes "1.5s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "1.5s".
func (d *Duration) UnmarshalText(text []byte) error {
	var err error
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

// Run measures everything.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.N < 200 {
		return nil, fmt.Errorf("size %d: 200 users is the least", o.N)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Turns = max(1, o.Turns)
	if o.Save == nil {
		o.Save = func(*Report) error { return nil }
	}
	r := o.Begun
	if r == nil {
		r = &Report{N: o.N, Began: time.Now().UTC(), Machine: machine()}
	}
	for _, p := range parts() {
		if p.measured(r) {
			continue
		}
		o.Log.Info("measure", "part", p.name, "load", load())
		if err := p.run(ctx, o, r); err != nil {
			return r, fmt.Errorf("%s: %w", p.name, err)
		}
		if err := o.save(r); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (o Options) save(r *Report) error {
	r.Machine.LoadAfter = load()
	r.Took = Duration{time.Since(r.Began).Round(time.Second)}
	return o.Save(r)
}

// part is something that is measured on its own.
type part struct {
	name     string
	run      func(context.Context, Options, *Report) error
	measured func(*Report) bool
}

func parts() []part {
	return []part{
		{"decoding and mapping", runMicro, func(r *Report) bool { return r.Micro.Map > 0 }},
		{"tenants of three sizes", runCurve, func(r *Report) bool { return len(r.Curve) == len(r.sizes()) }},
		{"large groups", runGroups, func(r *Report) bool { return r.Groups.Swap.Status != "" }},
		{"initial cycle beside a bare loop", sideBySide, func(r *Report) bool { return len(r.Side.Bridge) > 0 }},
	}
}

// sizes are the tenants that are measured, the largest before the middle one: it says most.
func (r *Report) sizes() []int { return []int{r.N / 10, r.N * 10, r.N} }

// dir makes a fresh directory for one state.
func (o Options) dir(name string) (string, func(), error) {
	dir, err := os.MkdirTemp(o.Dir, name+"-")
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, "state.db"), func() { _ = os.RemoveAll(dir) }, nil // the rest is the system's to remove
}

// Main runs the role that args name and returns whether they named one. The driver starts
// its own executable in these roles.
func Main(ctx context.Context, args []string, out io.Writer) (bool, error) {
	if len(args) == 0 {
		return false, nil
	}
	roles := map[string]func(context.Context, task, io.Writer) error{
		"role-graph": serveGraph, "role-scim": serveSCIM, "role-hollow": serveHollow,
		"role-cycle": runCycle, "role-serve": runServe, "role-bare": runBare, "role-micro": measureMicro,
	}
	role := roles[args[0]]
	if role == nil {
		return false, nil
	}
	t, err := parseTask(args[1:])
	if err != nil {
		return true, err
	}
	if err := role(ctx, t, out); err != nil {
		return true, fmt.Errorf("%s: %w", args[0], err)
	}
	return true, nil
}
