package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/idpbridge/idpbridge/sinks"
)

// Cycle is a cycle's account of itself, in the shape of `run -o json` and of the API.
type Cycle struct {
	Job             string     `json:"job"`
	ID              string     `json:"cycle_id"`
	Kind            string     `json:"kind"`    // initial, incremental, reconcile
	Trigger         string     `json:"trigger"` // schedule, manual, api
	DryRun          bool       `json:"dry_run"`
	Status          string     `json:"status"` // running, succeeded, partial, held, failed, aborted
	StartedAt       time.Time  `json:"started_at"`
	EndedAt         *time.Time `json:"ended_at"`
	Users           Counts     `json:"users"`
	Groups          Counts     `json:"groups"`
	Memberships     Members    `json:"memberships"`
	Escrowed        int        `json:"escrowed"`
	Nameless        int        `json:"nameless,omitempty"` // entries without an id that this cycle read, which no escrow can hold
	StagedDeletions int        `json:"staged_deletions"`
	Requests        Requests   `json:"requests"`
	Quarantined     bool       `json:"quarantined"`
	Error           *Problem   `json:"error"`
	Plan            []Change   `json:"plan,omitzero"` // dry runs alone, where it may be empty
	// Drift is what a reconcile found: accounts that vanished from the app, and accounts
	// there that nobody manages.
	Drift *Drift `json:"drift,omitempty"`
	// Adoption says, in a dry run that reads everything, what becomes of the accounts that
	// are in the app already.
	Adoption *Adoption `json:"adoption,omitempty"`
	// NotBefore is the end of the pause that the source or the app told when it ended the
	// cycle; zero without. It is not stored: the job's next cycle is.
	NotBefore time.Time `json:"-"`
}

// Adoption is a dry run's report on the accounts and groups that the app has already. Its
// lists name some of the objects, its numbers count all.
type Adoption struct {
	// Linked are the objects that would be linked to what exists, by the attribute that
	// found it.
	Linked []Adopted `json:"linked"`
	// Unmanaged counts what nobody of the source has; null when the app can't be listed,
	// or nothing had to be looked for.
	Unmanaged        *int    `json:"unmanaged"`
	UnmanagedObjects []Named `json:"unmanaged_objects"`
	// Ambiguous counts the objects for which more than one account was found.
	Ambiguous        int     `json:"ambiguous"`
	AmbiguousObjects []Named `json:"ambiguous_objects"`
}

// Adopted are the objects of one resource that one attribute finds.
type Adopted struct {
	Resource  string  `json:"resource"`
	Attribute string  `json:"attribute"`
	Count     int     `json:"count"`
	Objects   []Named `json:"objects"`
}

// Named is an object of the adoption report.
type Named struct {
	Resource    string `json:"resource"`
	SourceID    string `json:"source_id,omitempty"` // of an unmanaged one: none
	TargetID    string `json:"target_id,omitempty"` // of an ambiguous one: none
	DisplayName string `json:"display_name"`
}

// Counts are the objects of one resource by what was done. Unchanged ones were read and
// found equal; skipped ones are outside what the job provisions.
type Counts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Disabled  int `json:"disabled"`
	Deleted   int `json:"deleted"`
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"`
	Failed    int `json:"failed"`
}

// Members are the memberships by what was done.
type Members struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Failed  int `json:"failed"`
}

// Requests are the HTTP requests of a cycle.
type Requests struct {
	Source int64 `json:"source"`
	Sink   int64 `json:"sink"`
}

// Problem is a cycle's error.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Advice  string `json:"advice,omitempty"`
}

// Change is one line of a dry run's plan.
type Change struct {
	Object      ObjectID   `json:"-"`
	Resource    string     `json:"resource"`
	Action      string     `json:"action"`
	SourceID    string     `json:"source_id"`
	DisplayName string     `json:"display_name"`
	Properties  []Property `json:"modified_properties"`
	Reason      string     `json:"reason,omitempty"`
	Held        bool       `json:"held,omitempty"` // the deletion guard would hold it
	// Error is set when the change would fail for certain: nothing is done then.
	Error *Problem `json:"error,omitempty"`
}

// Property is one changed attribute.
type Property struct {
	Path string `json:"path"`
	Old  any    `json:"old"`
	New  any    `json:"new"`
}

// Drift is what a reconcile found beside what it repaired.
type Drift struct {
	Repaired  int `json:"repaired"`
	Vanished  int `json:"vanished"`
	Unmanaged int `json:"unmanaged"`
}

// keptCycles is how many ended cycles of a job are remembered.
const keptCycles = 1000

// PutCycle stores a cycle as it stands.
func (s *Store) PutCycle(ctx context.Context, job JobID, c *Cycle) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.tx(context.WithoutCancel(ctx), func(t *txn) error {
		_, err := t.exec(`INSERT INTO cycles (id, job_id, status, started_at, result) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET status = excluded.status, result = excluded.result`,
			c.ID, job, c.Status, millis(c.StartedAt), string(text))
		if err != nil {
			return err
		}
		if c.Status == "running" {
			// Whoever was running before did not live to say how it ended.
			return abortOthers(t, job, c.ID)
		}
		return endCycle(t, job, c)
	})
}

func endCycle(t *txn, job JobID, c *Cycle) error {
	if c.Status == "succeeded" || c.Status == "partial" || c.Status == "held" {
		if _, err := t.exec(`UPDATE jobs SET last_success_at = ? WHERE id = ?`, millis(t.s.now()), job); err != nil {
			return err
		}
		if c.Kind == "reconcile" || c.Kind == "initial" {
			if _, err := t.exec(`UPDATE jobs SET last_reconcile_at = ? WHERE id = ?`, millis(t.s.now()), job); err != nil {
				return err
			}
		}
	}
	if c.Status == "held" {
		if err := putHeld(t, job, c.StagedDeletions); err != nil {
			return err
		}
	}
	_, err := t.exec(`DELETE FROM cycles WHERE job_id = ? AND id NOT IN
		(SELECT id FROM cycles WHERE job_id = ? ORDER BY started_at DESC LIMIT ?)`, job, job, keptCycles)
	return err
}

func abortOthers(t *txn, job JobID, id string) error {
	_, err := t.exec(`UPDATE cycles SET status = 'aborted', result = json_set(result, '$.status', 'aborted')
		WHERE job_id = ? AND id <> ? AND status = 'running'`, job, id)
	return err
}

// Cycles returns a job's cycles, newest first.
func (s *Store) Cycles(ctx context.Context, job JobID, limit int) ([]Cycle, error) {
	var out []Cycle
	err := s.read(ctx, func(r *sql.Rows) error {
		c, err := scanCycle(r)
		out = append(out, c)
		return err
	}, `SELECT result FROM cycles WHERE job_id = ? ORDER BY started_at DESC, id DESC LIMIT ?`, job, limit)
	return out, err
}

// Cycle returns one cycle, or ErrNotFound.
func (s *Store) Cycle(ctx context.Context, job JobID, id string) (*Cycle, error) {
	var found *Cycle
	err := s.read(ctx, func(r *sql.Rows) error {
		c, err := scanCycle(r)
		found = &c
		return err
	}, `SELECT result FROM cycles WHERE job_id = ? AND id = ?`, job, id)
	if err == nil && found == nil {
		err = fmt.Errorf("cycle %s: %w", id, ErrNotFound)
	}
	return found, err
}

func scanCycle(r *sql.Rows) (Cycle, error) {
	var c Cycle
	var text string
	if err := r.Scan(&text); err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(text), &c)
}

// Tally is how many objects of a resource a job has in which state.
type Tally struct {
	Links    int // objects with an account
	Enabled  int // of these, not disabled by us
	Escrowed int
	Staged   int // waiting for a decision
	Present  int // in the source
}

// Waits is how many objects of a resource are in escrow, and how many deletions of it wait
// for a decision. It takes as long as these are, not as the job is.
func (s *Store) Waits(ctx context.Context, job JobID, r sinks.Resource) (escrowed, staged int, err error) {
	err = s.r.QueryRowContext(ctx, `SELECT
		(SELECT COUNT(*) FROM escrow e CROSS JOIN objects o ON o.id = e.object_id WHERE o.job_id = ?1 AND o.resource = ?2),
		(SELECT COUNT(*) FROM staged s CROSS JOIN objects o ON o.id = s.object_id WHERE o.job_id = ?1 AND o.resource = ?2 AND s.decision = 0)`,
		job, r).Scan(&escrowed, &staged)
	return escrowed, staged, classify(err)
}

// Tally counts a job's objects of one resource. It walks all of them.
func (s *Store) Tally(ctx context.Context, job JobID, r sinks.Resource) (Tally, error) {
	var c Tally
	err := s.r.QueryRowContext(ctx, `SELECT
		(SELECT COUNT(*) FROM objects WHERE job_id = ?1 AND resource = ?2 AND sink_id IS NOT NULL),
		(SELECT COUNT(*) FROM objects WHERE job_id = ?1 AND resource = ?2 AND sink_id IS NOT NULL AND account = 1),
		(SELECT COUNT(*) FROM escrow e JOIN objects o ON o.id = e.object_id WHERE o.job_id = ?1 AND o.resource = ?2),
		(SELECT COUNT(*) FROM staged s JOIN objects o ON o.id = s.object_id WHERE o.job_id = ?1 AND o.resource = ?2 AND s.decision = 0),
		(SELECT COUNT(*) FROM objects WHERE job_id = ?1 AND resource = ?2 AND presence IN (1, 2))`,
		job, r).Scan(&c.Links, &c.Enabled, &c.Escrowed, &c.Staged, &c.Present)
	return c, classify(err)
}
