package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/cmd/internal/control"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// The exit statuses. They are part of the public contract.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3
	exitHeld    = 4
)

// exitError is an error with an exit status and, where there is one, advice.
type exitError struct {
	status int
	err    error
	advice string
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage is an error of whoever typed the command or wrote the configuration.
func usage(format string, args ...any) error {
	return &exitError{status: exitUsage, err: fmt.Errorf(format, args...)}
}

// failed is an error with advice.
func failed(advice, format string, args ...any) error {
	return &exitError{status: exitFailed, err: fmt.Errorf(format, args...), advice: advice}
}

// report tells an error on stderr and returns the exit status.
func (r *program) report(err error) int {
	if err == nil {
		return exitDone
	}
	e, ok := errors.AsType[*exitError](err)
	if !ok {
		e = r.classify(err)
	}
	r.screen.note("idpbridge: " + e.Error())
	if e.advice != "" {
		r.screen.note("  → " + strings.ReplaceAll(e.advice, "\n", "\n    "))
	}
	return e.status
}

// classify finds out who has to do something about an error. What cobra says before a
// command began is about usage.
func (r *program) classify(err error) *exitError {
	e := &exitError{status: exitFailed, err: err}
	_, unknownJob := errors.AsType[*app.UnknownJobError](err)
	_, problems := errors.AsType[config.Problems](err)
	switch {
	case !r.began:
		e.status, e.advice = exitUsage, "`idpbridge --help` lists the commands, `idpbridge COMMAND --help` explains one"
	case unknownJob, problems:
		e.status = exitUsage
	case control.Refusal(err) != nil:
		e.advice = control.Refusal(err).Advice
	case errors.Is(err, context.Canceled):
		e.err = errors.New("stopped before it was done")
	default:
		e.advice = adviceOf(err)
	}
	return e
}

// adviceOf returns what to do about an error of a source or sink, or "".
func adviceOf(err error) string {
	if p := provlog.FromError(err); p.Code != provlog.CodeInternal {
		return p.Advice
	}
	return ""
}
