package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/idpbridge/idpbridge/sync/state"
)

// printCycle prints a cycle's account, with its plan when it was a dry run.
func printCycle(r *program, c *state.Cycle) error {
	if r.json() {
		return r.printJSON(c)
	}
	if c.DryRun {
		if err := printPlan(r, c.Plan); err != nil {
			return err
		}
	}
	what := c.Kind + " cycle"
	if c.DryRun {
		what = "dry run (" + c.Kind + "), nothing was written"
	}
	if err := r.printf("%s: %s, %s in %s\n\n", c.Job, what, c.Status, took(c)); err != nil {
		return err
	}
	if err := r.print(countsGrid(c)); err != nil {
		return err
	}
	m := c.Memberships
	if err := r.printf("\nmemberships: %d added, %d removed, %d failed\n", m.Added, m.Removed, m.Failed); err != nil {
		return err
	}
	if d := c.Drift; d != nil {
		if err := r.printf("drift: %d repaired, %d vanished, %d unmanaged accounts\n", d.Repaired, d.Vanished, d.Unmanaged); err != nil {
			return err
		}
	}
	return r.printf("escrow: %d, held deletions: %d, requests: %d to the source, %d to the sink\n",
		c.Escrowed, c.StagedDeletions, c.Requests.Source, c.Requests.Sink)
}

func took(c *state.Cycle) string {
	if c.EndedAt == nil {
		return "-"
	}
	d := c.EndedAt.Sub(c.StartedAt)
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return rough(d)
}

func countsGrid(c *state.Cycle) *grid {
	g := newGrid("", "CREATED", "UPDATED", "DISABLED", "DELETED", "UNCHANGED", "SKIPPED", "FAILED")
	for _, row := range []struct {
		name string
		n    state.Counts
	}{{"users", c.Users}, {"groups", c.Groups}} {
		g.add(text(row.name), counted(row.n.Created, good), counted(row.n.Updated, warning), counted(row.n.Disabled, bad),
			counted(row.n.Deleted, bad), counted(row.n.Unchanged, plain), counted(row.n.Skipped, plain), counted(row.n.Failed, bad))
	}
	return g
}

// counted is a number that stands out when it is not zero.
func counted(n int, t tone) cell {
	if n == 0 {
		t = faint
	}
	return cell{fmt.Sprint(n), t}
}

// printPlan prints what a dry run found: one line per changed attribute.
func printPlan(r *program, plan []state.Change) error {
	if len(plan) == 0 {
		return r.printf("Nothing would change.\n\n")
	}
	g := newGrid("", "ACTION", "RESOURCE", "SOURCE ID", "NAME", "ATTRIBUTE", "CHANGE")
	for i := range plan {
		addChange(g, &plan[i])
	}
	if err := r.print(g); err != nil {
		return err
	}
	return r.printf("\n")
}

func addChange(g *grid, c *state.Change) {
	sign, t := signOf(c.Action)
	note := c.Reason
	if c.Held {
		note = "held by the deletion guard"
		if c.Reason != "" {
			note = c.Reason + ", " + note
		}
	}
	head := []cell{{sign, t}, {c.Action, t}, text(c.Resource), text(c.SourceID), text(c.DisplayName)}
	if note != "" || len(c.Properties) == 0 {
		g.add(append(head, text(""), cell{note, faint})...)
		head = []cell{{}, {}, {}, {}, {}}
	}
	for _, p := range c.Properties {
		g.add(append(head, text(p.Path), text(change(p)))...)
		head = []cell{{}, {}, {}, {}, {}}
	}
}

func signOf(action string) (string, tone) {
	switch action {
	case "create":
		return "+", good
	case "update":
		return "~", warning
	case "disable", "delete":
		return "-", bad
	default:
		return "", plain
	}
}

// change writes "old → new"; a new value alone where there was none.
func change(p state.Property) string {
	if p.Old == nil {
		return value(p.New)
	}
	return value(p.Old) + " → " + value(p.New)
}

// value writes an attribute's value; "none" for none.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return fmt.Sprintf("%q", v)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(b)
	}
}
