package quarantine

import "time"

const day = 24 * time.Hour

// Policy holds the thresholds of a job. A zero number or duration switches its rule off.
type Policy struct {
	// FailedCycles is how many cycles in a row may fail: the last of them is too many.
	FailedCycles int
	// FailedPercent is the share of a cycle's changes that may fail, once FailedMin of
	// them did. The floor keeps one bad object out of two from stopping a small job.
	FailedPercent int
	FailedMin     int
	// FailedTotal is how many objects may be in escrow.
	FailedTotal int
	// ProbeFirst is the gap before the first connection probe. It doubles with each
	// probe that fails, up to ProbeMax. Without ProbeFirst there are no probes.
	ProbeFirst, ProbeMax time.Duration
	// DisableAfter is how long a job may stay in quarantine before it is disabled.
	DisableAfter time.Duration
}

// Default returns the thresholds of a job that configures none. The share is Entra's; the
// floors are far below Entra's 5,000 failures, which a small directory never reaches.
func Default() Policy {
	return Policy{
		FailedCycles:  3,
		FailedPercent: 40,
		FailedMin:     20,
		FailedTotal:   5000,
		ProbeFirst:    time.Hour,
		ProbeMax:      day,
		DisableAfter:  28 * day,
	}
}

// gap returns the time before the next probe after the given number of probes.
func (p Policy) gap(probes int) time.Duration {
	gap := p.ProbeFirst
	for range probes {
		if gap >= p.ProbeMax/2 {
			return max(p.ProbeMax, p.ProbeFirst)
		}
		gap *= 2
	}
	return gap
}
