package transport

import "time"

// measurement finds the rate at which a peer whose allowance is empty accepts requests.
// Only requests that left after its start count, by the time they left: answers that
// accept come later than those that refuse. Its zero value is not running.
type measurement struct {
	begun   time.Time
	start   time.Time // of the count, later than begun after fruitless slices
	n       int       // accepted since start
	empty   bool      // a request was refused since start: the allowance is used up
	line    fit       // of the requests accepted since then
	latency time.Duration

	slice          time.Time // start of the current slice
	took, refusals int       // in the current slice
	loosely        int       // slices in a row without a refusal
	takenAt        time.Time // the last accepted request left, begun when there is none
	refusedAt      time.Time // the last refused request left
	average        float64   // accepted per second in the long run
}

type outcome int

const (
	measuring outcome = iota + 1
	stepped           // send at the rate given
	found             // the rate given is the limit
	cured             // nothing is refused any more, at any rate tried
)

const (
	sliceSpan    = 100 * time.Millisecond
	sliceAnswers = 8
	// pressure is how much faster than accepted requests leave.
	pressure = 1.3
	// A result rests on enough requests and time; slow peers get less of the former.
	fullSpan, slowSpan = 500 * time.Millisecond, 6 * time.Second
	fullCount          = 24
	slowCount          = 10
	// patience bounds how long a slice without a refusal begins the count anew.
	patience = 300 * time.Millisecond
	// looseSlices without a refusal mean that the rate is not what is refused.
	looseSlices = 5
	// See starving. Meanwhile the peer is asked at starvedShare of what it took in the
	// long run.
	starvedSpan  = 250 * time.Millisecond
	starvedGaps  = 3
	starvedShare = 3
)

func startMeasurement(now time.Time) measurement {
	return measurement{begun: now, start: now, slice: now, takenAt: now}
}

func (m *measurement) running() bool { return !m.begun.IsZero() }

func (m *measurement) accepted(sent, now time.Time) {
	m.latency = max(now.Sub(sent), m.latency*7/8)
	if sent.After(m.takenAt) {
		m.takenAt = sent
	}
	if sent.Before(m.start) {
		return
	}
	if m.empty {
		m.line.add(sent)
	}
	m.n++
	m.took++
}

// refused notes a refusal; average is what the peer took in the long run.
func (m *measurement) refused(sent time.Time, average float64) {
	m.average = average
	if sent.Before(m.begun) {
		return
	}
	m.refusals++
	m.empty = m.empty || !sent.Before(m.start)
	if sent.After(m.refusedAt) {
		m.refusedAt = sent
	}
}

// opened reports, for an accepted request, whether it is the first after the peer took
// nothing for long, and when that ended: between the last refusal and this request.
func (m *measurement) opened(sent time.Time) (at time.Time, starved bool) {
	if sent.Sub(m.takenAt) < m.starving() || sent.Before(m.refusedAt) || m.refusedAt.Before(m.takenAt) {
		return time.Time{}, false
	}
	return m.refusedAt.Add(sent.Sub(m.refusedAt) / 2), true
}

// starving is a time without an accepted request that is more than a gap between two.
func (m *measurement) starving() time.Duration {
	if m.average <= 0 {
		return starvedSpan
	}
	return max(starvedSpan, time.Duration(starvedGaps/m.average*float64(time.Second)))
}

// step ends the current slice if it is over, and says what follows. limit is the rate at
// which requests leave now.
func (m *measurement) step(now time.Time, limit float64) (float64, outcome) {
	if now.Sub(m.slice) < max(sliceSpan, 2*m.latency) || m.took+m.refusals < sliceAnswers {
		return 0, measuring
	}
	took, refusals := m.took, m.refusals
	m.slice, m.took, m.refusals = now, 0, 0
	if refusals > 0 {
		m.loosely = 0
	} else if m.loosely++; m.loosely > 1 || m.n == took {
		return m.loose(now, limit)
	} else if now.Sub(m.begun) < patience { // may be chance, but the allowance is no longer empty
		m.empty, m.line = false, fit{}
	}
	if took == 0 && m.n == 0 {
		// Not slower than a part of the long run, to see soon when it takes some again.
		m.restart(now)
		return max(limit/2, m.average/starvedShare, minRate), stepped
	}
	if m.enough(now) {
		return max(m.line.slope(), minRate), found
	}
	// Answers to what left within the last latency are still to come. One more than
	// counted, since too slow a step empties no allowance and has to be done again.
	counted := max(now.Sub(m.start)-m.latency, sliceSpan/2)
	return max(float64(m.n+1)/counted.Seconds()*pressure, minRate), stepped
}

// loose goes faster after slices without refusals, in which the peer's allowance was not
// empty, so that its count tells nothing.
func (m *measurement) loose(now time.Time, limit float64) (float64, outcome) {
	if m.loosely >= looseSlices {
		return 0, cured
	}
	m.restart(now)
	return limit * 1.5, stepped
}

// restart counts from now on.
func (m *measurement) restart(now time.Time) {
	m.start, m.n, m.empty, m.line = now, 0, false, fit{}
}

func (m *measurement) enough(now time.Time) bool {
	span := now.Sub(m.line.from)
	return m.line.n >= fullCount && span >= fullSpan || m.line.n >= slowCount && span >= slowSpan
}
