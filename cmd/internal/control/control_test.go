package control_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/cmd/internal/control"
	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// open returns a job in a state, with its next cycle an hour away.
func open(t *testing.T, s quarantine.Status) (control.Job, func() *state.Job) {
	t.Helper()
	store, err := state.Open(t.Context(), state.Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	job, err := control.Open(t.Context(), store, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.UpdateQuarantine(t.Context(), job.Row().ID, func(quarantine.Status) quarantine.Status { return s }); err != nil {
		t.Fatal(err)
	}
	if err := store.SetNextCycle(t.Context(), job.Row().ID, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return job, func() *state.Job {
		row, err := store.Job(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
}

// Every act in every state: what it becomes, whether it is refused, and whether a cycle is
// due at once.
func TestActs(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	states := map[quarantine.State]quarantine.Status{
		quarantine.StateActive: {State: quarantine.StateActive}, quarantine.StatePaused: {State: quarantine.StatePaused},
		quarantine.StateQuarantined: {State: quarantine.StateQuarantined, Reason: quarantine.ReasonCredentials, Message: "401", Since: since},
		quarantine.StateDisabled:    {State: quarantine.StateDisabled, Reason: quarantine.ReasonCredentials, Message: "401", Since: since},
	}
	acts := map[string]func(control.Job, context.Context) error{
		"pause":   control.Job.Pause,
		"resume":  func(j control.Job, ctx context.Context) error { _, err := j.Resume(ctx); return err },
		"release": func(j control.Job, ctx context.Context) error { _, err := j.Release(ctx); return err },
		"restart": func(j control.Job, ctx context.Context) error { return j.Restart(ctx, control.Parts{}.OrAll()) },
		"escrows": func(j control.Job, ctx context.Context) error {
			return j.Restart(ctx, control.Parts{Escrows: true}.OrAll())
		},
	}
	for _, test := range []struct {
		act      string
		was, is  quarantine.State
		refused  string
		dueAtOne bool
	}{
		{"pause", quarantine.StateActive, quarantine.StatePaused, "", false},
		{"pause", quarantine.StatePaused, quarantine.StatePaused, "", false},
		{"pause", quarantine.StateQuarantined, quarantine.StateQuarantined, "can't be paused", false},
		{"pause", quarantine.StateDisabled, quarantine.StateDisabled, "can't be paused", false},
		{"resume", quarantine.StateActive, quarantine.StateActive, "", false},
		{"resume", quarantine.StatePaused, quarantine.StateActive, "", true},
		{"resume", quarantine.StateQuarantined, quarantine.StateQuarantined, "resume does not end", false},
		{"resume", quarantine.StateDisabled, quarantine.StateActive, "", true},
		{"release", quarantine.StateActive, quarantine.StateActive, "", false},
		{"release", quarantine.StatePaused, quarantine.StatePaused, "", false},
		{"release", quarantine.StateQuarantined, quarantine.StateActive, "", true},
		{"release", quarantine.StateDisabled, quarantine.StateDisabled, "a release does not end that", false},
		{"restart", quarantine.StateActive, quarantine.StateActive, "", false},
		{"restart", quarantine.StateQuarantined, quarantine.StateActive, "", true},
		{"restart", quarantine.StateDisabled, quarantine.StateDisabled, "", false},
		{"escrows", quarantine.StateQuarantined, quarantine.StateQuarantined, "", false},
	} {
		t.Run(test.act+" "+test.was.String(), func(t *testing.T) {
			t.Parallel()
			job, row := open(t, states[test.was])
			err := acts[test.act](job, t.Context())
			refusal := control.Refusal(err)
			switch {
			case err != nil && refusal == nil:
				t.Fatal(err)
			case test.refused == "" && refusal != nil:
				t.Errorf("refused: %v", refusal)
			case test.refused != "" && (refusal == nil || !strings.Contains(refusal.Message, test.refused) || refusal.Advice == ""):
				t.Errorf("refused with %v, not with %q and advice", refusal, test.refused)
			}
			after := row()
			if after.Quarantine.State != test.is {
				t.Errorf("it is %s, not %s", after.Quarantine.State, test.is)
			}
			if due := !after.NextCycle.After(time.Now()); due != test.dueAtOne {
				t.Errorf("a cycle is due at once: %t", due)
			}
		})
	}
}

// A running cycle keeps the watermark, and nothing else.
func TestRestartBesideACycle(t *testing.T) {
	t.Parallel()
	store, err := state.Open(t.Context(), state.Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	job, err := control.Open(t.Context(), store, "a")
	if err != nil {
		t.Fatal(err)
	}
	lease, err := store.LeaseCycle(t.Context(), job.Row())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lease.Release(context.WithoutCancel(t.Context())) })
	if err := job.Restart(t.Context(), control.Parts{Watermark: true}); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Errorf("the watermark was taken from under a cycle: %v", err)
	}
	if err := job.Restart(t.Context(), control.Parts{Escrows: true, Quarantine: true}); err != nil {
		t.Error(err)
	}
}
