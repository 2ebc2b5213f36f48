package api

import (
	"context"
	"log/slog"
	"net/url"

	"github.com/idpbridge/idpbridge/cmd/internal/view"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

type runInput struct {
	OnJob
	Body *RunRequest
}

// RunRequest is the body of POST …/cycles.
type RunRequest struct {
	Full      bool `json:"full,omitempty" doc:"Read everything, not only what changed"`
	Reconcile bool `json:"reconcile,omitempty" doc:"Read everything, and the application too, and repair what differs"`
	DryRun    bool `json:"dry_run,omitempty" doc:"Say what would happen, and write nothing"`
}

type (
	startedAnswer struct {
		Location string `header:"Location" doc:"Where to look how the cycle is doing"`
		Body     state.Cycle
	}
	cycleAnswer  struct{ Body state.Cycle }
	cyclesAnswer struct{ Body view.Cycles }
)

func (s *server) runCycle(ctx context.Context, in *runInput) (*startedAnswer, error) {
	if _, err := s.app.JobConfig(in.Job); err != nil {
		return nil, err
	}
	req := engine.Request{Trigger: provlog.TriggerAPI}
	if in.Body != nil {
		req.Full, req.Reconcile, req.DryRun = in.Body.Full, in.Body.Reconcile, in.Body.DryRun
	}
	note(ctx, slog.Bool("full", req.Full), slog.Bool("reconcile", req.Reconcile), slog.Bool("dry_run", req.DryRun))
	c, err := s.cycles.RunNow(ctx, in.Job, req)
	if err != nil {
		return nil, err
	}
	note(ctx, slog.String("cycle_id", c.ID))
	return &startedAnswer{Location: Prefix + "/jobs/" + url.PathEscape(in.Job) + "/cycles/" + c.ID, Body: c}, nil
}

type cyclesInput struct {
	OnJob
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"20" doc:"The most cycles"`
}

func (s *server) listCycles(ctx context.Context, in *cyclesInput) (*cyclesAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	found, err := view.OfCycles(ctx, w.store, w.Row().ID, in.Limit)
	return &cyclesAnswer{found}, err
}

type cycleInput struct {
	OnJob
	CycleID string `path:"cycle_id" maxLength:"200"`
}

func (s *server) getCycle(ctx context.Context, in *cycleInput) (*cycleAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	if dry, ok := s.cycles.DryRun(in.Job, in.CycleID); ok {
		return &cycleAnswer{dry}, nil
	}
	found, err := view.OfCycle(ctx, w.store, w.Row().ID, in.CycleID)
	if err != nil {
		return nil, err
	}
	return &cycleAnswer{*found}, nil
}

type provisionInput struct {
	OnJob
	Body ProvisionRequest
}

// ProvisionRequest is the body of POST …/provision: one user, or one group.
type ProvisionRequest struct {
	User    string   `json:"user,omitempty" maxLength:"1024" doc:"The user: the source's id, user name or mail address"`
	Group   string   `json:"group,omitempty" maxLength:"1024" doc:"The group: the source's id or name"`
	Members []string `json:"members,omitempty" nullable:"false" maxItems:"100" maxLength:"1024" doc:"Members of the group; none: all that have an account"`
	DryRun  bool     `json:"dry_run,omitempty" doc:"Say what would happen, and write nothing"`
}

type provisionAnswer struct{ Body engine.Provision }

// provision runs to its end even if the caller hangs up: half a change helps nobody.
func (s *server) provision(ctx context.Context, in *provisionInput) (*provisionAnswer, error) {
	req := engine.ProvisionRequest{
		User: in.Body.User, Group: in.Body.Group, Members: in.Body.Members, DryRun: in.Body.DryRun, Trigger: provlog.TriggerAPI,
	}
	if err := req.Validate(); err != nil {
		return nil, &badRequest{location: "body", message: err.Error()}
	}
	job, err := s.app.Job(in.Job)
	if err != nil {
		return nil, err
	}
	e, err := s.app.Engine(ctx)
	if err != nil {
		return nil, err
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), provisionTime)
	defer cancel()
	done, err := e.Provision(deadline, job, req)
	if err != nil {
		return nil, err
	}
	note(ctx, slog.Bool("dry_run", done.DryRun), slog.String("change_id", done.ChangeID), slog.String("result", done.Result),
		slog.String("source_id", done.SourceIdentity.ID))
	return &provisionAnswer{*done}, nil
}
