package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/state"
)

// UnlinkOptions is what `unlink` was asked for: one user or one group.
type UnlinkOptions struct {
	Job, User, Group string
}

// Unlinked is what `unlink` prints.
type Unlinked struct {
	Job      string `json:"job"`
	Resource string `json:"resource"`
	SourceID string `json:"source_id"`
	TargetID string `json:"target_id"` // the account that is no longer linked
}

func newUnlinkCmd(r *program) *cobra.Command {
	var o UnlinkOptions
	cmd := r.jobArg(&cobra.Command{
		Use:   "unlink JOB (--user REF | --group REF)",
		Short: "Drop one link, so that the object is matched anew",
		Long: `Forgets which account of the application belongs to a user or group. Nothing is sent: the account
stays as it is, and the next cycle looks for a matching one as if the object were new.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Job = args[0]
			return runUnlink(cmd.Context(), r, o)
		},
	})
	cmd.Flags().StringVar(&o.User, "user", "", "the user: the source's id, user name or mail address")
	cmd.Flags().StringVar(&o.Group, "group", "", "the group: the source's id or name")
	return cmd
}

func runUnlink(ctx context.Context, r *program, o UnlinkOptions) error {
	resource, ref := sinks.User, o.User
	if o.Group != "" {
		resource, ref = sinks.Group, o.Group
	}
	if (o.User == "") == (o.Group == "") {
		return usage("unlink: name either --user or --group")
	}
	return r.onJob(ctx, o.Job, func(s *session) error {
		object, err := s.findOne(ctx, resource, ref)
		if err != nil {
			return err
		}
		if !object.Linked() {
			return failed("it was never provisioned, or was unlinked before", "%s %s has no link", resource, object.SourceID)
		}
		// A running cycle may have the object in hand, and would store the link again.
		lease, err := s.store.LeaseCycle(ctx, s.row)
		if err != nil {
			return err
		}
		defer func() { _ = lease.Release(ctx) }()
		if err := s.store.Unlink(ctx, object.ID); err != nil {
			return fmt.Errorf("unlink %s %s: %w", resource, object.SourceID, err)
		}
		out := Unlinked{Job: o.Job, Resource: resource.String(), SourceID: string(object.SourceID), TargetID: string(object.SinkID)}
		if r.json() {
			return r.printJSON(out)
		}
		return r.printf("%s: %s %s is no longer linked to %s\n", out.Job, out.Resource, out.SourceID, out.TargetID)
	})
}

// findOne finds the one object that a reference names in the state.
func (s *session) findOne(ctx context.Context, resource sinks.Resource, ref string) (*state.Object, error) {
	found, err := s.store.FindObjects(ctx, state.ClaimQuery{Job: s.row.ID, Resource: resource}, ref)
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, failed("REF is the source's id, user name or mail address, as of the last cycle", "job %s knows no %s %q", s.job.Name, resource, ref)
	case 1:
		return &found[0], nil
	default:
		return nil, usage("%q stands for %d %ss: use the source's id", ref, len(found), resource)
	}
}
