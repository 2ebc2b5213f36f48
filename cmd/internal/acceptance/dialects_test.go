package acceptance_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/sinktest/npm"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// dialect is a real server and what its test has to know of it.
type dialect struct {
	software npm.Software
	titles   bool // it keeps titles
	nobody   bool // it shows no members
	repeats  bool // adding a member again makes a duplicate, so that two writers leave some
	crowd    int  // the size of groups that fill and empty
	clears   func(*person)
}

// TestDialects keeps real servers equal to a directory with exactly the settings that
// `check --write` proposed for them, throttled by a gateway or by a limit of their own (then
// with fewer people, since it takes ten requests a second): two jobs race to make everybody and to fill groups, then one of them goes on through renames, cleared
// values, disabled, enabled and deleted people. After each chapter the server is read
// back, and a second cycle has nothing to send.
func TestDialects(t *testing.T) {
	for _, d := range []dialect{
		{software: npm.SCIMMY, crowd: 250, titles: true, repeats: true, clears: func(p *person) { p.title = "" }},
		{software: npm.BetterAuth, crowd: 250, clears: func(p *person) { p.family = "" }},
		{software: npm.BetterAuthThrottled, crowd: 60, clears: func(p *person) { p.family = "" }},
		{software: npm.Polis, crowd: 250, titles: true, nobody: true, clears: func(p *person) { p.title = "" }},
	} {
		t.Run(d.software.String(), func(t *testing.T) {
			t.Parallel()
			server := npm.Start(t, d.software)
			through := newGate(t, server.BaseURL)
			to := sinkAt{through.url, server.Token, ""}
			if d.software == npm.BetterAuthThrottled {
				to.url = server.BaseURL // has a limit of its own
			}
			to.more = d.rehearse(t, to)
			dir := newExport(t)
			w := newWorld(dir)
			w.titles, w.nobody = d.titles, d.nobody
			d.play(t, startBridge(t, dir, pair(t, dir, to)), w, reader{t, sinkAt{server.BaseURL, server.Token, ""}})
			if through.refused.Load() == 0 && d.software != npm.BetterAuthThrottled {
				t.Error("the gateway's limit was never met")
			}
		})
	}
}

// rehearse returns the settings that `check --write` proposes as they stand in a
// configuration. With them it must propose nothing more, and nothing may be left behind.
func (d dialect) rehearse(t *testing.T, to sinkAt) string {
	t.Helper()
	propose := func() string {
		dir := newExport(t)
		job, err := newBridge(t, dir, to, "").app.Job("test")
		must(t, err)
		found, err := job.Sink.(interface {
			CheckWrite(ctx context.Context) (*scim.Rehearsal, error)
		}).CheckWrite(t.Context())
		if err != nil {
			t.Fatalf("check --write: %v\n%+v", err, found.Steps)
		}
		if len(found.LeftBehind) > 0 {
			t.Errorf("left behind: %v", found.LeftBehind)
		}
		return strings.Join(found.Proposal, ", ")
	}
	lines := propose()
	t.Logf("override: {%s}", lines)
	if lines == "" {
		return ""
	}
	to.more = fmt.Sprintf(", override: {%s}", lines)
	if more := propose(); more != "" {
		t.Errorf("with its own proposal in force, check --write proposes %s", more)
	}
	return to.more
}

// pair is the configuration of two jobs that write to the same app.
func pair(t *testing.T, dir directory, to sinkAt) string {
	text := fmt.Sprintf(`
state: sqlite:%s/state.db
sources: {hr: {%s}}
sinks: {wiki: {type: scim, base_url: "%s", auth: {type: bearer, token: "%s"}%s}}
jobs:
`, t.TempDir(), dir.yaml(), to.url, to.token, to.more)
	for _, name := range []string{"test", "rival"} {
		text += fmt.Sprintf("  %s: {source: hr, sink: wiki, deprovision: {deleted: delete, max_deletions: {count: 100000, percent: 100}}}\n", name)
	}
	return text
}

func (d dialect) play(t *testing.T, b *bridge, w *world, r reader) {
	t.Helper()
	crowd := d.crowd
	both, one := []string{"test", "rival"}, []string{"test"}
	for _, c := range []struct {
		name   string
		jobs   []string
		change func()
	}{
		{"two jobs race to make everybody", both, func() {
			w.populate(crowd+10, 3)
			w.team(0, "Crowd", all(crowd + 10)[10:])
			w.team(1, "Next crowd", []int{0, 1})
		}},
		{"two jobs race to empty one group and fill another", both, func() {
			w.team(0, "Crowd", []int{crowd + 1})
			w.team(1, "Next crowd", all(crowd + 10)[2:])
		}},
		{"250 come back, one at a time stays out", one, func() { w.team(0, "Crowd", all(crowd + 10)[5:]) }},
		{"a rename, another title, a cleared value", one, func() {
			w.edit(1, func(p *person) { p.login, p.family = "renamed1@example.com", "Renamed" })
			w.edit(2, func(p *person) { p.title = "Director" })
			w.edit(3, d.clears)
		}},
		{"some are locked out, a group is renamed", one, func() {
			w.edit(6, func(p *person) { p.active = false })
			w.edit(7, func(p *person) { p.active = false })
			w.team(2, "Renamed team", w.teams[2].members)
		}},
		{"one comes back", one, func() { w.edit(6, func(p *person) { p.active = true }) }},
		{"people and a group are deleted", one, func() {
			w.remove(8)
			w.remove(9)
			w.disband(2)
		}},
	} {
		c.change()
		b.race(c.jobs)
		if d.repeats && len(c.jobs) > 1 {
			w.asSet = true
		}
		w.check(t, r)
		if t.Failed() {
			t.Fatalf("after: %s", c.name)
		}
		for _, again := range b.race(c.jobs) {
			if again.Requests.Sink != 0 {
				t.Fatalf("after %q a second cycle sent %d requests", c.name, again.Requests.Sink)
			}
		}
	}
	d.gone(t, r, login(8), login(9))
}

// gone demands that deleted people have no account any more.
func (d dialect) gone(t *testing.T, r reader, names ...string) {
	t.Helper()
	for _, u := range r.list("Users") {
		if slices.Contains(names, u.text("userName")) {
			t.Errorf("%s still has an account", u.text("userName"))
		}
	}
}

// race runs a cycle of each job at the same time. All must succeed.
func (b *bridge) race(jobs []string) []*state.Cycle {
	b.t.Helper()
	b.dir.settle()
	e, err := b.app.Engine(b.t.Context())
	must(b.t, err)
	out, errs := make([]*state.Cycle, len(jobs)), make([]error, len(jobs))
	var wg sync.WaitGroup
	for i, name := range jobs {
		job, err := b.app.Job(name)
		must(b.t, err)
		wg.Go(func() { out[i], errs[i] = e.Run(b.t.Context(), job, engine.Request{Trigger: "manual"}) })
	}
	wg.Wait()
	for i, c := range out {
		must(b.t, errs[i])
		if c.Status != "succeeded" {
			b.t.Fatalf("%s: cycle ended %s: %+v, escrow %s", jobs[i], c.Status, c.Error, b.escrowOf(jobs[i]))
		}
	}
	return out
}
