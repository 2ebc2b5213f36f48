package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The command line as scripts that read like a manual: what is typed, what is printed,
// what the application then holds. Each runs against an emulated application of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"idpbridge": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", Setup: setup, RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sink": sinkCmd, "status": statusCmd, "json": jsonCmd, "schema": schemaCmd,
		},
	})
}
