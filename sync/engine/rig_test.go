package engine_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/idpbridge/idpbridge/config/secret"
	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/sourcetest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
	department = enterprise + "department"
	manager    = enterprise + "manager"
	workMail   = `emails[type eq "work"].value`
)

// rig is a directory in memory, a SCIM app over real HTTP, and a job between them with a
// real state file.
type rig struct {
	t     testing.TB
	dir   *sourcetest.Directory
	app   *scimtest.Server
	store *state.Store
	eng   *engine.Engine
	job   *engine.Job
	now   time.Time
	file  string
	url   string // of the app
}

// options change a rig before it is built.
type options struct {
	app     scimtest.Options
	scope   mapping.Scope
	policy  func(*plan.Policy)
	source  engine.Source // instead of the directory
	sink    scim.Config
	clients func(http.RoundTripper) http.RoundTripper
	tables  *mapping.Defaults // instead of defaults()
}

func newRig(t testing.TB, o options) *rig {
	t.Helper()
	r := &rig{t: t, dir: &sourcetest.Directory{PageSize: 50}, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	o.app.Auth.Bearer = "token"
	r.app = scimtest.New(o.app)
	r.url = r.app.Start(t)
	r.file = filepath.Join(t.TempDir(), "state.db")
	r.open()
	var sent atomic.Int64
	o.sink.BaseURL, o.sink.Auth = r.url, bearer()
	next := http.RoundTripper(&http.Transport{MaxIdleConnsPerHost: 16})
	t.Cleanup(next.(*http.Transport).CloseIdleConnections)
	if o.clients != nil {
		next = o.clients(next)
	}
	sink, err := scim.New(o.sink, &http.Client{Transport: counting{next, &sent}, Timeout: 10 * time.Second}, slog.New(slog.DiscardHandler))
	must(t, err)
	tables := defaults()
	if o.tables != nil {
		tables = *o.tables
	}
	m, err := mapping.Compile(mapping.Spec{}, o.scope, tables)
	must(t, err)
	policy := plan.Default()
	if o.policy != nil {
		o.policy(&policy)
	}
	r.job = &engine.Job{
		Name: "test", Source: r.dir, Sink: sink, DrySink: sink, Mapping: m, Policy: policy, Quarantine: quarantine.Default(),
		Interval: 40 * time.Minute,
		Requests: func() state.Requests { return state.Requests{Source: int64(r.dir.Reads()), Sink: sent.Load()} },
	}
	if o.source != nil {
		r.job.Source = o.source
	}
	return r
}

// open opens the state file, as a new process would.
func (r *rig) open() {
	r.t.Helper()
	if r.store != nil {
		must(r.t, r.store.Close())
	}
	var err error
	r.store, err = state.Open(r.t.Context(), state.Options{Path: r.file, Now: r.clock})
	must(r.t, err)
	r.eng = engine.New(engine.Options{Store: r.store, Now: r.clock})
	store := r.store
	r.t.Cleanup(func() { _ = store.Close() })
}

func bearer() scim.Auth { return scim.Auth{Type: "bearer", Token: secret.String("token")} }

func (r *rig) clock() time.Time { return r.now }

type counting struct {
	next http.RoundTripper
	n    *atomic.Int64
}

func (c counting) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(req)
}

func defaults() mapping.Defaults {
	return mapping.Defaults{
		Users: []sources.DefaultRow{
			{To: "userName", From: "user.userName", Match: 1},
			{To: "displayName", From: "user.displayName"},
			{To: "externalId", From: "user.id"},
			{To: "title", From: "user.title"},
			{To: workMail, From: "user.mail"},
			{To: department, From: "user.department"},
			{To: manager, From: "user.manager"},
		},
		Groups: []sources.DefaultRow{
			{To: "displayName", From: "group.displayName", Match: 1},
			{To: "externalId", From: "group.id"},
		},
	}
}

// user makes user i. Attributes given as pairs replace or, when nil, clear the usual ones.
func user(i int, pairs ...any) sources.User {
	name := fmt.Sprintf("user%d@example.com", i)
	u := sources.User{
		ID: sources.ID(fmt.Sprintf("u%d", i)), UserName: name, Mail: name, DisplayName: fmt.Sprintf("User %d", i), Active: true,
		Attributes: map[string]any{
			"userName": name, "mail": name, "displayName": fmt.Sprintf("User %d", i), "title": "Engineer", "department": "R&D",
		},
		Manager: sources.Reference{Known: true},
	}
	for i := 0; i < len(pairs); i += 2 {
		switch key := pairs[i].(string); key {
		case "active":
			u.Active = pairs[i+1].(bool)
		case "manager":
			u.Manager.ID = sources.ID(pairs[i+1].(string))
		case "userName":
			u.UserName = pairs[i+1].(string)
			u.Attributes[key] = pairs[i+1]
		default:
			u.Attributes[key] = pairs[i+1]
		}
	}
	return u
}

func group(i int, members ...int) sources.Group {
	g := sources.Group{
		ID: sources.ID(fmt.Sprintf("g%d", i)), DisplayName: fmt.Sprintf("Group %d", i),
		Attributes: map[string]any{"displayName": fmt.Sprintf("Group %d", i)},
	}
	for _, m := range members {
		g.Members = append(g.Members, sources.Member{User: sources.ID(fmt.Sprintf("u%d", m))})
	}
	return g
}

func (r *rig) fill(users int) {
	for i := range users {
		r.dir.PutUser(user(i))
	}
}

// run runs a cycle, which has to end as told.
func (r *rig) run(status string, req engine.Request) *state.Cycle {
	r.t.Helper()
	r.app.ResetCounts()
	if req.Trigger == "" {
		req.Trigger = "manual"
	}
	c, err := r.eng.Run(r.t.Context(), r.job, req)
	must(r.t, err)
	if c.Status != status {
		r.t.Fatalf("cycle ended %s, want %s: %+v\nescrow: %+v", c.Status, status, c.Error, r.escrow())
	}
	return c
}

func (r *rig) escrow() []state.Escrow {
	j, err := r.store.Job(r.t.Context(), r.job.Name)
	must(r.t, err)
	e, err := r.store.Escrows(r.t.Context(), j.ID)
	must(r.t, err)
	return e
}

// account is the app's account of user i, or nil.
func (r *rig) account(i int) *scimtest.User {
	for _, u := range r.app.Users() {
		if u.ExternalID == fmt.Sprintf("u%d", i) {
			return &u
		}
	}
	return nil
}

// members are the external ids of a group's members in the app, sorted.
func (r *rig) members(i int) []string {
	ids := map[string]string{}
	for _, u := range r.app.Users() {
		ids[u.ID] = u.ExternalID
	}
	for _, g := range r.app.Groups() {
		if g.ExternalID == fmt.Sprintf("g%d", i) {
			out := []string{}
			for _, m := range g.Members {
				out = append(out, ids[m])
			}
			slices.Sort(out)
			return out
		}
	}
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
