package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/cmd/internal/control"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// program is what commands share: the global flags and what follows from them.
type program struct {
	env    Env
	screen *screen

	configFile, output  string
	logLevel, logFormat string

	// began is set when a command's arguments were accepted: errors from then on are not
	// about usage unless they say so.
	began bool
	log   *slog.Logger
}

// begin checks the global flags, as soon as cobra has parsed a command's own.
func (r *program) begin(cmd *cobra.Command) error {
	if r.output != "table" && r.output != "json" {
		return usage("--output %q is neither table nor json", r.output)
	}
	level, err := r.level(cmd)
	if err != nil {
		return err
	}
	switch r.logFormat {
	case "json":
		r.log = slog.New(slog.NewJSONHandler(r.screen, &slog.HandlerOptions{Level: level}))
	case "text":
		r.log = slog.New(r.textHandler(level))
	default:
		return usage("--log-format %q is neither text nor json", r.logFormat)
	}
	r.began = true
	return nil
}

// level is --log-level. A command says in the annotation logLevel what its default is.
func (r *program) level(cmd *cobra.Command) (slog.Level, error) {
	level := slog.LevelWarn
	if cmd.Annotations["logLevel"] == "info" {
		level = slog.LevelInfo
	}
	if r.logLevel == "" {
		return level, nil
	}
	if err := level.UnmarshalText([]byte(r.logLevel)); err != nil {
		return 0, usage("--log-level %q is not one of debug, info, warn, error", r.logLevel)
	}
	return level, nil
}

func (r *program) textHandler(level slog.Level) slog.Handler {
	if r.screen.terminal {
		return tint.NewTextHandler(r.screen, &tint.Options{Level: level, TimeFormat: "15:04:05", NoColor: !r.colour(r.screen.terminal)})
	}
	return slog.NewTextHandler(r.screen, &slog.HandlerOptions{Level: level})
}

// colour says whether to colour what goes to a terminal (https://no-color.org).
func (r *program) colour(terminal bool) bool {
	no, _ := r.env.LookupEnv("NO_COLOR")
	return terminal && no == ""
}

// load reads the configuration.
func (r *program) load() (*config.Config, error) {
	cfg, err := config.Load(r.configFile, r.env.LookupEnv)
	if problems, ok := errors.AsType[config.Problems](err); ok {
		return nil, &exitError{status: exitUsage, err: fmt.Errorf("the configuration has %s:\n%w", count(len(problems), "problem"), problems)}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{
			status: exitUsage, err: fmt.Errorf("there is no configuration file %s", r.configFile),
			advice: "name it with -c FILE or in $IDPBRIDGE_CONFIG; docs/examples has one per kind of source",
		}
	}
	if err != nil {
		return nil, &exitError{status: exitUsage, err: err}
	}
	return cfg, nil
}

// open puts the configuration to work. The caller closes the App.
func (r *program) open() (*app.App, error) {
	cfg, err := r.load()
	if err != nil {
		return nil, err
	}
	a, err := app.New(app.Options{Config: cfg, Adapters: r.env.Adapters, Version: r.env.Version, Log: r.log})
	if err != nil {
		return nil, &exitError{status: exitUsage, err: err}
	}
	return a, nil
}

// session is a command at work on one job's state.
type session struct {
	app   *app.App
	store *state.Store
	job   config.Job
	row   *state.Job
	// control is what can be done to the job.
	control control.Job
}

// onJob opens the state, finds a job in it and lets f work on it.
func (r *program) onJob(ctx context.Context, name string, f func(*session) error) error {
	a, err := r.open()
	if err != nil {
		return err
	}
	s := &session{app: a}
	err = s.find(ctx, name)
	if err == nil {
		err = f(s)
	}
	return errors.Join(err, a.Close())
}

// withEngine is onJob for commands that talk to source and sink.
func (r *program) withEngine(ctx context.Context, name string, f func(*session, *engine.Engine, *engine.Job) error) error {
	return r.onJob(ctx, name, func(s *session) error {
		job, err := s.app.Job(name)
		if err != nil {
			return err
		}
		e, err := s.app.Engine(ctx)
		if err != nil {
			return err
		}
		return f(s, e, job)
	})
}

// telling is withEngine for commands that change what people are told of: who hears of it
// from a server otherwise may have none. A dry run changes nothing.
func (r *program) telling(ctx context.Context, name string, f func(*session, *engine.Engine, *engine.Job) error) error {
	return r.withEngine(ctx, name, func(s *session, e *engine.Engine, job *engine.Job) error {
		n, err := s.app.Notifier(ctx)
		if err != nil {
			return err
		}
		err = f(s, e, job)
		n.Flush(ctx)
		return err
	})
}

func (s *session) find(ctx context.Context, name string) error {
	var err error
	if s.job, err = s.app.JobConfig(name); err != nil {
		return err
	}
	if s.store, err = s.app.Store(ctx); err != nil {
		return err
	}
	s.control, err = control.Open(ctx, s.store, name)
	s.row = s.control.Row()
	return err
}

func jobNames(cfg *config.Config) []string { return slices.Sorted(maps.Keys(cfg.Jobs)) }

// count writes a number with its noun: "1 problem", "2 problems".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
