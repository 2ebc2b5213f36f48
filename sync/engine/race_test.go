package engine_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// TestRace: sixteen processes provision the same new person at the same moment, beside a
// cycle that is about to do it, too, on an app that lets people share a name. There is one
// account.
func TestRace(t *testing.T) {
	r := newRig(t, options{app: scimtest.Options{Latency: 3 * time.Millisecond, Quirks: scimtest.Quirks{UserNameNotUnique: true}}})
	r.fill(200)
	r.run("succeeded", engine.Request{})
	for i := 200; i < 260; i++ {
		r.dir.PutUser(user(i))
	}
	const racers = 16
	engines := make([]*engine.Engine, racers)
	for i := range engines {
		s, err := state.Open(t.Context(), state.Options{Path: r.file, Now: r.clock})
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		engines[i] = engine.New(engine.Options{Store: s, Now: r.clock})
	}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, e := range engines {
		wg.Go(func() {
			<-start
			p, err := e.Provision(t.Context(), r.job, engine.ProvisionRequest{User: "u255", Trigger: "manual"})
			if err != nil || p.Error != nil {
				t.Errorf("racer %d: %v %+v", i, err, p)
			}
		})
	}
	wg.Go(func() {
		<-start
		if _, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual"}); err != nil {
			t.Errorf("cycle: %v", err)
		}
	})
	close(start)
	wg.Wait()
	equal(t, "accounts of the person", len(r.app.UsersNamed(user(255).UserName)), 1)
	r.run("succeeded", engine.Request{})
	r.onePerPerson(t, "after the race")
	equal(t, "accounts", len(r.app.Users()), 260)
}

// TestSecondCycleIsRefused: one cycle of a job at a time, and the second is told who has
// it.
func TestSecondCycleIsRefused(t *testing.T) {
	r := newRig(t, options{})
	r.fill(3)
	var refusal error
	_, err := r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual", Started: func(state.Cycle) {
		_, refusal = r.eng.Run(t.Context(), r.job, engine.Request{Trigger: "manual"})
	}})
	must(t, err)
	if held := (*state.LeasedError)(nil); fmt.Sprintf("%T", refusal) != fmt.Sprintf("%T", held) {
		t.Errorf("error %v, want a %T", refusal, held)
	}
	r.run("succeeded", engine.Request{})
}
