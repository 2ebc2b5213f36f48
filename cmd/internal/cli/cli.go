// Package cli is the command line: one file per command, cobra at the rim and plain
// functions inside.
//
// Each command is newXCmd (flags and help), XOptions (what was asked) and runX(ctx, …),
// which does it. Results go to stdout, and only results; logs, progress and errors go to
// stderr. `-o json` prints the shapes of the package view, of sync/state and of
// sync/provlog, which the HTTP API has too.
//
// A command works on the state directly and needs no running server. What may not happen
// beside a running cycle takes the job's lease first.
//
// # Exit status
//
//	0  done
//	1  failed
//	2  wrong usage or configuration
//	3  the cycle ended, but objects are in escrow
//	4  deletions are held by the guard, or the job entered quarantine in this run
//
// When several hold, 4 comes before 3 and 1: it is what a person has to look at.
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
)

// Env is the world around the program.
type Env struct {
	Args           []string // without the program's name
	Stdout, Stderr io.Writer
	// LookupEnv looks up environment variables, as os.LookupEnv does.
	LookupEnv func(string) (string, bool)
	// Adapters are the types of sources and sinks that exist.
	Adapters app.Adapters
	// Version is the program's version.
	Version string
}

// Main runs one command and returns its exit status. The first SIGINT or SIGTERM ends what
// runs in good order; the second ends the process.
func Main(env Env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r := &program{env: env, screen: newScreen(env.Stderr)}
	defer context.AfterFunc(ctx, func() {
		stop() // from now on a signal has its usual effect
		r.screen.note("stopping: what is in flight ends first; once more ends it at once")
	})()
	return r.report(newRoot(r).ExecuteContext(ctx))
}
