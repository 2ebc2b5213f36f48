package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/control"
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
		if err := s.control.Pause(ctx); err != nil {
			return err
		}
		return s.changed(ctx, r, "paused")
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
		resumed, err := s.control.Resume(ctx)
		if err != nil {
			return err
		}
		if !resumed {
			return s.changed(ctx, r, "active already")
		}
		return s.changed(ctx, r, "resumed")
	})
}

// RestartOptions is what `restart` was asked for. Nothing asked for means all of it.
type RestartOptions struct {
	Job   string
	Parts control.Parts
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
			o.Parts = o.Parts.OrAll()
			return runRestart(cmd.Context(), r, o)
		},
	})
	f := cmd.Flags()
	f.BoolVar(&o.Parts.Watermark, "watermark", false, "read everything in the next cycle")
	f.BoolVar(&o.Parts.Escrows, "escrows", false, "try objects in escrow again in the next cycle")
	f.BoolVar(&o.Parts.Quarantine, "quarantine", false, "end the quarantine")
	return cmd
}

func runRestart(ctx context.Context, r *program, o RestartOptions) error {
	return r.onJob(ctx, o.Job, func(s *session) error {
		if err := s.control.Restart(ctx, o.Parts); err != nil {
			return err
		}
		return s.changed(ctx, r, "restarted ("+strings.Join(o.parts(), ", ")+")")
	})
}

func (o RestartOptions) parts() []string {
	var out []string
	for _, p := range []struct {
		asked bool
		name  string
	}{{o.Parts.Watermark, "watermark"}, {o.Parts.Escrows, "escrows"}, {o.Parts.Quarantine, "quarantine"}} {
		if p.asked {
			out = append(out, p.name)
		}
	}
	return out
}
