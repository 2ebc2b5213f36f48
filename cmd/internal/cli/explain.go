package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// ExplainOptions is what `explain` was asked for: one user or one group.
type ExplainOptions struct {
	Job, User, Group string
}

func newExplainCmd(r *program) *cobra.Command {
	var o ExplainOptions
	cmd := r.jobArg(&cobra.Command{
		Use:   "explain JOB (--user REF | --group REF)",
		Short: "Say why somebody has, or hasn't, an account",
		Long: `Shows on one screen what decides about a user's account or a group: its link, the scope clause
by clause, the last change, what is in escrow and when it is tried next, and what the deletion
guard holds. The source is asked; where it doesn't answer, what it said last is shown. Nothing is
sent to the application.`,
		Example: `  idpbridge explain entra-to-wiki --user ada@example.com
  idpbridge explain entra-to-wiki --group Engineering -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Job = args[0]
			return runExplain(cmd.Context(), r, o)
		},
	})
	cmd.Flags().StringVar(&o.User, "user", "", "the user: the source's id, user name or mail address")
	cmd.Flags().StringVar(&o.Group, "group", "", "the group: the source's id or name")
	return cmd
}

func runExplain(ctx context.Context, r *program, o ExplainOptions) error {
	if (o.User == "") == (o.Group == "") {
		return usage("explain: name either --user or --group")
	}
	var x *engine.Explanation
	err := r.withEngine(ctx, o.Job, func(_ *session, e *engine.Engine, job *engine.Job) error {
		ask, ref := e.Explain, o.User
		if o.Group != "" {
			ask, ref = e.ExplainGroup, o.Group
		}
		var err error
		x, err = ask(ctx, job, ref)
		return err
	})
	if err != nil {
		return err
	}
	if r.json() {
		return r.printJSON(x)
	}
	return printExplanation(r, x)
}

func printExplanation(r *program, x *engine.Explanation) error {
	if err := r.printf("%s\n\n", oneLine(x.Verdict)); err != nil {
		return err
	}
	g := newGrid()
	line := func(name string, c cell) { g.add(cell{name, heading}, c) }
	line(x.SourceIdentity.Type, text(identity(x.SourceIdentity)))
	presence := x.Presence
	if !x.Live {
		presence += ", as of the last cycle"
	}
	line("in the source", text(presence))
	if e := x.SourceError; e != nil {
		line("source", cell{fmt.Sprintf("%s: %s", e.Code, e.Message), bad})
	}
	scopeLines(line, x.Scope)
	if l := x.Link; l != nil {
		line("account", text(l.TargetID+" "+l.Account))
	} else {
		line("account", cell{"none", faint})
	}
	line("memberships", text(fmt.Sprintf("%d wanted, %d in the application", x.Memberships.Wanted, x.Memberships.Have)))
	waitLines(line, x)
	if c := x.LastChange; c != nil {
		line("last change", text(fmt.Sprintf("%s %s %s", stamp(c.Time), c.Action, c.Status)))
		line("", what(c))
	}
	line("job", cell{x.Job + " " + x.JobState, toneOfState(x.JobState)})
	return r.print(g)
}

// scopeLines writes what is true and what is not.
func scopeLines(line func(string, cell), s *engine.Scope) {
	if s == nil {
		return
	}
	line("in scope", yes(s.InScope))
	if s.Assigned != nil {
		line("  assigned", yes(*s.Assigned))
	}
	if s.Filter.Expression == "" {
		return
	}
	if len(s.Filter.Clauses) == 0 {
		line("  filter", cell{fmt.Sprintf("%s: %t", s.Filter.Expression, s.Filter.Result), yes(s.Filter.Result).tone})
	}
	for _, c := range s.Filter.Clauses {
		line("  filter", clause(c))
	}
}

func yes(b bool) cell {
	if b {
		return cell{"yes", good}
	}
	return cell{"no", bad}
}

// clause writes a clause with what it read: `user.title == "X": false (user.title = "Y")`.
func clause(c provlog.Clause) cell {
	words := fmt.Sprintf("%s: %t", c.Text, c.Result)
	if c.Error != "" {
		words = fmt.Sprintf("%s: %s", c.Text, c.Error)
	}
	if len(c.Reads) > 0 {
		words += " (" + readings(c.Reads) + ")"
	}
	return cell{words, yes(c.Result).tone}
}

// waitLines writes what is in the way.
func waitLines(line func(string, cell), x *engine.Explanation) {
	if e := x.Escrow; e != nil {
		next := "with the next cycle"
		switch {
		case e.GivenUp:
			next = "given up"
		case e.NextAttemptAt != nil:
			next = ago(e.NextAttemptAt).text
		}
		line("escrow", cell{fmt.Sprintf("%s since %s, next try: %s", count(e.Attempts, "attempt"), stamp(e.FirstFailedAt), next), bad})
		line("", text(fmt.Sprintf("%s: %s", e.Error.Code, e.Error.Message)))
		line("", cell{"→ " + e.Error.Advice, faint})
	}
	if d := x.StagedDeletion; d != nil {
		line("held", cell{fmt.Sprintf("%s (%s), %s since %s", d.Action, d.Reason, d.Decision, stamp(d.StagedAt)), warning})
	}
}
