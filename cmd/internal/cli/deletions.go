package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/view"
	"github.com/idpbridge/idpbridge/sync/state"
)

// DecideOptions is what `deletions approve` and `deletions reject` were asked for.
type DecideOptions struct {
	Job    string
	Ruling state.Ruling
}

func newDeletionsCmd(r *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deletions",
		Short: "Look at and decide on deletions that the guard holds back",
		Long: `When a cycle would disable or delete more accounts or groups than max_deletions allows, all of
them are held back until a person decides. Creates and updates go on meanwhile. An approval is for
the deletions that are held when it is given, never for later ones; it is carried out by the next
cycle, and expires after three days.

Between a look at the list and the decision a cycle may add to it. With --set, the name that the
list has at its end, the decision is for what was listed or is refused.`,
		Example: `  idpbridge deletions list entra-to-wiki
  idpbridge deletions approve entra-to-wiki --set 4be4f5ee05e9a0b3`,
		Args: cobra.NoArgs,
		RunE: needSubcommand,
	}
	cmd.AddCommand(
		r.jobArg(&cobra.Command{
			Use:   "list JOB",
			Short: "List what is held back, and what was decided",
			RunE:  func(cmd *cobra.Command, args []string) error { return runDeletionsList(cmd.Context(), r, args[0]) },
		}),
		newDecideCmd(r, state.Approved, &cobra.Command{Use: "approve JOB", Short: "Let the next cycle carry out what is held back now"}),
		newDecideCmd(r, state.Denied, &cobra.Command{Use: "reject JOB", Short: "Keep the accounts and groups whose deletion is held back now"}),
	)
	return cmd
}

func newDecideCmd(r *program, d state.Decision, cmd *cobra.Command) *cobra.Command {
	o := DecideOptions{Ruling: state.Ruling{Decision: d}}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.Job = args[0]
		if cmd.Flags().Changed("set") && o.Ruling.Set == "" {
			return usage("--set is empty: nothing was held back when its list was made")
		}
		return runDecide(cmd.Context(), r, o)
	}
	cmd.Flags().StringVar(&o.Ruling.Set, "set", "", "decide on this set of `deletions list` alone, and refuse when another waits")
	return r.jobArg(cmd)
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
		if err := printStaged(r, found.StagedDeletions); err != nil || found.Set == nil {
			return err
		}
		return r.printf("\nset %s: `idpbridge deletions approve %s --set %s` approves what waits here and nothing else\n", *found.Set, job, *found.Set)
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

func runDecide(ctx context.Context, r *program, o DecideOptions) error {
	return r.onJob(ctx, o.Job, func(s *session) error {
		n, err := s.control.Decide(ctx, o.Ruling)
		if err != nil {
			return err
		}
		out := view.Decided{Job: o.Job, Decision: o.Ruling.Decision.String(), Count: n}
		then := "; the next cycle carries them out, or `idpbridge run " + o.Job + "` does now"
		if o.Ruling.Decision == state.Denied {
			then = "; the accounts and groups stay as they are"
		}
		if r.json() {
			return r.printJSON(out)
		}
		if n == 0 {
			return r.printf("%s: nothing is held back\n", o.Job)
		}
		return r.printf("%s: %s %s%s\n", o.Job, count(n, "deletion"), out.Decision, then)
	})
}
