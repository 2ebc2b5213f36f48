package config

import (
	"time"

	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// Job keeps one sink equal to one source.
type Job struct {
	// Name is the job's key under `jobs`.
	Name string `yaml:"-"`
	// Source and Sink are names under `sources` and `sinks`.
	Source string `yaml:"source"`
	Sink   string `yaml:"sink"`
	// Interval is the time from the start of one cycle to the start of the next.
	Interval time.Duration `yaml:"interval"`
	// Scope says which objects are provisioned, Mapping with which attributes.
	Scope   mapping.Scope `yaml:"scope"`
	Mapping mapping.Spec  `yaml:"mapping"`
	// ExistingAccounts says what to do with a matching account that has no link.
	ExistingAccounts plan.Existing `yaml:"existing_accounts"`
	Deprovision      Deprovision   `yaml:"deprovision"`
	Quarantine       Quarantine    `yaml:"quarantine"`
	// Reconcile is how often a cycle also reads the sink back; 0: never.
	Reconcile time.Duration `yaml:"reconcile"`
}

// SetDefaults fills in what a file may leave out.
func (j *Job) SetDefaults() {
	j.Interval = 40 * time.Minute
	j.ExistingAccounts = plan.Default().Existing
	j.Deprovision.SetDefaults()
	j.Quarantine.SetDefaults()
	j.Reconcile = 7 * day
}

// Deprovision says what happens to accounts and groups whose object left.
type Deprovision struct {
	// OutOfScope, Disabled and Deleted are for a user who left the scope, may no longer
	// sign in, or is gone from the source.
	OutOfScope plan.Deprovision `yaml:"out_of_scope"`
	Disabled   plan.Deprovision `yaml:"disabled"`
	Deleted    plan.Deprovision `yaml:"deleted"`
	// Groups is for a group that left the source or its scope.
	Groups plan.GroupRemoval `yaml:"groups"`
	// DeleteAfter is how long a disabled account is kept; 0: for ever.
	DeleteAfter time.Duration `yaml:"delete_after"`
	// MaxDeletions is the guard against accidental deletions.
	MaxDeletions MaxDeletions `yaml:"max_deletions"`
}

// SetDefaults fills in what a file may leave out.
func (d *Deprovision) SetDefaults() {
	p := plan.Default()
	*d = Deprovision{OutOfScope: p.OutOfScope, Disabled: p.Disabled, Deleted: p.Deleted, Groups: p.Groups, DeleteAfter: p.DeleteAfter}
	d.MaxDeletions.SetDefaults()
}

// MaxDeletions is the most disables and deletes of one cycle, users and groups apart.
// What goes beyond either bound is held until a person approves it; 0 holds all.
type MaxDeletions struct {
	// Count is a number of objects.
	Count int `yaml:"count"`
	// Percent is a share of the linked objects, 0 to 100.
	Percent int `yaml:"percent"`
}

// SetDefaults fills in what a file may leave out.
func (m *MaxDeletions) SetDefaults() {
	p := plan.Default()
	*m = MaxDeletions{Count: p.MaxCount, Percent: p.MaxPercent}
}

// Policy returns what the job does about existing accounts and about those who left.
func (j Job) Policy() plan.Policy {
	d := j.Deprovision
	return plan.Policy{
		Existing:   j.ExistingAccounts,
		OutOfScope: d.OutOfScope, Disabled: d.Disabled, Deleted: d.Deleted,
		Groups:      d.Groups,
		DeleteAfter: d.DeleteAfter,
		MaxCount:    d.MaxDeletions.Count,
		MaxPercent:  d.MaxDeletions.Percent,
	}
}
