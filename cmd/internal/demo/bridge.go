package demo

import (
	"context"
	"errors"
	"log/slog"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Settings are what an in-process bridge is made of, beside its configuration.
type Settings struct {
	Adapters app.Adapters
	Version  string
	Log      *slog.Logger
}

// InProcess returns an Options.Open that runs cycles in this process when asked to.
func InProcess(s Settings) func(ctx context.Context, file string) (Bridge, error) {
	return func(_ context.Context, file string) (Bridge, error) {
		cfg, err := config.Load(file, func(string) (string, bool) { return "", false })
		if err != nil {
			return nil, err
		}
		a, err := app.New(app.Options{Config: cfg, Adapters: s.Adapters, Version: s.Version, Log: s.Log})
		if err != nil {
			return nil, err
		}
		return &inProcess{app: a}, nil
	}
}

type inProcess struct{ app *app.App }

// Cycle runs a cycle as `idpbridge run` does.
func (b *inProcess) Cycle(ctx context.Context, name string, r engine.Request) (*state.Cycle, error) {
	job, err := b.app.Job(name)
	if err != nil {
		return nil, err
	}
	e, err := b.app.Engine(ctx)
	if err != nil {
		return nil, err
	}
	r.Trigger = provlog.TriggerManual
	c, err := e.Run(ctx, job, r)
	if err == nil && c.Status == "aborted" {
		err = errors.Join(context.Canceled, ctx.Err())
	}
	return c, err
}

func (b *inProcess) Close() error { return b.app.Close() }
