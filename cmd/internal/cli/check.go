package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// Checks is what `check` prints.
type Checks struct {
	Jobs []JobCheck `json:"jobs"`
}

// JobCheck is what was found out about a job's two connections.
type JobCheck struct {
	Job    string      `json:"job"`
	OK     bool        `json:"ok"`
	Source SourceCheck `json:"source"`
	Sink   SinkCheck   `json:"sink"`
}

// SourceCheck says whether the source can be read with the job's rights.
type SourceCheck struct {
	Name  string         `json:"name"`
	OK    bool           `json:"ok"`
	Error *provlog.Error `json:"error"`
}

// SinkCheck is a checklist of the sink, with what the application says of itself.
type SinkCheck struct {
	Name  string         `json:"name"`
	OK    bool           `json:"ok"`
	Error *provlog.Error `json:"error"`
	// Report is null where the sink's type has no more to tell than an error.
	Report *scim.Report `json:"report"`
	// Rehearsal is what --write found out; null without it.
	Rehearsal *scim.Rehearsal `json:"rehearsal"`
}

// CheckOptions is what `check` was asked for.
type CheckOptions struct {
	Jobs  []string // none: all
	Write bool
}

func newCheckCmd(r *program) *cobra.Command {
	var o CheckOptions
	cmd := &cobra.Command{
		Use:   "check [JOB]",
		Short: "Test the connections and rights of jobs",
		Long: `Tests whether the source can be read and what the application can do, for one job or all. It sends
a few requests and writes nothing, neither to the application nor to the state.

With --write it also rehearses in the application: it makes two throw-away accounts and a group,
tries every kind of change that a job uses, deletes them again, and proposes the settings that the
application needs.`,
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: r.completeJob,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Jobs = args
			return runCheck(cmd.Context(), r, o)
		},
	}
	cmd.Flags().BoolVar(&o.Write, "write", false, "rehearse changes with throw-away accounts, and delete these again")
	return cmd
}

func runCheck(ctx context.Context, r *program, o CheckOptions) error {
	a, err := r.open()
	if err != nil {
		return err
	}
	checks, err := checkJobs(ctx, a, o)
	if err := errors.Join(err, a.Close()); err != nil {
		return err
	}
	if r.json() {
		err = r.printJSON(checks)
	} else {
		err = printChecks(r, checks)
	}
	if err != nil {
		return err
	}
	bad := 0
	for _, j := range checks.Jobs {
		if !j.OK {
			bad++
		}
	}
	if bad > 0 {
		return failed("the failed steps above say what to do", "%s of %d can't run as configured", count(bad, "job"), len(checks.Jobs))
	}
	return nil
}

func checkJobs(ctx context.Context, a *app.App, o CheckOptions) (Checks, error) {
	names := o.Jobs
	if len(names) == 0 {
		names = a.JobNames()
	}
	out := Checks{Jobs: make([]JobCheck, 0, len(names))}
	for _, name := range names {
		cfg, err := a.JobConfig(name)
		if err != nil {
			return out, err
		}
		job, err := a.Job(name)
		if err != nil {
			return out, err
		}
		c := JobCheck{Job: name, Source: SourceCheck{Name: cfg.Source}, Sink: SinkCheck{Name: cfg.Sink}}
		c.Source.Error = provlog.FromError(job.Source.Check(ctx, job.Query()))
		c.Sink.Report, c.Sink.Error = checkSink(ctx, job)
		if o.Write && c.Sink.Error == nil {
			c.Sink.Rehearsal, c.Sink.Error = rehearse(ctx, job)
		}
		if err := ctx.Err(); err != nil {
			return out, err
		}
		c.Source.OK, c.Sink.OK = c.Source.Error == nil, c.Sink.Error == nil
		c.OK = c.Source.OK && c.Sink.OK
		out.Jobs = append(out.Jobs, c)
	}
	return out, nil
}

// checker is a sink that can tell more of itself than Probe.
type checker interface {
	Check(ctx context.Context, needs scim.Needs) (*scim.Report, error)
}

// checkSink uses the sink that can't write.
func checkSink(ctx context.Context, job *engine.Job) (*scim.Report, *provlog.Error) {
	c, ok := job.DrySink.(checker)
	if !ok {
		return nil, provlog.FromError(job.DrySink.Probe(ctx))
	}
	report, err := c.Check(ctx, scim.Needs{Users: job.Mapping.Users().Paths, Groups: job.Mapping.Groups().Paths})
	return report, provlog.FromError(err)
}

// rehearser is a sink that can find out by doing what its application takes.
type rehearser interface {
	CheckWrite(ctx context.Context) (*scim.Rehearsal, error)
}

// rehearse uses the sink that can write.
func rehearse(ctx context.Context, job *engine.Job) (*scim.Rehearsal, *provlog.Error) {
	s, ok := job.Sink.(rehearser)
	if !ok {
		return nil, nil
	}
	found, err := s.CheckWrite(ctx)
	return found, provlog.FromError(err)
}

func printChecks(r *program, checks Checks) error {
	g := newGrid("JOB", "PEER", "STEP", "STATUS", "DETAIL")
	for _, j := range checks.Jobs {
		source := cell{"can be read", plain}
		if e := j.Source.Error; e != nil {
			source = text(e.Message + ". " + e.Advice)
		}
		g.add(cell{j.Job, heading}, text("source "+j.Source.Name), text("connect and read"), passed(j.Source.OK), source)
		addSinkSteps(g, j)
	}
	if err := r.print(g); err != nil {
		return err
	}
	for _, j := range checks.Jobs {
		if err := printRehearsal(r, j.Sink); err != nil {
			return err
		}
	}
	return nil
}

// printRehearsal prints what a rehearsal proposes and what it could not clean up.
func printRehearsal(r *program, s SinkCheck) error {
	if s.Rehearsal == nil {
		return nil
	}
	if lines := s.Rehearsal.Proposal; len(lines) > 0 {
		if err := r.printf("\nThe application needs other settings than sink %s has. Add:\n\n    override:\n      %s\n", s.Name, strings.Join(lines, "\n      ")); err != nil {
			return err
		}
	}
	if left := s.Rehearsal.LeftBehind; len(left) > 0 {
		return r.printf("\nThese could not be deleted again: %s\n", strings.Join(left, ", "))
	}
	return nil
}

func addSinkSteps(g *grid, j JobCheck) {
	name := cell{j.Job, heading}
	if j.Sink.Report == nil {
		detail := "answers"
		if e := j.Sink.Error; e != nil {
			detail = e.Message + ". " + e.Advice
		}
		g.add(name, text("sink "+j.Sink.Name), text("connect"), passed(j.Sink.OK), text(detail))
		return
	}
	steps := j.Sink.Report.Steps
	if j.Sink.Rehearsal != nil {
		steps = slices.Concat(steps, j.Sink.Rehearsal.Steps)
	}
	for _, s := range steps {
		g.add(name, text("sink "+j.Sink.Name), text(s.Name), cell{s.Status.String(), toneOfStatus(s.Status.String())}, text(s.Detail))
	}
}

func passed(ok bool) cell {
	if ok {
		return cell{"success", good}
	}
	return cell{"failure", bad}
}
