package view_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/cmd/internal/view"
	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/state"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, d := range map[string]time.Duration{
		"0": 0, "40m": 40 * time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute, "7d": 7 * 24 * time.Hour,
		"1d2h": 26 * time.Hour, "1h0m5s": time.Hour + 5*time.Second, "20s": 20 * time.Second, "250ms": 250 * time.Millisecond,
	} {
		if got := view.Duration(d); got != text {
			t.Errorf("%s is written %q, not %q", d, got, text)
		}
	}
	for _, text := range []string{"", "d", "-1h", "1d-1h", "2w", "1.5d", "999999999d"} {
		if d, err := view.ParseDuration(text); err == nil {
			t.Errorf("%q was read as %s", text, d)
		}
	}
}

// What is written can be read back.
func TestDurationRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(10_000*24*time.Hour)).Draw(t, "d"))
		back, err := view.ParseDuration(view.Duration(d))
		if err != nil || back != d {
			t.Fatalf("%s is written %q and read as %s, %v", d, view.Duration(d), back, err)
		}
	})
}

// A job that never ran and one in quarantine, in the shape of the public contract.
func TestJobJSON(t *testing.T) {
	t.Parallel()
	store, err := state.Open(t.Context(), state.Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	cfg := config.Job{Name: "a", Source: "s", Sink: "k", Interval: 40 * time.Minute}
	const fresh = `{"name":"a","source":"s","sink":"k","state":"active","interval":"40m","next_cycle_at":null,"running":false,` +
		`"last_cycle":null,"last_success_at":null,"links":{"users":0,"groups":0},"escrowed":0,"staged_deletions":0,"quarantine":null}`
	check(t, store, cfg, fresh)

	row, err := store.Job(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := store.SetNextCycle(t.Context(), row.ID, since.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	const planned = `{"name":"a","source":"s","sink":"k","state":"active","interval":"40m","next_cycle_at":"2026-01-02T03:05:05Z","running":false,` +
		`"last_cycle":null,"last_success_at":null,"links":{"users":0,"groups":0},"escrowed":0,"staged_deletions":0,"quarantine":null}`
	check(t, store, cfg, planned)
	_, _, err = store.UpdateQuarantine(t.Context(), row.ID, func(quarantine.Status) quarantine.Status {
		return quarantine.Status{
			State: quarantine.StateQuarantined, Reason: quarantine.ReasonCredentials, Message: "401", Since: since,
			NextProbe: since.Add(time.Hour), Probes: 2,
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	const held = `{"name":"a","source":"s","sink":"k","state":"quarantined","interval":"40m","next_cycle_at":null,"running":false,` +
		`"last_cycle":null,"last_success_at":null,"links":{"users":0,"groups":0},"escrowed":0,"staged_deletions":0,` +
		`"quarantine":{"reason":"credentials","message":"401","since":"2026-01-02T03:04:05Z","next_probe_at":"2026-01-02T04:04:05Z","probes":2}}`
	check(t, store, cfg, held)
}

// A cycle whose process died is not shown as running, though nobody wrote down its end.
func TestRunning(t *testing.T) {
	t.Parallel()
	store, err := state.Open(t.Context(), state.Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	row, err := store.Job(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.PutCycle(t.Context(), row.ID, &state.Cycle{Job: "a", ID: "c1", Status: "running", StartedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	lease, err := store.LeaseCycle(t.Context(), row)
	if err != nil {
		t.Fatal(err)
	}
	if job := read(t, store, config.Job{Name: "a"}); !job.Running || job.LastCycle.Status != "running" {
		t.Errorf("under a lease: running %t, %s", job.Running, job.LastCycle.Status)
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if job := read(t, store, config.Job{Name: "a"}); job.Running || job.LastCycle.Status != "aborted" {
		t.Errorf("without a lease: running %t, %s", job.Running, job.LastCycle.Status)
	}
}

func read(t *testing.T, store *state.Store, cfg config.Job) view.Job {
	t.Helper()
	job, err := view.OfJob(t.Context(), store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func check(t *testing.T, store *state.Store, cfg config.Job, want string) {
	t.Helper()
	got, err := json.Marshal(read(t, store, cfg))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("job as JSON (-want +got):\n%s", diff)
	}
}
