package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// Side are initial cycles in turn with the bare loop, and what they leave.
type Side struct {
	Users       int     `json:"users"`
	Groups      int     `json:"groups"`
	Memberships int     `json:"memberships"`
	Bridge      []Cycle `json:"bridge"`
	Bare        []Bare  `json:"bare"`
	Requests    Counts  `json:"requests"` // of the last cycle, counted at the application
}

// Ratio is the median over the turns of bridge to bare loop.
func (s *Side) Ratio() float64 {
	ratios := make([]float64, len(s.Bridge))
	for i := range ratios {
		ratios[i] = s.Bridge[i].Wall.Seconds() / s.Bare[i].Wall.Seconds()
	}
	return median(ratios)
}

func median(values []float64) float64 {
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return (values[len(values)/2] + values[(len(values)-1)/2]) / 2
}

// with runs f beside a server of a role.
func with(ctx context.Context, role string, t task, f func(*server) error) error {
	s, err := start(ctx, role, t)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.close())
}

// sideBySide captures one initial cycle's requests, and then runs the bare loop and the
// bridge in turn, each against an empty application of its own.
func sideBySide(ctx context.Context, o Options, r *Report) error {
	t := task{People: o.N, Groups: o.N / 50, Members: 250}
	t.Members = min(t.Members, o.N)
	r.Side = Side{}
	r.Side.Users, r.Side.Groups, r.Side.Memberships = t.People, t.Groups, t.Groups*t.Members
	return with(ctx, "role-graph", t, func(directory *server) error {
		path, remove, err := o.dir("capture")
		if err != nil {
			return err
		}
		defer remove()
		capture := filepath.Join(filepath.Dir(path), "requests.jsonl")
		if _, err := o.initial(ctx, directory, "role-scim", task{Capture: capture}); err != nil {
			return fmt.Errorf("capture: %w", err)
		}
		for turn := range o.Turns {
			var b Bare
			err := with(ctx, "role-scim", task{}, func(app *server) error {
				return call(ctx, "role-bare", task{Capture: capture, Sink: app.base}, &b)
			})
			if err != nil {
				return err
			}
			c, err := o.initial(ctx, directory, "role-scim", task{})
			if err != nil {
				return err
			}
			r.Side.Bare, r.Side.Bridge, r.Side.Requests = append(r.Side.Bare, b), append(r.Side.Bridge, c.Cycle), c.counts
			o.Log.Info("initial cycle", "turn", turn+1, "bridge", c.Wall.String(), "bare", b.Wall.String())
		}
		return nil
	})
}

// counted is a cycle with what the application counted.
type counted struct {
	Cycle
	counts Counts
}

// initial runs an initial cycle with a new state against a new application.
func (o Options) initial(ctx context.Context, directory *server, role string, app task) (counted, error) {
	var c counted
	path, remove, err := o.dir("initial")
	if err != nil {
		return c, err
	}
	defer remove()
	err = with(ctx, role, app, func(s *server) error {
		c, err = cycle(ctx, task{State: path, Source: directory.base, Sink: s.base}, s)
		return err
	})
	return c, err
}

// cycle runs one cycle in a process of its own.
func cycle(ctx context.Context, t task, app *server) (counted, error) {
	var c counted
	if err := app.control(ctx, "counts", &c.counts); err != nil { // what was before is not ours
		return c, err
	}
	if err := call(ctx, "role-cycle", t, &c.Cycle); err != nil {
		return c, err
	}
	return c, app.control(ctx, "counts", &c.counts)
}

// Point is what a tenant of one size costs.
type Point struct {
	Users       int      `json:"users"`
	Initial     Cycle    `json:"initial"`
	Full        Cycle    `json:"full"`
	FullWrites  int64    `json:"full_writes"`
	Nothing     []Cycle  `json:"nothing"` // several, for the median
	NothingSink int64    `json:"nothing_sink"`
	ChangedN    int      `json:"changed_n"`
	Changed     []Cycle  `json:"changed"`
	ChangedSink Counts   `json:"changed_sink"`
	Start       Started  `json:"start"`
	Took        Duration `json:"took"`
}

// beyond is the median of what cycles took beyond the source's answers, in milliseconds.
func beyond(cycles []Cycle) float64 {
	out := make([]float64, len(cycles))
	for i, c := range cycles {
		out[i] = float64(c.Wall.Duration-c.Source.Duration) / float64(time.Millisecond)
	}
	return median(out)
}

func wall(cycles []Cycle) float64 {
	out := make([]float64, len(cycles))
	for i, c := range cycles {
		out[i] = float64(c.Wall.Duration) / float64(time.Millisecond)
	}
	return median(out)
}

// repeats is how often a short cycle is repeated.
const repeats = 5

// runCurve measures three sizes.
func runCurve(ctx context.Context, o Options, r *Report) error {
	for _, n := range r.sizes() {
		if slices.ContainsFunc(r.Curve, func(p Point) bool { return p.Users == n }) {
			continue
		}
		p := Point{Users: n, ChangedN: max(1, o.N/100)}
		began := time.Now()
		if err := o.point(ctx, &p); err != nil {
			return fmt.Errorf("%d users: %w", n, err)
		}
		p.Took = Duration{time.Since(began).Round(time.Millisecond)}
		o.Log.Info("size measured", "users", n, "initial", p.Initial.Wall.String(), "full", p.Full.Wall.String(), "nothing_ms", beyond(p.Nothing), "changed_ms", wall(p.Changed))
		r.Curve = append(r.Curve, p)
		slices.SortFunc(r.Curve, func(a, b Point) int { return cmp.Compare(a.Users, b.Users) })
		if err := o.save(r); err != nil {
			return err
		}
	}
	return nil
}

func (o Options) point(ctx context.Context, p *Point) error {
	path, remove, err := o.dir("curve")
	if err != nil {
		return err
	}
	defer remove()
	return with(ctx, "role-graph", task{People: p.Users}, func(directory *server) error {
		return with(ctx, "role-hollow", task{}, func(app *server) error {
			return o.cycles(ctx, p, stage{task{State: path, Source: directory.base, Sink: app.base}, directory, app})
		})
	})
}

// stage is a state between a directory and an application.
type stage struct {
	task
	directory, app *server
}

// cycles measures the cycles of one size, one after the other on the same state.
func (o Options) cycles(ctx context.Context, p *Point, s stage) error {
	c, err := cycle(ctx, s.task, s.app)
	if err != nil {
		return fmt.Errorf("initial: %w", err)
	}
	p.Initial = c.Cycle
	full := s.task
	full.Full = true
	if c, err = cycle(ctx, full, s.app); err != nil {
		return fmt.Errorf("full: %w", err)
	}
	p.Full, p.FullWrites = c.Cycle, c.counts.POST+c.counts.PATCH+c.counts.Other
	for range repeats {
		if c, err = cycle(ctx, s.task, s.app); err != nil {
			return fmt.Errorf("nothing changed: %w", err)
		}
		p.Nothing, p.NothingSink = append(p.Nothing, c.Cycle), p.NothingSink+c.Result.Requests.Sink
	}
	for range repeats {
		var n int
		if err := s.directory.control(ctx, fmt.Sprintf("change?n=%d", p.ChangedN), &n); err != nil {
			return err
		}
		if c, err = cycle(ctx, s.task, s.app); err != nil {
			return fmt.Errorf("changed: %w", err)
		}
		if c.Result.Users.Updated != min(p.ChangedN, p.Users) {
			return fmt.Errorf("%d of %d changes arrived", c.Result.Users.Updated, p.ChangedN)
		}
		p.Changed, p.ChangedSink = append(p.Changed, c.Cycle), c.counts
	}
	return call(ctx, "role-serve", s.task, &p.Start)
}

// Groups is what groups of two sizes cost in a tenant of N people.
type Groups struct {
	Small    int    `json:"small"` // members
	Large    int    `json:"large"`
	SmallRun Cycle  `json:"small_run"` // initial
	LargeRun Cycle  `json:"large_run"`
	Swapped  int    `json:"swapped"` // members that left, and as many that joined
	Swap     Cycle  `json:"swap"`
	SwapSink Counts `json:"swap_sink"`
}

// runGroups measures one large group.
func runGroups(ctx context.Context, o Options, r *Report) error {
	g := &r.Groups
	g.Swapped = max(1, o.N/100)
	g.Small, g.Large = o.N/10, o.N-g.Swapped
	err := with(ctx, "role-graph", task{People: o.N, Groups: 1, Members: g.Small}, func(directory *server) error {
		c, err := o.initial(ctx, directory, "role-hollow", task{})
		g.SmallRun = c.Cycle
		return err
	})
	if err != nil {
		return err
	}
	path, remove, err := o.dir("groups")
	if err != nil {
		return err
	}
	defer remove()
	return with(ctx, "role-graph", task{People: o.N, Groups: 1, Members: g.Large}, func(directory *server) error {
		return with(ctx, "role-hollow", task{}, func(app *server) error {
			s := stage{task{State: path, Source: directory.base, Sink: app.base}, directory, app}
			c, err := cycle(ctx, s.task, app)
			if err != nil {
				return err
			}
			g.LargeRun = c.Cycle
			var n int
			if err := directory.control(ctx, fmt.Sprintf("swap?n=%d", g.Swapped), &n); err != nil {
				return err
			}
			c, err = cycle(ctx, s.task, app)
			g.Swap, g.SwapSink = c.Cycle, c.counts
			return err
		})
	})
}
