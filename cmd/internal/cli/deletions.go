package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/view"
	"github.com/idpbridge/idpbridge/sync/state"
)

func newDeletionsCmd(r *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deletions",
		Short: "Look at and decide on deletions that the guard holds back",
		Long: `When a cycle would disable or delete more accounts or groups than max_deletions allows, all of
them are held back until a person decides. Creates and updates go on meanwhile. An approval is for
the deletions that are held when it is given, never for later ones; it is carried out by the next
cycle, and expires after three days.`,
		Args: cobra.NoArgs,
		RunE: needSubcommand,
	}
	cmd.AddCommand(
		r.jobArg(&cobra.Command{
			Use:   "list JOB",
			Short: "List what is held back, and what was decided",
			RunE:  func(cmd *cobra.Command, args []string) error { return runDeletionsList(cmd.Context(), r, args[0]) },
		}),
		r.jobArg(&cobra.Command{
			Use:   "approve JOB",
			Short: "Let the next cycle carry out what is held back now",
			RunE: func(cmd *cobra.Command, args []string) error {
				return runDecide(cmd.Context(), r, args[0], state.Approved)
			},
		}),
		r.jobArg(&cobra.Command{
			Use:   "reject JOB",
			Short: "Keep the accounts and groups whose deletion is held back now",
			RunE: func(cmd *cobra.Command, args []string) error {
				return runDecide(cmd.Context(), r, args[0], state.Denied)
			},
		}),
	)
	return cmd
}

func runDeletionsList(ctx context.Context, r *program, job string) error {
	return r.onJob(ctx, job, func(s *session) error {
		found, err := view.OfStagedDeletions(ctx, s.store, s.row)
		if err != nil {
			return err
		}
		if r.json() {
			return r.printJSON(found)
		}
		if len(found.StagedDeletions) == 0 {
			return r.printf("Nothing is held back.\n")
		}
		return printStaged(r, found.StagedDeletions)
	})
}

func printStaged(r *program, staged []view.StagedDeletion) error {
	g := newGrid("ACTION", "RESOURCE", "SOURCE ID", "NAME", "TARGET ID", "REASON", "HELD SINCE", "DECISION")
	for _, d := range staged {
		tone := warning
		if d.Decision != "waiting" {
			tone = faint
		}
		g.add(cell{d.Action, bad}, text(d.Resource), text(d.SourceID), text(d.DisplayName), text(d.TargetID), text(d.Reason),
			text(stamp(d.StagedAt)), cell{d.Decision, tone})
	}
	return r.print(g)
}

func runDecide(ctx context.Context, r *program, job string, d state.Decision) error {
	return r.onJob(ctx, job, func(s *session) error {
		n, err := s.store.Decide(ctx, s.row.ID, d)
		if err != nil {
			return err
		}
		out := view.Decided{Job: job, Decision: "approved", Count: n}
		then := "; the next cycle carries them out, or `idpbridge run " + job + "` does now"
		if d == state.Denied {
			out.Decision, then = "rejected", "; the accounts and groups stay as they are"
		}
		if r.json() {
			return r.printJSON(out)
		}
		if n == 0 {
			return r.printf("%s: nothing is held back\n", job)
		}
		return r.printf("%s: %s %s%s\n", job, count(n, "deletion"), out.Decision, then)
	})
}
