package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
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
		if err := printAdoption(r, c.Adoption); err != nil {
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
	if c.Error != nil {
		note = "fails: " + c.Error.Code + ": " + c.Error.Message
	}
	if note != "" || len(c.Properties) == 0 {
		g.add(append(head, text(""), cell{note, faint})...)
		head = []cell{{}, {}, {}, {}, {}}
	}
	for _, p := range c.Properties {
		g.add(append(head, text(p.Path), text(change(p)))...)
		head = []cell{{}, {}, {}, {}, {}}
	}
}

// printAdoption prints what becomes of the accounts that the application has already.
func printAdoption(r *program, a *state.Adoption) error {
	if a == nil {
		return nil
	}
	g := newGrid("EXISTING ACCOUNTS", "", "")
	for _, by := range a.Linked {
		g.add(text(count(by.Count, by.Resource)+" found by "+by.Attribute), cell{"linked", good}, text(names(by.Objects, by.Count)))
	}
	if n := a.Unmanaged; n != nil && *n > 0 {
		g.add(text(fmt.Sprintf("%d of nobody in scope", *n)), cell{"left alone", faint}, text(names(a.UnmanagedObjects, *n)))
	}
	if a.Ambiguous > 0 {
		g.add(text(count(a.Ambiguous, "object")+" with several matches"), cell{"ambiguous", bad}, text(names(a.AmbiguousObjects, a.Ambiguous)))
	}
	if len(g.rows) == 0 {
		return nil
	}
	if err := r.print(g); err != nil {
		return err
	}
	return r.printf("\n")
}

// namesShown is how many names stand on one line.
const namesShown = 5

func names(objects []state.Named, n int) string {
	var out []string
	for i, o := range objects {
		if i == namesShown {
			break
		}
		out = append(out, cmp.Or(o.DisplayName, o.SourceID, o.TargetID))
	}
	if n > len(out) {
		out = append(out, fmt.Sprintf("%d more", n-len(out)))
	}
	return strings.Join(out, ", ")
}

func signOf(action string) (string, tone) {
	switch action {
	case "create":
		return "+", good
	case "update":
		return "~", warning
	case "disable", "delete", "empty":
		return "-", bad
	case "link":
		return "=", good
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
