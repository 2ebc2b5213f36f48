package acceptance_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/idpbridge/idpbridge/cmd/internal/app"
	"github.com/idpbridge/idpbridge/cmd/internal/app/adapters"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// journal collects the process log.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Split(strings.TrimSpace(j.text.String()), "\n")
}

// loggedBridge is a bridge whose log, at the finest level, goes to a journal.
func loggedBridge(t *testing.T, dir directory, to sinkAt, job string) (*bridge, *journal) {
	t.Helper()
	text := fmt.Sprintf(template, t.TempDir(), dir.yaml(), to.url, to.token, to.more, job)
	cfg, err := config.Parse("test.yaml", []byte(text), func(string) (string, bool) { return "", false })
	must(t, err)
	j := &journal{}
	log := slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := app.New(app.Options{Config: cfg, Adapters: adapters.All(), Version: "test", Log: log})
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	return &bridge{t: t, app: a, dir: dir}, j
}

// quoting is a refusal in which the application quotes what it was sent.
func quoting(method, path string, status int) scimtest.Fault {
	detail := "the value 'person1@example.com' of 'Given1 Family1' ('Engineer') is not allowed"
	return scimtest.Fault{
		Method: method, Path: path, Status: status, ContentType: "application/scim+json",
		Body: fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"%d","detail":%q}`, status, detail),
	}
}

// TestNothingPersonalInTheProcessLog lets everything go wrong that may quote a person's
// values, and looks for each value of the directory in the log.
func TestNothingPersonalInTheProcessLog(t *testing.T) {
	for kind, makeDir := range directories() {
		t.Run(kind, func(t *testing.T) {
			server := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "scim-token"}})
			dir := makeDir(t)
			w := newWorld(dir)
			w.populate(8, 2)
			// Of a person with this title, the filter can't be evaluated.
			filter := fmt.Sprintf("    scope: {users: '%[1]s == \"Wrong title\" ? int(%[1]s) > 3 : true'}\n", titles()[kind])
			b, j := loggedBridge(t, dir, sinkAt{url: server.Start(t), token: "scim-token"}, filter)
			ordeal(t, &desk{bridge: b, w: w, app: server})
			lines := j.lines()
			if len(lines) < 100 {
				t.Fatalf("only %d lines: the log is not on", len(lines))
			}
			for _, secret := range values(w) {
				for _, line := range lines {
					if strings.Contains(strings.ToLower(line), strings.ToLower(secret)) {
						t.Errorf("%q is in the log: %s", secret, line)
						break
					}
				}
			}
		})
	}
}

// ordeal goes through successes and failures of all kinds.
func ordeal(t *testing.T, d *desk) {
	t.Helper()
	var err error
	d.eng, err = d.bridge.app.Engine(t.Context())
	must(t, err)
	d.job, err = d.bridge.app.Job("test")
	must(t, err)
	d.app.AddUser(map[string]any{"userName": login(6)})
	d.app.AddUser(map[string]any{"userName": login(7)})
	d.app.AddUser(map[string]any{"userName": login(7)})
	d.cycle(engine.Request{DryRun: true})
	d.app.Inject(quoting(http.MethodPost, "/Groups", http.StatusBadRequest))
	d.cycle(engine.Request{})
	for _, status := range []int{400, 401, 403, 404, 409, 413, 501} {
		d.app.ClearFaults()
		d.app.Inject(quoting("", "", status))
		d.w.edit(1, func(p *person) { p.family = fmt.Sprint("Family1x", status) })
		d.w.edit(2, func(p *person) { p.active = !p.active })
		d.w.put(status, person{login: login(status), given: "Given1", family: "Family1", title: "Engineer", active: true, manager: 1})
		d.cycle(engine.Request{Full: status == 409})
		d.provision(engine.ProvisionRequest{User: login(1)})
		d.provision(engine.ProvisionRequest{User: login(status)})
		_, err := d.eng.Explain(t.Context(), d.job, login(1))
		must(t, err)
	}
	d.app.ClearFaults()
	for _, u := range d.app.Users() {
		if u.UserName == login(3) {
			must(t, d.app.Remove(u.ID))
		}
	}
	d.w.edit(3, func(p *person) { p.title = "Fellow of everything" })
	d.w.edit(5, func(p *person) { p.title = "Wrong title" })
	d.w.remove(4)
	d.provision(engine.ProvisionRequest{User: login(3)})
	equal(t, "of a wrong title", d.provision(engine.ProvisionRequest{User: login(5)}).Error.Code, provlog.CodeScopeFailed)
	d.provision(engine.ProvisionRequest{User: "nobody@example.com"})
	d.provision(engine.ProvisionRequest{Group: "Team 0", Members: []string{login(1), "nobody@example.com"}})
	d.cycle(engine.Request{Reconcile: true})
	d.busy(t)
}

// busy goes through answers after which the client tries again: ones that a later answer
// makes good, a write of unknown effect, and in the end a pause too long to wait for.
func (d *desk) busy(t *testing.T) {
	t.Helper()
	soon, never := map[string]string{"Retry-After": "0"}, map[string]string{"Retry-After": "86400"}
	for i, c := range []struct {
		method        string
		status, times int
		header        map[string]string
		code          provlog.Code // "": it goes well in the end
	}{
		{http.MethodGet, 500, 2, nil, ""},
		{http.MethodPatch, 429, 2, soon, ""},
		{http.MethodPatch, 500, 0, nil, provlog.CodeUnclear},
		{http.MethodPost, 500, 0, nil, provlog.CodeUnclear},
		{http.MethodPatch, 429, 0, never, provlog.CodeThrottled},
	} {
		d.app.ClearFaults()
		fault := quoting(c.method, "", c.status)
		fault.Times, fault.Header = c.times, c.header
		hits := d.app.Inject(fault)
		who := 1
		if c.method == http.MethodPost {
			who = 1000 + i
		}
		d.w.put(who, person{login: login(who), given: "Given1", family: fmt.Sprint("Family1y", i), title: "Engineer", active: true})
		d.dir.settle()
		p, err := d.eng.Provision(t.Context(), d.job, engine.ProvisionRequest{User: login(who), Trigger: provlog.TriggerManual})
		must(t, err)
		if code := codeOf(p.Error); hits() == 0 || code != c.code {
			t.Errorf("%s %d: met %d times, and ended with %q, not %q", c.method, c.status, hits(), code, c.code)
		}
		d.cycle(engine.Request{Full: c.method == http.MethodGet})
	}
}

func codeOf(e *provlog.Error) provlog.Code {
	if e == nil {
		return ""
	}
	return e.Code
}

// values are all values of people in the directory that say who they are.
func values(w *world) []string {
	out := []string{"nobody@example.com", "Team 0", "Team 1", "Engineer", "Fellow of everything", "Wrong title", "example.com"}
	for _, p := range w.people {
		out = append(out, p.login, p.family, p.given+" "+p.family)
	}
	return out
}
