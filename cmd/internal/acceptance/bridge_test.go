package acceptance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/cmd/internal/app/adapters"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// bridge is the program's own wiring of one job.
type bridge struct {
	t   testing.TB
	app *app.App
	dir directory
}

// sinkAt is an app: where it is, and what its configuration says beside that.
type sinkAt struct{ url, token, more string }

const template = `
state: sqlite:%s/state.db
sources: {hr: {%s}}
sinks: {wiki: {type: scim, base_url: "%s", auth: {type: bearer, token: "%s"}%s}}
jobs:
  test:
    source: hr
    sink: wiki
    deprovision: {max_deletions: {count: 100000, percent: 100}}
%s`

func newBridge(t testing.TB, dir directory, to sinkAt, job string) *bridge {
	t.Helper()
	return startBridge(t, dir, fmt.Sprintf(template, t.TempDir(), dir.yaml(), to.url, to.token, to.more, job))
}

// startBridge wires what a configuration file says.
func startBridge(t testing.TB, dir directory, text string) *bridge {
	t.Helper()
	cfg, err := config.Parse("test.yaml", []byte(text), func(string) (string, bool) { return "", false })
	must(t, err)
	a, err := app.New(app.Options{Config: cfg, Adapters: adapters.All(), Version: "test"})
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	return &bridge{t: t, app: a, dir: dir}
}

// cycle runs a cycle after the directory's changes.
func (b *bridge) cycle(req engine.Request) *state.Cycle {
	b.t.Helper()
	b.dir.settle()
	e, err := b.app.Engine(b.t.Context())
	must(b.t, err)
	job, err := b.app.Job("test")
	must(b.t, err)
	req.Trigger = "manual"
	c, err := e.Run(b.t.Context(), job, req)
	must(b.t, err)
	return c
}

func (b *bridge) succeed(req engine.Request) *state.Cycle {
	b.t.Helper()
	c := b.cycle(req)
	if c.Status != "succeeded" {
		b.t.Fatalf("cycle ended %s: %+v, escrow %s", c.Status, c.Error, b.escrow())
	}
	return c
}

func (b *bridge) escrow() string { return b.escrowOf("test") }

func (b *bridge) escrowOf(job string) string {
	store, err := b.app.Store(b.t.Context())
	must(b.t, err)
	row, err := store.Job(b.t.Context(), job)
	must(b.t, err)
	list, err := store.Escrows(b.t.Context(), row.ID)
	must(b.t, err)
	out := ""
	for i, e := range list {
		if i == 5 {
			return out + fmt.Sprintf("… %d in all", len(list))
		}
		out += fmt.Sprintf("\n%s %s: %s: %s", e.Resource, e.SourceID, e.Code, e.Message)
	}
	return out
}

// reader reads a SCIM server the plainest way there is.
type reader struct {
	t  testing.TB
	to sinkAt
}

type resource map[string]any

func (r reader) list(endpoint string) []resource {
	r.t.Helper()
	var all []resource
	seen := map[string]bool{}
	for {
		var page struct {
			Resources []resource `json:"Resources"`
		}
		r.get(fmt.Sprintf("/%s?startIndex=%d&count=2000", endpoint, len(all)+1), &page)
		fresh := 0
		for _, o := range page.Resources {
			if id := o.text("id"); !seen[id] {
				seen[id] = true
				all = append(all, o)
				fresh++
			}
		}
		if fresh == 0 { // totals are known to lie
			return all
		}
	}
}

func (r reader) get(path string, into any) {
	r.t.Helper()
	base, err := url.Parse(r.to.url)
	must(r.t, err)
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, base.String()+path, nil)
	must(r.t, err)
	req.Header.Set("Authorization", "Bearer "+r.to.token)
	resp, err := http.DefaultClient.Do(req)
	must(r.t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s", path, resp.Status)
	}
	must(r.t, json.NewDecoder(resp.Body).Decode(into))
}

// text returns a value by a dotted path, "" when there is none.
func (o resource) text(path string) string {
	var v any = map[string]any(o)
	for _, name := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[name]
	}
	s, _ := v.(string)
	return s
}

func (o resource) active() bool { return o["active"] != false }

func (o resource) members() []string {
	list, _ := o["members"].([]any)
	out := make([]string, 0, len(list))
	for _, m := range list {
		if member, ok := m.(map[string]any); ok {
			id, _ := member["value"].(string)
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
