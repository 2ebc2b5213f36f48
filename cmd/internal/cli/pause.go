package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/state"
)

func newPauseCmd(r *program) *cobra.Command {
	return r.jobArg(&cobra.Command{
		Use:   "pause JOB",
		Short: "Stop a job's automatic cycles until it is resumed",
		Long:  "Stops the automatic cycles of a job. A cycle that runs ends as usual; `run` and `provision` still work.",
		RunE:  func(cmd *cobra.Command, args []string) error { return runPause(cmd.Context(), r, args[0]) },
	})
}

func runPause(ctx context.Context, r *program, job string) error {
	return r.onJob(ctx, job, func(s *session) error {
		_, after, err := s.store.UpdateQuarantine(ctx, s.row.ID, quarantine.Pause)
		if err != nil {
			return err
		}
		if after.State != quarantine.StatePaused {
			return failed("`idpbridge status "+job+"` says why", "job %s is %s: its automatic cycles don't run, and it can't be paused", job, after.State)
		}
		return s.changed(ctx, r, "paused", nil)
	})
}

func newResumeCmd(r *program) *cobra.Command {
	return r.jobArg(&cobra.Command{
		Use:   "resume JOB",
		Short: "Let a paused or disabled job run automatically again",
		RunE:  func(cmd *cobra.Command, args []string) error { return runResume(cmd.Context(), r, args[0]) },
	})
}

func runResume(ctx context.Context, r *program, job string) error {
	return r.onJob(ctx, job, func(s *session) error {
		var event quarantine.Event
		_, after, err := s.store.UpdateQuarantine(ctx, s.row.ID, func(was quarantine.Status) quarantine.Status {
			was, event = quarantine.Resume(was)
			return was
		})
		if err != nil {
			return err
		}
		if after.State == quarantine.StateQuarantined {
			return failed("put the cause right, then `idpbridge quarantine release "+job+"`",
				"job %s is in quarantine (%s: %s), which resume does not end", job, after.Reason, after.Message)
		}
		if event == quarantine.EventResumed {
			return s.changed(ctx, r, "resumed", nil)
		}
		return s.changed(ctx, r, "active already", nil)
	})
}

// RestartOptions is what `restart` was asked for. Nothing asked for means all of it.
type RestartOptions struct {
	Job                            string
	Watermark, Escrows, Quarantine bool
}

func newRestartCmd(r *program) *cobra.Command {
	var o RestartOptions
	cmd := r.jobArg(&cobra.Command{
		Use:   "restart JOB",
		Short: "Make a job read everything and try everything again",
		Long: `Forgets the job's watermark (the next cycle reads everything), makes all objects in escrow due
now, and releases the job from quarantine; with flags, only what they name. Links always stay, so
nothing is made twice.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Job = args[0]
			if !o.Watermark && !o.Escrows && !o.Quarantine {
				o.Watermark, o.Escrows, o.Quarantine = true, true, true
			}
			return runRestart(cmd.Context(), r, o)
		},
	})
	f := cmd.Flags()
	f.BoolVar(&o.Watermark, "watermark", false, "read everything in the next cycle")
	f.BoolVar(&o.Escrows, "escrows", false, "try objects in escrow again in the next cycle")
	f.BoolVar(&o.Quarantine, "quarantine", false, "end the quarantine")
	return cmd
}

func runRestart(ctx context.Context, r *program, o RestartOptions) error {
	return r.onJob(ctx, o.Job, func(s *session) error {
		if o.Watermark {
			// A running cycle would store its own watermark over the forgotten one.
			lease, err := s.store.LeaseCycle(ctx, s.row)
			if err != nil {
				return err
			}
			defer func() { _ = lease.Release(ctx) }()
		}
		if err := s.store.Restart(ctx, s.row.ID, state.Restart{Watermark: o.Watermark, Escrows: o.Escrows}); err != nil {
			return err
		}
		if o.Quarantine {
			if err := s.endQuarantine(ctx); err != nil {
				return err
			}
		}
		return s.changed(ctx, r, "restarted ("+strings.Join(o.parts(), ", ")+")", nil)
	})
}

// endQuarantine releases a job. A disabled one stays so: only resume ends that.
func (s *session) endQuarantine(ctx context.Context) error {
	_, _, err := s.store.UpdateQuarantine(ctx, s.row.ID, func(was quarantine.Status) quarantine.Status {
		was, _ = quarantine.Release(was)
		return was
	})
	return err
}

func (o RestartOptions) parts() []string {
	var out []string
	for _, p := range []struct {
		asked bool
		name  string
	}{{o.Watermark, "watermark"}, {o.Escrows, "escrows"}, {o.Quarantine, "quarantine"}} {
		if p.asked {
			out = append(out, p.name)
		}
	}
	return out
}
