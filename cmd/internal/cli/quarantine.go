package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/view"
	"github.com/idpbridge/idpbridge/quarantine"
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
		var event quarantine.Event
		_, after, err := s.store.UpdateQuarantine(ctx, s.row.ID, func(was quarantine.Status) quarantine.Status {
			was, event = quarantine.Release(was)
			return was
		})
		if err != nil {
			return err
		}
		if after.State == quarantine.StateDisabled {
			return failed("`idpbridge resume "+job+"` makes it active again",
				"job %s was disabled after too long in quarantine, and a release does not end that", job)
		}
		if event == quarantine.EventReleased {
			return s.changed(ctx, r, "released from quarantine", s.runAtOnce)
		}
		return s.changed(ctx, r, "not in quarantine, nothing to release", nil)
	})
}

// runAtOnce makes the next automatic cycle due now.
func (s *session) runAtOnce(ctx context.Context) error {
	return s.store.SetNextCycle(ctx, s.row.ID, time.Now())
}

// changed does what is left to do, then prints the job as it is now.
func (s *session) changed(ctx context.Context, r *program, what string, then func(context.Context) error) error {
	if then != nil {
		if err := then(ctx); err != nil {
			return err
		}
	}
	if !r.json() {
		return r.printf("%s: %s\n", s.job.Name, what)
	}
	job, err := view.OfJob(ctx, s.store, s.job)
	if err != nil {
		return err
	}
	return r.printJSON(job)
}
