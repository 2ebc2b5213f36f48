package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/cmd/internal/view"
)

func newStatusCmd(r *program) *cobra.Command {
	return &cobra.Command{
		Use:   "status [JOB]",
		Short: "Show how jobs are doing",
		Long:  "Shows each job's state, its last cycle, what is in escrow, what the deletion guard holds, and why it is in quarantine.",
		Args:  cobra.MaximumNArgs(1), ValidArgsFunction: r.completeJob,
		RunE: func(cmd *cobra.Command, args []string) error { return runStatus(cmd.Context(), r, args) },
	}
}

func runStatus(ctx context.Context, r *program, names []string) error {
	a, err := r.open()
	if err != nil {
		return err
	}
	jobs, err := readJobs(ctx, a, names)
	if err := errors.Join(err, a.Close()); err != nil {
		return err
	}
	if r.json() {
		return r.printJSON(jobs)
	}
	return printJobs(r, jobs.Jobs)
}

// readJobs reads the named jobs, or all.
func readJobs(ctx context.Context, a *app.App, names []string) (view.Jobs, error) {
	if len(names) == 0 {
		names = a.JobNames()
	}
	out := view.Jobs{Jobs: make([]view.Job, 0, len(names))}
	for _, name := range names {
		cfg, err := a.JobConfig(name)
		if err != nil {
			return out, err
		}
		store, err := a.Store(ctx)
		if err != nil {
			return out, err
		}
		job, err := view.OfJob(ctx, store, cfg)
		if err != nil {
			return out, err
		}
		out.Jobs = append(out.Jobs, job)
	}
	return out, nil
}

func printJobs(r *program, jobs []view.Job) error {
	g := newGrid("JOB", "STATE", "LAST CYCLE", "STATUS", "NEXT", "USERS", "GROUPS", "ESCROW", "HELD")
	for _, j := range jobs {
		started, status := cell{"never", faint}, cell{"-", faint}
		if c := j.LastCycle; c != nil {
			started, status = ago(&c.StartedAt), cell{c.Status, toneOfStatus(c.Status)}
		}
		g.add(cell{j.Name, heading}, cell{j.State, toneOfState(j.State)}, started, status, ago(j.NextCycleAt),
			text(j.Links.Users), text(j.Links.Groups), alarming(j.Escrowed), alarming(j.StagedDeletions))
	}
	if err := r.print(g); err != nil {
		return err
	}
	for _, j := range jobs {
		if err := printTrouble(r, j); err != nil {
			return err
		}
	}
	return nil
}

// printTrouble says in words what is wrong with a job and what to do.
func printTrouble(r *program, j view.Job) error {
	if q := j.Quarantine; q != nil {
		if err := r.printf("\n%s is %s (%s) since %s: %s\n", j.Name, j.State, q.Reason, stamp(q.Since), oneLine(q.Message)); err != nil {
			return err
		}
		if err := r.printf("  → %s\n", wayOut(j)); err != nil {
			return err
		}
	}
	if c := j.LastCycle; c != nil && c.Error != nil {
		if err := r.printf("\nThe last cycle of %s %s (%s): %s\n", j.Name, c.Status, c.Error.Code, oneLine(c.Error.Message)); err != nil {
			return err
		}
		if err := r.printf("  → %s\n", c.Error.Advice); err != nil {
			return err
		}
	}
	if j.StagedDeletions > 0 {
		return r.printf("\n%s\n", heldAdvice(j.Name, j.StagedDeletions))
	}
	return nil
}

// wayOut says how a job gets out of quarantine.
func wayOut(j view.Job) string {
	switch {
	case j.State == "disabled":
		return "put the cause right, then `idpbridge resume " + j.Name + "`"
	case j.Quarantine.NextProbeAt != nil:
		return "put the cause right, then `idpbridge quarantine release " + j.Name + "`; the next connection probe is " + ago(j.Quarantine.NextProbeAt).text
	default:
		return "put the cause right, then `idpbridge quarantine release " + j.Name + "`"
	}
}
