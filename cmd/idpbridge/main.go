// Command idpbridge keeps the accounts of applications equal to a directory.
package main

import (
	"os"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/cmd/internal/app/adapters"
	"github.com/idpbridge/idpbridge/cmd/internal/cli"
)

func main() {
	app.SetMemory()
	os.Exit(cli.Main(cli.Env{
		Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, LookupEnv: os.LookupEnv,
		Adapters: adapters.All(), Version: cli.BuildVersion(),
	}))
}
