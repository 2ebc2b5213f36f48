package config

import (
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
)

// Quarantine says when a job's automatic cycles stop, and for how long. 0 switches a rule
// off.
type Quarantine struct {
	// FailedCycles is the number of failed cycles in a row.
	FailedCycles int `yaml:"failed_cycles"`
	// FailedPercent is the share of a cycle's changes that failed, once FailedMin did.
	FailedPercent int `yaml:"failed_percent"`
	FailedMin     int `yaml:"failed_min"`
	// FailedTotal is the number of objects in escrow.
	FailedTotal int `yaml:"failed_total"`
	// Probe is the gap between connection probes.
	Probe Probe `yaml:"probe"`
	// DisableAfter is how long a job stays in quarantine before it is disabled.
	DisableAfter time.Duration `yaml:"disable_after"`
}

// Probe is the gap between connection probes: First, then doubling up to Max.
type Probe struct {
	First time.Duration `yaml:"first"`
	Max   time.Duration `yaml:"max"`
}

// SetDefaults fills in what a file may leave out.
func (p *Probe) SetDefaults() {
	d := quarantine.Default()
	*p = Probe{First: d.ProbeFirst, Max: d.ProbeMax}
}

// SetDefaults fills in what a file may leave out.
func (q *Quarantine) SetDefaults() {
	d := quarantine.Default()
	*q = Quarantine{
		FailedCycles:  d.FailedCycles,
		FailedPercent: d.FailedPercent,
		FailedMin:     d.FailedMin,
		FailedTotal:   d.FailedTotal,
		DisableAfter:  d.DisableAfter,
	}
	q.Probe.SetDefaults()
}

// QuarantinePolicy returns the thresholds and gaps of the job's quarantine.
func (j Job) QuarantinePolicy() quarantine.Policy {
	q := j.Quarantine
	return quarantine.Policy{
		FailedCycles:  q.FailedCycles,
		FailedPercent: q.FailedPercent,
		FailedMin:     q.FailedMin,
		FailedTotal:   q.FailedTotal,
		ProbeFirst:    q.Probe.First,
		ProbeMax:      q.Probe.Max,
		DisableAfter:  q.DisableAfter,
	}
}

func (q Quarantine) validate(doc *document, key string) {
	validatePercent(doc, key+".failed_percent", q.FailedPercent)
	validateCount(doc, key+".failed_cycles", q.FailedCycles)
	validateCount(doc, key+".failed_min", q.FailedMin)
	validateCount(doc, key+".failed_total", q.FailedTotal)
	if q.Probe.First != 0 && q.Probe.First < minInterval {
		doc.rule(key+".probe.first", complain("less than 1m").withHint("0 switches probes off"))
	}
	if q.Probe.Max < q.Probe.First {
		doc.rule(key+".probe.max", complain("less than probe.first"))
	}
}
