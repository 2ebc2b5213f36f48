package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/view"
)

func newQuarantineCmd(r *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "Show jobs in quarantine, or release one",
		Args:  cobra.NoArgs,
		RunE:  needSubcommand,
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "list",
			Short: "List the jobs in quarantine, and those it disabled",
			Args:  cobra.NoArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return runQuarantineList(cmd.Context(), r) },
		},
		r.jobArg(&cobra.Command{
			Use:   "release JOB",
			Short: "End a job's quarantine: automatic cycles go on",
			RunE: func(cmd *cobra.Command, args []string) error {
				return runQuarantineRelease(cmd.Context(), r, args[0])
			},
		}),
	)
	return cmd
}

// needSubcommand is the RunE of commands that only group others.
func needSubcommand(cmd *cobra.Command, _ []string) error {
	return usage("%s needs a subcommand; `%s --help` lists them", cmd.Name(), cmd.CommandPath())
}

func runQuarantineList(ctx context.Context, r *program) error {
	a, err := r.open()
	if err != nil {
		return err
	}
	all, err := readJobs(ctx, a, nil)
	if err := errors.Join(err, a.Close()); err != nil {
		return err
	}
	held := view.Jobs{Jobs: []view.Job{}}
	for _, j := range all.Jobs {
		if j.Quarantine != nil {
			held.Jobs = append(held.Jobs, j)
		}
	}
	if r.json() {
		return r.printJSON(held)
	}
	if len(held.Jobs) == 0 {
		return r.printf("No job is in quarantine.\n")
	}
	return printQuarantine(r, held.Jobs)
}

func printQuarantine(r *program, jobs []view.Job) error {
	g := newGrid("JOB", "STATE", "REASON", "SINCE", "PROBES", "NEXT PROBE", "MESSAGE")
	for _, j := range jobs {
		q := j.Quarantine
		g.add(cell{j.Name, heading}, cell{j.State, toneOfState(j.State)}, text(q.Reason), text(stamp(q.Since)),
			text(q.Probes), ago(q.NextProbeAt), text(q.Message))
	}
	return r.print(g)
}

func runQuarantineRelease(ctx context.Context, r *program, job string) error {
	return r.onJob(ctx, job, func(s *session) error {
		released, err := s.control.Release(ctx)
		if err != nil {
			return err
		}
		if !released {
			return s.changed(ctx, r, "not in quarantine, nothing to release")
		}
		return s.changed(ctx, r, "released from quarantine")
	})
}

// changed prints what was done or, as JSON, the job as it is now.
func (s *session) changed(ctx context.Context, r *program, what string) error {
	if !r.json() {
		return r.printf("%s: %s\n", s.job.Name, what)
	}
	job, err := view.OfJob(ctx, s.store, s.job)
	if err != nil {
		return err
	}
	return r.printJSON(job)
}
