package bench

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"
)

// Print writes the table for a terminal.
func Print(w io.Writer, r *Report) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "WORK\tBAR\tFIGURE\tRATIO\tVERDICT\tNOTE") // tabwriter keeps errors for Flush
	for _, row := range Rows(r) {
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%.2f\t%s\t%s\n", row.Work, row.Bar, row.Figure, row.Ratio, row.Verdict, row.Note)
	}
	return tw.Flush()
}

// Write writes performance.md, and its plots in the folder performance.
func Write(docs string, r *Report) error {
	folder := filepath.Join(docs, "performance")
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // documentation is for everybody
		return err
	}
	if err := plots(folder, r); err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return os.WriteFile(filepath.Join(docs, "performance.md"), page(r), 0o644) //nolint:gosec // likewise
}

func page(r *Report) []byte {
	var b bytes.Buffer
	m := r.Machine
	fmt.Fprintf(&b, "# Performance\n\nWritten by `make bench N=%d` on %s in %s; do not edit. What is measured, and how, is described in\n", r.N, r.Began.Format(time.DateTime+" UTC"), r.Took)
	fmt.Fprintf(&b, "the package comment of `cmd/internal/bench`; what the figures mean for planning is in [scaling.md](scaling.md).\n\n")
	fmt.Fprintf(&b, "Machine: %s, %d cores, %d MB, %s. %s, SQLite %s, revision %s.\nLoad averages (1, 5, 15 minutes) before: %s; after: %s. ", m.CPU, m.Cores, m.MemoryMB, m.OS, m.Go, m.SQLite, m.Revision, m.LoadBefore, m.LoadAfter)
	fmt.Fprintf(&b, "The emulators share the cores with the bridge.\n\n## The bars\n\n")
	fmt.Fprintf(&b, "A ratio of at most 1 keeps the bar. Rates a core are by CPU time, everything else by the clock.\n\n| work | bar | figure | ratio | verdict | note |\n|---|---|---|---|---|---|\n")
	for _, row := range Rows(r) {
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f | %s | %s |\n", row.Work, row.Bar, row.Figure, row.Ratio, row.Verdict, row.Note)
	}
	for _, p := range parts() {
		if !p.measured(r) {
			fmt.Fprintf(&b, "\nNot measured in this run: %s.\n", p.name)
		}
	}
	if len(r.Curve) == 0 {
		return b.Bytes()
	}
	sizes(&b, r)
	project(&b, r)
	fmt.Fprintf(&b, "\n![Rates of cycles by size](performance/rates.svg)\n\n![Short cycles by size](performance/short.svg)\n\n![Peak memory by size](performance/memory.svg)\n")
	return b.Bytes()
}

// sizes writes the figures of the curve.
func sizes(b *bytes.Buffer, r *Report) {
	fmt.Fprintf(b, "\n## By size\n\nUsers alone, against the hollow application.\n\n")
	fmt.Fprintf(b, "| users | initial, users/s | CPU a user | full re-read, users/s | CPU a user | nothing changed, ms (beyond the source) | %s changed, ms | start, ms | state, bytes a user | peak RSS, MB: initial, full, incremental |\n|---|---|---|---|---|---|---|---|---|---|\n", thousands(r.Curve[0].ChangedN))
	for _, p := range r.Curve {
		n := float64(p.Users)
		fmt.Fprintf(b, "| %s | %.0f | %.0f µs | %.0f | %.0f µs | %.0f (%.0f) | %.0f | %d | %.0f | %d, %d, %d |\n", thousands(p.Users),
			n/p.Initial.Wall.Seconds(), float64(p.Initial.CPU.Microseconds())/n, n/p.Full.Wall.Seconds(), float64(p.Full.CPU.Microseconds())/n,
			wall(p.Nothing), beyond(p.Nothing), wall(p.Changed), p.Start.Ready.Milliseconds(), float64(p.Initial.File)/n,
			p.Initial.RSS/mega, p.Full.RSS/mega, p.Nothing[0].RSS/mega)
	}
	if len(r.Side.Bridge) == 0 {
		return
	}
	s := r.Side.Bridge[len(r.Side.Bridge)-1]
	fmt.Fprintf(b, "\nWith groups and memberships (%s users, %s groups, %s memberships): state %.0f bytes a user; the bridge used %s of CPU; the application got %d GET, %d POST, %d PATCH.\n",
		thousands(r.Side.Users), thousands(r.Side.Groups), thousands(r.Side.Memberships), float64(s.File)/float64(r.Side.Users), s.CPU.Round(time.Millisecond),
		r.Side.Requests.GET, r.Side.Requests.POST, r.Side.Requests.PATCH)
}
