package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// ProvisionOptions is what `provision` was asked for.
type ProvisionOptions struct {
	Job     string
	Request engine.ProvisionRequest
}

func newProvisionCmd(r *program) *cobra.Command {
	var o ProvisionOptions
	cmd := r.jobArg(&cobra.Command{
		Use:   "provision JOB (--user REF | --group REF [--member REF]…)",
		Short: "Provision one user or group now",
		Long: `Provisions one user, or one group with chosen members, and says step by step what it saw and
did. It is the same engine as a cycle, with a narrower request, and works in quarantine, beside a
running cycle and before the first one. REF is the source's id, user name (UPN, login) or mail
address. A group without --member takes all members that have an account.

Exit status: 0 done or nothing to do; 1 the object could not be provisioned.`,
		Example: `  idpbridge provision entra-to-wiki --user ada@example.com
  idpbridge provision entra-to-wiki --user ada@example.com --dry-run
  idpbridge provision entra-to-wiki --group Engineering --member ada@example.com`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Job = args[0]
			return runProvision(cmd.Context(), r, o)
		},
	})
	f := cmd.Flags()
	f.StringVar(&o.Request.User, "user", "", "the user")
	f.StringVar(&o.Request.Group, "group", "", "the group")
	f.StringArrayVar(&o.Request.Members, "member", nil, "a member of the group; may be repeated")
	f.BoolVar(&o.Request.DryRun, "dry-run", false, "say what would happen, and write nothing")
	return cmd
}

func runProvision(ctx context.Context, r *program, o ProvisionOptions) error {
	o.Request.Trigger = provlog.TriggerManual
	if err := o.Request.Validate(); err != nil {
		return usage("provision: %w", err)
	}
	var done *engine.Provision
	with := r.telling
	if o.Request.DryRun {
		with = r.withEngine
	}
	err := with(ctx, o.Job, func(_ *session, e *engine.Engine, job *engine.Job) error {
		var err error
		done, err = e.Provision(ctx, job, o.Request)
		return err
	})
	if err != nil {
		return err
	}
	if err := printProvision(r, done); err != nil {
		return err
	}
	if done.Error != nil {
		return failed(done.Error.Advice, "%s of %s could not be provisioned (%s): %s",
			who(done.SourceIdentity, o.Request), done.Job, done.Error.Code, done.Error.Message)
	}
	return nil
}

// who names the object by id where it was found, else as it was asked for.
func who(id provlog.Identity, asked engine.ProvisionRequest) string {
	switch {
	case id.ID != "":
		return id.Type + " " + id.ID
	case asked.User != "":
		return "user " + asked.User
	default:
		return "group " + asked.Group
	}
}

func printProvision(r *program, p *engine.Provision) error {
	if r.json() {
		return r.printJSON(p)
	}
	steps := newGrid("STEP", "STATUS", "DETAIL")
	for i := range p.Steps {
		addStep(steps, &p.Steps[i])
	}
	if err := r.print(steps); err != nil {
		return err
	}
	if len(p.Properties) > 0 {
		if err := printProperties(r, p.Properties); err != nil {
			return err
		}
	}
	dry := ""
	if p.DryRun {
		dry = " (dry run, nothing was written)"
	}
	return r.printf("\n%s: %s, %s → %s%s\n", p.Result, p.Action, identity(p.SourceIdentity), identity(p.TargetIdentity), dry)
}

func printProperties(r *program, properties provlog.Properties) error {
	if err := r.printf("\n"); err != nil {
		return err
	}
	g := newGrid("ATTRIBUTE", "CHANGE")
	for _, p := range properties {
		g.add(text(p.Path), text(change(state.Property(p))))
	}
	return r.print(g)
}

func identity(id provlog.Identity) string {
	switch {
	case id.ID == "":
		return "no account"
	case id.DisplayName == "":
		return id.ID
	default:
		return fmt.Sprintf("%s (%s)", oneLine(id.DisplayName), id.ID)
	}
}
