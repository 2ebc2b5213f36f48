package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// RunOptions is what `run` was asked for.
type RunOptions struct {
	Job                                     string
	Full, Reconcile, DryRun, AllowDeletions bool
}

func newRunCmd(r *program) *cobra.Command {
	var o RunOptions
	cmd := r.jobArg(&cobra.Command{
		Use:   "run JOB",
		Short: "Run one cycle of a job now",
		Long: `Runs one cycle and prints what it did. The first cycle of a job reads everything; later ones
read what changed since. A job in quarantine runs too, and leaves quarantine when the cycle ends
below the thresholds. A second cycle of a job that is already in one is refused.

With --dry-run nothing is written, neither to the application nor to the state: the plan is printed.

Exit status: 0 done; 1 the cycle failed; 3 objects are in escrow; 4 deletions are held, or the
job entered quarantine.`,
		Example: `  idpbridge run entra-to-wiki --dry-run
  idpbridge run entra-to-wiki
  idpbridge run entra-to-wiki --full -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Job = args[0]
			return runRun(cmd.Context(), r, o)
		},
	})
	f := cmd.Flags()
	f.BoolVar(&o.Full, "full", false, "read everything, not only what changed")
	f.BoolVar(&o.Reconcile, "reconcile", false, "read everything, and the application too, and repair what differs")
	f.BoolVar(&o.DryRun, "dry-run", false, "say what would happen, and write nothing")
	f.BoolVar(&o.AllowDeletions, "allow-deletions", false, "let this run's deletions pass the guard")
	return cmd
}

func runRun(ctx context.Context, r *program, o RunOptions) error {
	var cycle *state.Cycle
	var entered string
	with := r.telling
	if o.DryRun {
		with = r.withEngine
	}
	err := with(ctx, o.Job, func(s *session, e *engine.Engine, job *engine.Job) error {
		var err error
		cycle, err = e.Run(ctx, job, engine.Request{
			Full: o.Full, Reconcile: o.Reconcile, DryRun: o.DryRun, AllowDeletions: o.AllowDeletions,
			Trigger: provlog.TriggerManual, Progress: r.screen.progress,
		})
		r.screen.done()
		if err != nil || o.DryRun {
			return err
		}
		ctx := context.WithoutCancel(ctx) // a stopped cycle has an account too
		if err := s.app.PruneLog(ctx, s.row.ID); err != nil {
			r.log.Warn("log not pruned", "job", o.Job, "error", err) // the cycle is what was asked for
		}
		entered, err = s.enteredQuarantine(ctx, cycle)
		return err
	})
	if err != nil {
		return err
	}
	if err := printCycle(r, cycle); err != nil {
		return err
	}
	return outcome(cycle, entered)
}

// enteredQuarantine returns why the cycle put its job into quarantine, or "". That the job
// was there before is not meant.
func (s *session) enteredQuarantine(ctx context.Context, c *state.Cycle) (string, error) {
	if !c.Quarantined {
		return "", nil
	}
	row, err := s.store.Job(ctx, c.Job)
	if err != nil || row.Quarantine.Since.Before(c.StartedAt) {
		return "", err
	}
	return fmt.Sprintf("%s: %s", row.Quarantine.Reason, row.Quarantine.Message), nil
}

// outcome is how a cycle ended as an exit status.
func outcome(c *state.Cycle, entered string) error {
	switch {
	case entered != "":
		return &exitError{
			status: exitHeld, err: fmt.Errorf("job %s entered quarantine (%s)", c.Job, entered),
			advice: adviceOfCycle(c, "put the cause right; `idpbridge quarantine release "+c.Job+"` or a good run ends it"),
		}
	case c.Status == "failed", c.Status == "aborted":
		return &exitError{status: exitFailed, err: cycleFailure(c), advice: adviceOfCycle(c, "")}
	case c.Status == "held":
		return &exitError{status: exitHeld, err: errors.New(heldAdvice(c.Job, c.StagedDeletions))}
	case c.Status == "partial" && c.DryRun:
		return &exitError{status: exitPartial, err: fmt.Errorf("%s; the plan says why", missed(c, "would be in escrow"))}
	case c.Status == "partial":
		return &exitError{
			status: exitPartial, err: errors.New(missed(c, "in escrow, to be tried again later")),
			advice: "`idpbridge logs " + c.Job + " --status failure` says why",
		}
	default:
		return nil
	}
}

// missed says what a cycle could not bring to the app. Who has no id can't be in escrow.
func missed(c *state.Cycle, escrow string) string {
	var parts []string
	if c.Escrowed > 0 {
		parts = append(parts, count(c.Escrowed, "object")+" of "+c.Job+" "+escrow)
	}
	if c.Nameless > 0 {
		parts = append(parts, "entries of the source without an id: "+strconv.Itoa(c.Nameless))
	}
	return strings.Join(parts, "; ")
}

func cycleFailure(c *state.Cycle) error {
	if c.Error == nil {
		return fmt.Errorf("the cycle of %s %s", c.Job, c.Status)
	}
	return fmt.Errorf("the cycle of %s %s (%s): %s", c.Job, c.Status, c.Error.Code, c.Error.Message)
}

// adviceOfCycle says what to do about a cycle's trouble, first about what holds it up most.
func adviceOfCycle(c *state.Cycle, otherwise string) string {
	switch {
	case c.Error != nil && c.Error.Advice != "":
		return c.Error.Advice
	case c.StagedDeletions > 0:
		return heldAdvice(c.Job, c.StagedDeletions)
	default:
		return otherwise
	}
}
