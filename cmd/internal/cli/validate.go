package cli

import (
	"github.com/spf13/cobra"
)

// Validation is what `validate` prints.
type Validation struct {
	File    string   `json:"file"`
	Valid   bool     `json:"valid"`
	Sources int      `json:"sources"`
	Sinks   int      `json:"sinks"`
	Jobs    []string `json:"jobs"`
}

func newValidateCmd(r *program) *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration file",
		Long: `Reads the configuration file and reports every mistake at once, each with its line, column and key.
Neither the network nor the state is touched.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runValidate(r) },
	}
}

func runValidate(r *program) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	v := Validation{File: r.configFile, Valid: true, Sources: len(cfg.Sources), Sinks: len(cfg.Sinks), Jobs: jobNames(cfg)}
	if r.json() {
		return r.printJSON(v)
	}
	return r.printf("%s is valid: %s, %s, %s\n", v.File,
		count(v.Sources, "source"), count(v.Sinks, "sink"), count(len(v.Jobs), "job"))
}
