package api

import (
	"context"
	"log/slog"

	"github.com/idpbridge/idpbridge/cmd/internal/control"
	"github.com/idpbridge/idpbridge/cmd/internal/view"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/state"
)

// OnJob is the input of everything that is about one job. It is exported for reflection,
// which sees no parameters in it otherwise.
type OnJob struct {
	Job string `path:"job" maxLength:"200" doc:"The job's name"`
}

// nothing is no input.
type nothing struct{}

type (
	jobsAnswer struct{ Body view.Jobs }
	jobAnswer  struct{ Body view.Job }
)

// session is a request at work on one job.
type session struct {
	control.Job
	cfg   config.Job
	store *state.Store
}

// open finds a job in the configuration and the state.
func (s *server) open(ctx context.Context, name string) (*session, error) {
	cfg, err := s.app.JobConfig(name)
	if err != nil {
		return nil, err
	}
	store, err := s.app.Store(ctx)
	if err != nil {
		return nil, err
	}
	job, err := control.Open(ctx, store, name)
	return &session{job, cfg, store}, err
}

// view is the job as it is now.
func (w *session) view(ctx context.Context) (*jobAnswer, error) {
	job, err := view.OfJob(ctx, w.store, w.cfg)
	return &jobAnswer{job}, err
}

func (s *server) listJobs(ctx context.Context, _ *nothing) (*jobsAnswer, error) {
	out := &jobsAnswer{view.Jobs{Jobs: []view.Job{}}}
	for _, name := range s.app.JobNames() {
		job, err := s.getJob(ctx, &OnJob{name})
		if err != nil {
			return nil, err
		}
		out.Body.Jobs = append(out.Body.Jobs, job.Body)
	}
	return out, nil
}

func (s *server) getJob(ctx context.Context, in *OnJob) (*jobAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	return w.view(ctx)
}

func (s *server) pause(ctx context.Context, in *OnJob) (*jobAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	if err := w.Pause(ctx); err != nil {
		return nil, err
	}
	return w.view(ctx)
}

func (s *server) resume(ctx context.Context, in *OnJob) (*jobAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	changed, err := w.Resume(ctx)
	if err != nil {
		return nil, err
	}
	note(ctx, slog.Bool("changed", changed))
	return w.view(ctx)
}

func (s *server) release(ctx context.Context, in *OnJob) (*jobAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	changed, err := w.Release(ctx)
	if err != nil {
		return nil, err
	}
	note(ctx, slog.Bool("changed", changed))
	return w.view(ctx)
}

// restartInput names what to forget.
type restartInput struct {
	OnJob
	Body *RestartRequest
}

// RestartRequest is the body of POST …/restart.
type RestartRequest struct {
	Watermark  bool `json:"watermark,omitempty" doc:"The next cycle reads everything"`
	Escrows    bool `json:"escrows,omitempty" doc:"All objects in escrow are tried again in the next cycle"`
	Quarantine bool `json:"quarantine,omitempty" doc:"The quarantine ends"`
}

func (s *server) restart(ctx context.Context, in *restartInput) (*jobAnswer, error) {
	w, err := s.open(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	var parts control.Parts
	if in.Body != nil {
		parts = control.Parts(*in.Body)
	}
	parts = parts.OrAll()
	note(ctx, slog.Bool("watermark", parts.Watermark), slog.Bool("escrows", parts.Escrows), slog.Bool("quarantine", parts.Quarantine))
	if err := w.Restart(ctx, parts); err != nil {
		return nil, err
	}
	return w.view(ctx)
}
