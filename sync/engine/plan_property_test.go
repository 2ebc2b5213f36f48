package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// TestPlanIsWhatARunDoes draws directories and applications, with accounts and groups made
// by hand among them, carries out the plan of a dry run on a picture of the application in
// the test's own words, and demands that the real run makes the application look like it.
func TestPlanIsWhatARunDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		guard := rapid.SampledFrom([]int{0, 100}).Draw(rt, "max percent")
		groups := rapid.SampledFrom([]plan.GroupRemoval{plan.DeleteGroup, plan.EmptyGroup, plan.KeepGroup}).Draw(rt, "groups")
		gone := rapid.SampledFrom([]plan.Deprovision{plan.Disable, plan.Delete}).Draw(rt, "deleted")
		r := newRig(t, options{policy: func(p *plan.Policy) {
			p.MaxCount, p.MaxPercent, p.Groups, p.Deleted = 1000, guard, groups, gone
		}})
		w := newWorld(r)
		for range rapid.IntRange(1, 12).Draw(rt, "first changes") {
			w.change(rt)
		}
		cycles := 1
		if !plantSome(rt, w) { // an ambiguous name stays in the way of later renames
			cycles = rapid.IntRange(1, 6).Draw(rt, "cycles")
		}
		for range cycles {
			checkPlan(rt, t, w)
			for range rapid.IntRange(0, 8).Draw(rt, "changes") {
				w.change(rt)
			}
		}
	})
}

// plantSome makes accounts and groups in the app before the first cycle: matching ones,
// strangers, and now and then two of a name. It says whether there are such twins.
func plantSome(rt *rapid.T, w *world) bool {
	twins := false
	for _, i := range slices.Sorted(maps.Keys(w.users)) {
		copies := rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2}).Draw(rt, "copies")
		for range copies {
			w.r.app.AddUser(map[string]any{"userName": w.users[i].name, "title": "By hand", "active": rapid.Bool().Draw(rt, "active")})
		}
		twins = twins || copies > 1
	}
	for i := range rapid.IntRange(0, 3).Draw(rt, "strangers") {
		w.r.app.AddUser(map[string]any{"userName": fmt.Sprintf("stranger%d@example.com", i), "active": true})
	}
	for _, i := range slices.Sorted(maps.Keys(w.groups)) {
		if rapid.Bool().Draw(rt, "group exists") {
			w.r.app.AddGroup(w.groups[i].name)
		}
	}
	return twins
}

func checkPlan(rt *rapid.T, t *testing.T, w *world) {
	r := w.r
	req := engine.Request{Trigger: "manual", Full: rapid.IntRange(0, 3).Draw(rt, "full") == 0, Reconcile: rapid.IntRange(0, 3).Draw(rt, "reconcile") == 0}
	dry := req
	dry.DryRun = true
	before := pictureOf(r)
	r.app.ResetCounts()
	planned, err := r.eng.Run(t.Context(), r.job, dry)
	if err != nil {
		rt.Fatal(err)
	}
	if n := r.app.Counts().Writes(); n != 0 {
		rt.Fatalf("a dry run wrote %d times", n)
	}
	done, err := r.eng.Run(t.Context(), r.job, req)
	if err != nil {
		rt.Fatal(err)
	}
	for _, p := range w.users {
		p.renamed = false
	}
	if planned.Status != done.Status || planned.Kind != done.Kind {
		rt.Fatalf("planned %s %s, done %s %s", planned.Kind, planned.Status, done.Kind, done.Status)
	}
	counted := func(c *state.Cycle) any {
		return []any{c.Users, c.Groups, c.Memberships, c.Escrowed, c.StagedDeletions}
	}
	if d := cmp.Diff(counted(planned), counted(done)); d != "" {
		rt.Fatalf("counts (-planned +done):\n%s\nplan: %+v", d, planned.Plan)
	}
	held := 0
	for _, p := range planned.Plan {
		if p.Held {
			held++
		}
	}
	if held != planned.StagedDeletions {
		rt.Fatalf("%d lines of held deletions, %d are held: %+v", held, planned.StagedDeletions, planned.Plan)
	}
	got := pictureOf(r).named(before)
	want := before.after(planned)
	if d := cmp.Diff(want.accounts, got); d != "" {
		rt.Fatalf("the app (-planned +done):\n%s\nplan: %+v", d, planned.Plan)
	}
}

// picture is the app: its users and groups by id, with the values that the mapping owns.
// Members are known by the ids of the directory where they have one.
type picture struct{ accounts map[string]map[string]any }

func pictureOf(r *rig) picture {
	p := picture{map[string]map[string]any{}}
	names := map[string]string{}
	for _, u := range r.app.Users() {
		values := map[string]any{"source": u.ExternalID, "active": u.Active}
		for _, path := range []string{"userName", "displayName", "externalId", "title", workMail, department} {
			set(values, path, u.Values[path])
		}
		set(values, manager, u.Values[manager+".value"])
		p.accounts[u.ID], names[u.ID] = values, u.ExternalID
	}
	for _, g := range r.app.Groups() {
		values := map[string]any{"source": g.ExternalID, "displayName": g.DisplayName}
		set(values, "externalId", g.Values["externalId"])
		for _, m := range g.Members {
			values["member "+names[m]] = true
		}
		p.accounts[g.ID] = values
	}
	return p
}

func set(values map[string]any, path string, v any) {
	if v == nil {
		delete(values, path)
		return
	}
	values[path] = v
}

// anew stands for the id of an account that did not exist before.
const anew = "an account made in this run"

// named renames new accounts to what a plan can know of them. A manager whose account was
// deleted long ago is no new one.
func (p picture) named(before picture) map[string]map[string]any {
	out := map[string]map[string]any{}
	for id, values := range p.accounts {
		if boss, ok := values[manager].(string); ok && before.accounts[boss] == nil && p.accounts[boss] != nil {
			values[manager] = anew
		}
		if before.accounts[id] == nil {
			id = "new " + values["source"].(string)
		}
		out[id] = values
	}
	return out
}

// after carries out a plan.
func (p picture) after(c *state.Cycle) picture {
	links := map[string]string{}
	for id, values := range p.accounts {
		if source := values["source"].(string); source != "" {
			links[source] = id
		}
	}
	if c.Adoption != nil {
		for _, by := range c.Adoption.Linked {
			for _, o := range by.Objects {
				links[o.SourceID] = o.TargetID
			}
		}
	}
	for _, change := range c.Plan {
		if change.Error == nil && !change.Held {
			p.carryOut(change, links)
		}
	}
	return p
}

func (p picture) carryOut(change state.Change, links map[string]string) {
	if change.Action == "create" {
		links[change.SourceID] = "new " + change.SourceID
		p.accounts[links[change.SourceID]] = map[string]any{}
	}
	id := links[change.SourceID]
	if change.Action == "delete" {
		delete(p.accounts, id)
		for _, g := range p.accounts {
			delete(g, "member "+change.SourceID)
		}
		return
	}
	values := p.accounts[id]
	values["source"] = change.SourceID
	for _, property := range change.Properties {
		switch property.Path {
		case sinks.PathMembers:
			for _, m := range list(property.New) {
				values["member "+m.(string)] = true
			}
			for _, m := range list(property.Old) {
				delete(values, "member "+m.(string))
			}
		default:
			v := property.New
			if s, ok := v.(string); ok && strings.HasPrefix(s, "dry-run-") {
				v = anew
			}
			set(values, property.Path, v)
		}
	}
}

func list(v any) []any { l, _ := v.([]any); return l }
