package acceptance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sinks/sinktest/npm"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// titles are the names of a person's title in each kind of directory.
func titles() map[string]string {
	return map[string]string{"graph": "user.jobTitle", "okta": "user.title", "file": "user.title"}
}

// desk is a bridge whose first cycle is done, with somebody who provisions on demand.
type desk struct {
	*bridge
	w   *world
	app *scimtest.Server // nil: a real server
	eng *engine.Engine
	job *engine.Job
}

func newDesk(t *testing.T, kind string, to sinkAt) *desk {
	t.Helper()
	dir := directories()[kind](t)
	w := newWorld(dir)
	w.populate(6, 2)
	d := &desk{bridge: newBridge(t, dir, to, fmt.Sprintf("    scope: {users: '%s != \"Intern\"'}\n", titles()[kind])), w: w}
	d.succeed(engine.Request{})
	var err error
	d.eng, err = d.bridge.app.Engine(t.Context())
	must(t, err)
	d.job, err = d.bridge.app.Job("test")
	must(t, err)
	return d
}

func (d *desk) provision(req engine.ProvisionRequest) *engine.Provision {
	d.t.Helper()
	d.dir.settle()
	req.Trigger = provlog.TriggerManual
	start := time.Now()
	p, err := d.eng.Provision(d.t.Context(), d.job, req)
	must(d.t, err)
	if took := time.Since(start); took > 2*time.Second && d.app != nil {
		d.t.Errorf("it took %s", took)
	}
	return p
}

func (d *desk) row() (*state.Store, *state.Job) {
	d.t.Helper()
	store, err := d.bridge.app.Store(d.t.Context())
	must(d.t, err)
	row, err := store.Job(d.t.Context(), "test")
	must(d.t, err)
	return store, row
}

// provisionCase is something that happened to somebody, and what comes of it.
type provisionCase struct {
	name           string
	happens        func(d *desk)
	user           string
	result, action string
	code           provlog.Code
	failed         string // the step that fails
	most           int    // requests to the application
}

func hire(i int, title string) func(*desk) {
	return func(d *desk) {
		d.w.put(i, person{login: login(i), given: "New", family: "Person", title: title, active: true, manager: -1})
	}
}

func edit(change func(*person)) func(*desk) {
	return func(d *desk) { d.w.edit(1, change) }
}

func provisionCases() []provisionCase {
	refuse := func(method, path string, status int) func(*desk) {
		return func(d *desk) {
			hire(50, "Engineer")(d)
			d.app.Inject(scimtest.Fault{Method: method, Path: path, Status: status})
		}
	}
	return []provisionCase{
		{"new", hire(50, "Engineer"), login(50), "success", "create", "", "", 3},
		{"changed", edit(func(p *person) { p.title = "Director" }), login(1), "success", "update", "", "", 1},
		{"renamed", edit(func(p *person) { p.login = "renamed@example.com" }), "renamed@example.com", "success", "update", "", "", 1},
		{"equal", func(*desk) {}, login(1), "skipped", "none", "", "", 0},
		{"disabled", edit(func(p *person) { p.active = false }), login(1), "success", "disable", "", "", 1},
		{"deleted", func(d *desk) { d.w.remove(1) }, login(1), "success", "disable", "", "", 1},
		{"out of scope", edit(func(p *person) { p.title = "Intern" }), login(1), "success", "disable", "", "", 1},
		{"never in scope", hire(51, "Intern"), login(51), "skipped", "none", "", "", 1},
		{"ambiguous match", func(d *desk) {
			hire(52, "Engineer")(d)
			d.app.AddUser(map[string]any{"userName": login(52)})
			d.app.AddUser(map[string]any{"userName": login(52)})
		}, login(52), "failure", "create", provlog.CodeAmbiguousMatch, provlog.StepMatch, 2},
		{"sink 400", refuse("POST", "/Users", 400), login(50), "failure", "create", provlog.CodeRejected, provlog.StepAct, 3},
		{"sink 401", refuse("", "", 401), login(50), "failure", "create", provlog.CodeCredentials, provlog.StepConnect, 3},
		{"unknown", func(*desk) {}, "nobody@example.com", "failure", "none", provlog.CodeUnknownReference, provlog.StepImport, 0},
	}
}

// condition is what state the job is in meanwhile. What it returns ends it.
type condition func(d *desk) (end func())

func conditions() map[string]condition {
	return map[string]condition{
		"healthy":        func(*desk) func() { return func() {} },
		"quarantined":    quarantined,
		"paused":         paused,
		"during a cycle": duringACycle,
	}
}

func (d *desk) become(change func(*quarantine.Status)) {
	store, row := d.row()
	_, _, err := store.UpdateQuarantine(d.t.Context(), row.ID, func(s quarantine.Status) quarantine.Status {
		change(&s)
		return s
	})
	must(d.t, err)
}

func quarantined(d *desk) func() {
	d.become(func(s *quarantine.Status) {
		s.State, s.Reason, s.Since = quarantine.StateQuarantined, quarantine.ReasonFailedCycles, time.Now()
	})
	return func() {
		if _, row := d.row(); row.Quarantine.State != quarantine.StateQuarantined {
			d.t.Errorf("the job is %s, and was quarantined", row.Quarantine.State)
		}
	}
}

func paused(d *desk) func() {
	d.become(func(s *quarantine.Status) { s.State = quarantine.StatePaused })
	return func() {}
}

// duringACycle holds a cycle up in the middle of a request.
func duringACycle(d *desk) func() {
	d.w.edit(5, func(p *person) { p.title = "Held up" })
	d.dir.settle()
	d.app.ResetCounts()
	d.app.Inject(scimtest.Fault{Method: "PATCH", Path: "/Users/{id}", Times: 1, DelayBefore: 500 * time.Millisecond})
	ended := make(chan error, 1)
	go func() {
		_, err := d.eng.Run(d.t.Context(), d.job, engine.Request{Trigger: provlog.TriggerManual})
		ended <- err
	}()
	for d.app.Counts().Of("PATCH") == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	return func() { must(d.t, <-ended) }
}

// TestProvisionOnDemand goes through everything that may have happened to somebody, in
// every state of the job, for every kind of directory.
func TestProvisionOnDemand(t *testing.T) {
	for kind := range directories() {
		for state, begin := range conditions() {
			for _, c := range provisionCases() {
				t.Run(fmt.Sprintf("%s/%s/%s", kind, state, c.name), func(t *testing.T) {
					t.Parallel()
					app := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "scim-token"}})
					d := newDesk(t, kind, sinkAt{url: app.Start(t), token: "scim-token"})
					d.app = app
					checkProvision(t, d, begin, c)
				})
			}
		}
	}
}

func checkProvision(t *testing.T, d *desk, begin condition, c provisionCase) {
	end := begin(d)
	c.happens(d)
	_, before := d.row()
	requests := d.app.Counts().Total()
	p := d.provision(engine.ProvisionRequest{User: c.user})
	requests = d.app.Counts().Total() - requests
	_, after := d.row()
	end()
	equal(t, "result", p.Result, c.result)
	equal(t, "action", string(p.Action), c.action)
	if p.Error != nil {
		equal(t, "code", p.Error.Code, c.code)
	} else if c.code != "" {
		t.Error("no error")
	}
	if requests > c.most {
		t.Errorf("%d requests to the application, want at most %d", requests, c.most)
	}
	equal(t, "watermark", after.Cursor, before.Cursor)
	checkSteps(t, p, c)
	checkLogged(t, d, p)
	checkProperties(t, p)
}

func checkSteps(t *testing.T, p *engine.Provision, c provisionCase) {
	t.Helper()
	names, failed := []string{}, []string{}
	for _, s := range p.Steps {
		names = append(names, s.Name)
		if s.Status == provlog.StatusFailure {
			failed = append(failed, s.Name)
		}
		if s.Detail == "" {
			t.Errorf("step %s says nothing", s.Name)
		}
	}
	equal(t, "steps", strings.Join(names, " "), "connect import scope match act")
	if c.failed == "" && len(failed) > 0 || c.failed != "" && (len(failed) == 0 || failed[0] != c.failed) {
		t.Errorf("failed steps %v, want first %q: %+v", failed, c.failed, p.Steps)
	}
	if c.code == provlog.CodeRejected && !strings.Contains(p.Steps[4].Detail, "injected fault") {
		t.Errorf("the application's words are missing: %s", p.Steps[4].Detail)
	}
}

// checkLogged demands that the log tells the same, steps included.
func checkLogged(t *testing.T, d *desk, p *engine.Provision) {
	t.Helper()
	store, row := d.row()
	records, err := store.Logs(t.Context(), row.ID, provlog.Filter{Identity: p.SourceIdentity.ID, Limit: 1000})
	must(t, err)
	for _, r := range records {
		if r.ChangeID == p.ChangeID {
			equal(t, "logged status", string(r.Status), p.Result)
			equal(t, "logged action", r.Action, p.Action)
			equal(t, "logged steps", len(r.Steps), 5)
			equal(t, "logged resource", r.Resource, "user")
			return
		}
	}
	t.Error("no record of the change")
}

// checkProperties demands the changes with both values, in a failure those attempted.
func checkProperties(t *testing.T, p *engine.Provision) {
	t.Helper()
	if (len(p.Properties) == 0) != (p.Action == provlog.ActionNone) {
		t.Errorf("action %s with properties %+v", p.Action, p.Properties)
	}
	if p.Action == provlog.ActionDisable {
		equal(t, "disabled by", fmt.Sprintf("%+v", p.Properties[0]), "{Path:active Old:true New:false}")
	}
}

// TestProvisionBeforeTheFirstCycle makes an account that the first cycle then finds.
func TestProvisionBeforeTheFirstCycle(t *testing.T) {
	for kind, makeDir := range directories() {
		t.Run(kind, func(t *testing.T) {
			app := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "scim-token"}})
			dir := makeDir(t)
			w := newWorld(dir)
			w.populate(3, 1)
			d := &desk{bridge: newBridge(t, dir, sinkAt{url: app.Start(t), token: "scim-token"}, ""), w: w, app: app}
			var err error
			d.eng, err = d.bridge.app.Engine(t.Context())
			must(t, err)
			d.job, err = d.bridge.app.Job("test")
			must(t, err)
			equal(t, "result", d.provision(engine.ProvisionRequest{User: login(1)}).Result, "success")
			equal(t, "accounts", len(app.Users()), 1)
			if _, row := d.row(); row.Cursor != "" {
				t.Error("it moved the watermark")
			}
			c := d.succeed(engine.Request{})
			equal(t, "created", c.Users.Created, 2)
			equal(t, "accounts", len(app.Users()), 3)
		})
	}
}

// TestProvisionClearsEscrow takes somebody out of escrow by provisioning.
func TestProvisionClearsEscrow(t *testing.T) {
	app := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "scim-token"}})
	d := newDesk(t, "file", sinkAt{url: app.Start(t), token: "scim-token"})
	d.app = app
	hire(50, "Engineer")(d)
	app.Inject(scimtest.Fault{Method: "POST", Path: "/Users", Status: 400})
	equal(t, "escrowed", d.cycle(engine.Request{}).Escrowed, 1)
	equal(t, "refused", d.provision(engine.ProvisionRequest{User: login(50)}).Result, "failure")
	app.ClearFaults()
	equal(t, "made", d.provision(engine.ProvisionRequest{User: login(50)}).Result, "success")
	equal(t, "escrowed", d.succeed(engine.Request{}).Escrowed, 0)
}

// TestDryRunWritesNothing runs cycles and provisions dry through the whole program, and
// then asks the dry sink itself to write: the HTTP layer refuses.
func TestDryRunWritesNothing(t *testing.T) {
	app := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "scim-token"}})
	d := newDesk(t, "file", sinkAt{url: app.Start(t), token: "scim-token"})
	d.app = app
	hire(50, "Engineer")(d)
	d.w.edit(1, func(p *person) { p.title = "Director" })
	d.w.remove(2)
	before := app.Users()
	app.ResetCounts()
	c := d.cycle(engine.Request{Full: true, DryRun: true})
	equal(t, "planned", len(c.Plan) >= 3 && c.Users.Created == 1 && c.Users.Updated == 1 && c.Users.Disabled == 1, true)
	equal(t, "planned", d.provision(engine.ProvisionRequest{User: login(50), DryRun: true}).Result, "success")
	for _, op := range []sinks.Op{
		{Action: sinks.Create, Resource: sinks.User, Attributes: []sinks.Attribute{{Path: "userName", Value: "x"}}},
		{Action: sinks.Update, Resource: sinks.User, ID: sinks.ID(before[0].ID), Attributes: []sinks.Attribute{{Path: "title", Value: "x"}}},
		{Action: sinks.Delete, Resource: sinks.User, ID: sinks.ID(before[0].ID)},
	} {
		if _, err := d.job.DrySink.Do(t.Context(), op); sinks.ClassOf(err) != sinks.ReadOnly {
			t.Errorf("%s through the dry sink gave %v", op.Action, err)
		}
	}
	equal(t, "writes", app.Counts().Writes(), 0)
	store, row := d.row()
	cycles, err := store.Cycles(t.Context(), row.ID, 10)
	must(t, err)
	equal(t, "stored cycles", len(cycles), 1)
}

// TestProvisionOnRealServers goes through somebody's life on real SCIM servers.
func TestProvisionOnRealServers(t *testing.T) {
	for _, software := range []npm.Software{npm.SCIMMY, npm.BetterAuth} {
		t.Run(software.String(), func(t *testing.T) {
			server := npm.Start(t, software)
			d := newDesk(t, "graph", sinkAt{server.BaseURL, server.Token, ""})
			for _, c := range []struct {
				name           string
				happens        func()
				result, action string
			}{
				{"new", func() { hire(50, "Engineer")(d) }, "success", "create"},
				{"equal", func() {}, "skipped", "none"},
				{"changed", func() { d.w.edit(50, func(p *person) { p.family = "Changed" }) }, "success", "update"},
				{"disabled", func() { d.w.edit(50, func(p *person) { p.active = false }) }, "success", "disable"},
				{"enabled", func() { d.w.edit(50, func(p *person) { p.active = true }) }, "success", "update"},
				{"deleted", func() { d.w.remove(50) }, "success", "disable"},
			} {
				c.happens()
				p := d.provision(engine.ProvisionRequest{User: login(50)})
				equal(t, c.name+" result", p.Result, c.result)
				equal(t, c.name+" action", string(p.Action), c.action)
				if p.Error != nil {
					t.Fatalf("%s: %+v", c.name, p.Error)
				}
			}
			d.succeed(engine.Request{})
			d.w.check(t, reader{t, sinkAt{server.BaseURL, server.Token, ""}})
		})
	}
}
