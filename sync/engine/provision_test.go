package engine_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/sourcetest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

func (r *rig) provision(req engine.ProvisionRequest) *engine.Provision {
	r.t.Helper()
	r.app.ResetCounts()
	req.Trigger = "manual"
	p, err := r.eng.Provision(r.t.Context(), r.job, req)
	must(r.t, err)
	return p
}

func TestProvisionUserThroughItsLife(t *testing.T) {
	r := newRig(t, options{})
	r.fill(5)
	steps := []struct {
		name           string
		change         func()
		result, action string
		requests       int
	}{
		{"new", func() {}, "success", "create", 3},
		{"equal", func() {}, "skipped", "none", 0},
		{"changed", func() { r.dir.PutUser(user(1, "title", "Boss")) }, "success", "update", 1},
		{"renamed", func() { r.dir.PutUser(user(1, "userName", "new@example.com")) }, "success", "update", 1},
		{"disabled", func() { r.dir.PutUser(user(1, "active", false)) }, "success", "disable", 1},
		{"back", func() { r.dir.PutUser(user(1)) }, "success", "update", 1},
		{"deleted", func() { r.dir.RemoveUser("u1", sources.RemovedHard) }, "success", "disable", 1},
	}
	for _, s := range steps {
		s.change()
		p := r.provision(engine.ProvisionRequest{User: "u1"})
		if p.Result != s.result || string(p.Action) != s.action {
			t.Fatalf("%s: %s %s (%+v), want %s %s", s.name, p.Result, p.Action, p.Error, s.result, s.action)
		}
		if n := r.app.Counts().Total(); n > s.requests {
			t.Errorf("%s: %d requests, want at most %d: %v", s.name, n, s.requests, r.app.Counts())
		}
		if len(p.Steps) != 5 {
			t.Errorf("%s: steps %+v", s.name, p.Steps)
		}
	}
	p := r.provision(engine.ProvisionRequest{User: "nobody@example.com"})
	equal(t, "unknown", string(p.Error.Code), "unknown_reference")
}

func TestProvisionGroupWithMembers(t *testing.T) {
	r := newRig(t, options{})
	r.fill(5)
	r.dir.PutGroup(group(1, 1, 2, 3))
	r.provision(engine.ProvisionRequest{User: "u1"})
	p := r.provision(engine.ProvisionRequest{Group: "Group 1", Members: []string{"u1"}})
	equal(t, "result", p.Result, "success")
	equal(t, "members", r.members(1), []string{"u1"})
	r.provision(engine.ProvisionRequest{User: "u2"})
	r.provision(engine.ProvisionRequest{Group: "g1"})
	equal(t, "members", r.members(1), []string{"u1", "u2"})
	r.run("succeeded", engine.Request{})
	equal(t, "members", r.members(1), []string{"u1", "u2", "u3"})
	equal(t, "accounts", len(r.app.Users()), 5)
}

// secretive is a job whose titles are sensitive, and whose scope reads them.
func secretive(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, options{scope: mapping.Scope{Users: `user.title != "Nobody"`}})
	var err error
	r.job.Mapping, err = mapping.Compile(mapping.Spec{Users: []mapping.Row{
		{To: "userName", From: "user.userName", Match: 1},
		{To: "title", From: `user["title"]`, Sensitive: true},
		{To: "nickName", From: `user.title == "Uncountable" ? string(int(user.title)) : "none"`, Sensitive: true},
	}}, mapping.Scope{Users: `user.title != "Nobody"`}, defaults())
	must(t, err)
	return r
}

// TestSensitiveValuesAreNowhere looks for a sensitive value in everything that is stored
// or shown: results, records, escrow, plans and explanations, also where the app quotes it
// in other letter case.
func TestSensitiveValuesAreNowhere(t *testing.T) {
	r := secretive(t)
	const secret = "Taster of Poison"
	u := user(1, "title", secret)
	u.DisplayName = secret
	r.dir.PutUser(u)
	r.dir.PutUser(user(2, "title", "Uncountable"))
	quote := scimtest.Fault{
		Method: "POST", Path: "/Users", Status: 400, ContentType: "application/scim+json",
		Body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","detail":"TASTER of poison is not a title"}`,
	}
	r.app.Inject(quote)
	var shown []any
	shown = append(shown, r.run("partial", engine.Request{DryRun: true}), r.run("partial", engine.Request{}), r.escrow())
	p := r.provision(engine.ProvisionRequest{User: "u1"})
	equal(t, "refused", p.Error.Code, provlog.CodeRejected)
	shown = append(shown, p, r.provision(engine.ProvisionRequest{User: "u2"}))
	r.app.ClearFaults()
	shown = append(shown, r.provision(engine.ProvisionRequest{User: "u1"}))
	x, err := r.eng.Explain(t.Context(), r.job, "u1")
	must(t, err)
	row, err := r.store.Job(t.Context(), "test")
	must(t, err)
	records, err := r.store.Logs(t.Context(), row.ID, provlog.Filter{Limit: 100})
	must(t, err)
	shown = append(shown, x, records)
	equal(t, "the title that was sent", r.app.UsersNamed("user1@example.com")[0].Values["title"], any(secret))
	for _, s := range shown {
		text, err := json.Marshal(s)
		must(t, err)
		for _, word := range []string{secret, "uncountable"} {
			if strings.Contains(strings.ToLower(string(text)), strings.ToLower(word)) {
				t.Errorf("%q is shown in %T: %s", word, s, text)
			}
		}
	}
}

// silent is a directory that answers questions about single objects when their time is
// over.
type silent struct{ *sourcetest.Directory }

func (s *silent) User(ctx context.Context, _ sources.Query, _ string) (sources.User, error) {
	<-ctx.Done()
	return sources.User{}, ctx.Err()
}

// TestExplainWithoutAnAnswer: a source that is silent leaves time for what it said last.
func TestExplainWithoutAnAnswer(t *testing.T) {
	r := newRig(t, options{})
	r.fill(2)
	r.run("succeeded", engine.Request{})
	r.job.Source = &silent{r.dir}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	x, err := r.eng.Explain(ctx, r.job, "u1")
	must(t, err)
	equal(t, "live", x.Live, false)
	equal(t, "error", x.SourceError.Code, provlog.CodeSourceUnreachable)
	equal(t, "account", x.Link.Account, "enabled")
	if _, err := r.eng.Explain(ctx, r.job, "u9"); provlog.CodeOf(err) != provlog.CodeSourceUnreachable {
		t.Errorf("somebody unknown: %v", err)
	}
}
