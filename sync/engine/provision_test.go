package engine_test

import (
	"testing"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/engine"
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
