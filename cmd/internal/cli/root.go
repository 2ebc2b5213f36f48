package cli

import (
	"cmp"

	"github.com/spf13/cobra"
)

const rootHelp = `idpbridge keeps the accounts of applications equal to a directory: it pulls users and
groups from Microsoft Graph, Okta or files, and pushes them to applications over SCIM 2.0.

Start with ` + "`idpbridge validate`, `idpbridge check` and `idpbridge run JOB --dry-run`" + `, which
write nothing.

Exit status: 0 done; 1 failed; 2 wrong usage or configuration; 3 the cycle ended but objects are
in escrow; 4 held by the deletion guard, or the job entered quarantine in this run.`

// newRoot makes the whole command tree. A new command gets a line here.
func newRoot(r *program) *cobra.Command {
	root := &cobra.Command{
		Use:           "idpbridge",
		Short:         "Keep applications' accounts equal to a directory",
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return r.begin(cmd)
		},
	}
	root.SetArgs(r.env.Args)
	root.SetOut(r.env.Stdout)
	root.SetErr(r.env.Stderr)
	r.addFlags(root)
	root.AddCommand(
		newDemoCmd(r),
		r.withProfiles(newServeCmd(r)),
		r.withProfiles(newRunCmd(r)),
		newProvisionCmd(r),
		newStatusCmd(r),
		newLogsCmd(r),
		newExplainCmd(r),
		newQuarantineCmd(r),
		newDeletionsCmd(r),
		newPauseCmd(r),
		newResumeCmd(r),
		newRestartCmd(r),
		newUnlinkCmd(r),
		newCheckCmd(r),
		newValidateCmd(r),
		newTokenCmd(r),
		newStateCmd(r),
		newVersionCmd(r),
	)
	return root
}

// addFlags adds the flags that all commands have.
func (r *program) addFlags(root *cobra.Command) {
	fromEnv, _ := r.env.LookupEnv("IDPBRIDGE_CONFIG")
	f := root.PersistentFlags()
	f.StringVarP(&r.configFile, "config", "c", cmp.Or(fromEnv, "idpbridge.yaml"), "the configuration file; default $IDPBRIDGE_CONFIG, else idpbridge.yaml")
	f.StringVarP(&r.output, "output", "o", "table", "how results are printed: table or json")
	f.StringVar(&r.logLevel, "log-level", "", "what is logged to stderr: debug, info, warn or error (default warn; info for serve)")
	f.StringVar(&r.logFormat, "log-format", "text", "how it is logged: text or json")
	f.Lookup("config").DefValue = ""
	for flag, words := range map[string][]string{
		"output": {"table", "json"}, "log-level": {"debug", "info", "warn", "error"}, "log-format": {"text", "json"},
	} {
		_ = root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// jobArg completes and checks the argument of commands that take one job.
func (r *program) jobArg(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgsFunction = r.completeJob
	return cmd
}

// completeJob offers the configured jobs.
func (r *program) completeJob(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cfg, err := r.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return jobNames(cfg), cobra.ShellCompDirectiveNoFileComp
}
