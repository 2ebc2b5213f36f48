package bench

import (
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// line is one curve of a plot.
type line struct {
	name  string
	value func(Point) float64
}

// plots draws the curve's figures over the number of users.
func plots(folder string, r *Report) error {
	if len(r.Curve) == 0 {
		return nil
	}
	for _, f := range []struct {
		file, title, unit string
		lines             []line
	}{
		{"rates.svg", "Rates of cycles", "users/s", []line{
			{"initial", func(p Point) float64 { return float64(p.Users) / p.Initial.Wall.Seconds() }},
			{"full re-read", func(p Point) float64 { return float64(p.Users) / p.Full.Wall.Seconds() }},
		}},
		{"short.svg", "Short cycles", "ms", []line{
			{"nothing changed", func(p Point) float64 { return wall(p.Nothing) }},
			{"some changed", func(p Point) float64 { return wall(p.Changed) }},
			{"start of serve", func(p Point) float64 { return float64(p.Start.Ready.Milliseconds()) }},
		}},
		{"memory.svg", "Peak memory", "MB", []line{
			{"initial", func(p Point) float64 { return float64(p.Initial.RSS) / mega }},
			{"full re-read", func(p Point) float64 { return float64(p.Full.RSS) / mega }},
			{"nothing changed", func(p Point) float64 { return float64(p.Nothing[0].RSS) / mega }},
		}},
	} {
		p := plot.New()
		p.Title.Text, p.X.Label.Text, p.Y.Label.Text = f.title, "users", f.unit
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{}
		p.Y.Min = 0
		p.Legend.Top = true
		var args []any
		for _, l := range f.lines {
			xys := make(plotter.XYs, len(r.Curve))
			for i, point := range r.Curve {
				xys[i].X, xys[i].Y = float64(point.Users), l.value(point)
			}
			args = append(args, l.name, xys)
		}
		if err := plotutil.AddLinePoints(p, args...); err != nil {
			return err
		}
		p.Y.Min = 0
		if err := p.Save(6*vg.Inch, 3.5*vg.Inch, filepath.Join(folder, f.file)); err != nil {
			return err
		}
	}
	return nil
}
