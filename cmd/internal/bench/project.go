package bench

import (
	"bytes"
	"fmt"
	"time"
)

// The installation that is calculated: as many apps, each with its own job, and accounts
// in each.
const (
	projectedApps     = 100
	projectedAccounts = 100_000 // in each app
	projectedInterval = 40 * time.Minute
	// projectedRate is how many requests a second a typical application allows.
	projectedRate = 25
	// projectedChurn is which share of the accounts changes in a day.
	projectedChurn = 0.01
)

// project calculates from measured costs what ten million accounts over 100 applications
// need. It takes the costs of the point next to the size of one job.
func project(b *bytes.Buffer, r *Report) {
	p := r.Curve[0]
	for _, q := range r.Curve {
		if q.Users <= projectedAccounts {
			p = q
		}
	}
	n, all := float64(p.Users), float64(projectedApps*projectedAccounts)
	cpu := p.Initial.CPU.Seconds() / n
	idle := (wall(p.Nothing) / 1000) / projectedInterval.Seconds() * projectedApps
	change := wall(p.Changed) / 1000 / float64(min(p.ChangedN, p.Users))
	fmt.Fprintf(b, "\n## Ten million accounts over %d applications, by calculation\n\n", projectedApps)
	fmt.Fprintf(b, "%d jobs with %s accounts each, from the costs measured at %s users:\n\n", projectedApps, thousands(projectedAccounts), thousands(p.Users))
	fmt.Fprintf(b, "| need | figure | from |\n|---|---|---|\n")
	for _, line := range [][3]string{
		{"CPU of all initial cycles", fmt.Sprintf("%.0f core minutes", all*cpu/60), fmt.Sprintf("%.0f µs an account", cpu*1e6)},
		{
			fmt.Sprintf("initial cycle of one application that allows %d requests/s", projectedRate),
			fmt.Sprintf("%.0f minutes", float64(projectedAccounts)/projectedRate/60), "the application's limit; all applications in parallel",
		},
		{"state on disk", fmt.Sprintf("%.1f GB", all*float64(p.Initial.File)/n/(1<<30)), fmt.Sprintf("%.0f bytes an account, with the log of the initial cycle", float64(p.Initial.File)/n)},
		{
			fmt.Sprintf("cycles every %s in which nothing changed", projectedInterval),
			fmt.Sprintf("%.2f %% of a core", 100*idle), fmt.Sprintf("%.0f ms a cycle, by the clock", wall(p.Nothing)),
		},
		{
			fmt.Sprintf("changes of %.0f %% of the accounts a day", 100*projectedChurn),
			fmt.Sprintf("%.1f minutes a day", all*projectedChurn*change/60), fmt.Sprintf("%.2f ms a change, by the clock", 1000*change),
		},
		{
			"one full re-read of everything", fmt.Sprintf("%.0f minutes, one job after the other", all/(n/p.Full.Wall.Seconds())/60),
			fmt.Sprintf("%.0f users/s", n/p.Full.Wall.Seconds()),
		},
	} {
		fmt.Fprintf(b, "| %s | %s | %s |\n", line[0], line[1], line[2])
	}
	b.WriteString("\nWhat these figures leave out is in [scaling.md](scaling.md#ten-million-accounts).\n")
}
