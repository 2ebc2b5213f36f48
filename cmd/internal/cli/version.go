package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is what `version` prints.
type Version struct {
	Version   string `json:"version"`
	GoVersion string `json:"go_version"`
	Platform  string `json:"platform"`
}

func newVersionCmd(r *program) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return runVersion(r) },
	}
}

func runVersion(r *program) error {
	v := Version{Version: r.env.Version, GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if r.json() {
		return r.printJSON(v)
	}
	return r.printf("idpbridge %s (%s, %s)\n", v.Version, v.GoVersion, v.Platform)
}

// BuildVersion is the version that the Go toolchain stamped into the program: a tag, or a
// pseudo-version with the commit, or "devel".
func BuildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
