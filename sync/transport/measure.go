package transport

import "time"

// measurement finds the rate at which a peer whose allowance is empty accepts requests.
// Only requests that left after its start count, by the time they left: answers that
// accept come later than those that refuse. Its zero value is not running.
type measurement struct {
	begun       time.Time
	start       time.Time // of the count, later than begun after fruitless slices
	first, last time.Time // of accepted requests
	n           int       // accepted since start
	latency     time.Duration

	slice          time.Time // start of the current slice
	took, refusals int       // in the current slice
	loosely        int       // slices in a row without a refusal
	ever           bool      // a request was accepted since begun
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
	fullSpan, slowSpan = 400 * time.Millisecond, 6 * time.Second
	fullCount          = 36
	slowCount          = 10
	// looseSlices without a refusal mean that the rate is not what is refused.
	looseSlices = 5
	// starvedSpan without one accepted request is more than a gap between two. Meanwhile
	// the peer is asked at starvedShare of what it took in the long run.
	starvedSpan  = 250 * time.Millisecond
	starvedShare = 3
)

func startMeasurement(now time.Time) measurement {
	return measurement{begun: now, start: now, slice: now}
}

func (m *measurement) running() bool { return !m.begun.IsZero() }

func (m *measurement) accepted(sent, now time.Time) {
	m.latency = max(now.Sub(sent), m.latency*7/8)
	if sent.Before(m.start) {
		return
	}
	if m.n == 0 || sent.Before(m.first) {
		m.first = sent
	}
	if sent.After(m.last) {
		m.last = sent
	}
	m.n++
	m.took++
	m.ever = true
}

// refused notes a refusal; average is what the peer took in the long run.
func (m *measurement) refused(sent time.Time, average float64) {
	m.average = average
	if sent.Before(m.begun) {
		return
	}
	m.refusals++
	if sent.After(m.refusedAt) {
		m.refusedAt = sent
	}
}

// opened reports, for an accepted request, whether it is the first after the peer took
// nothing for long, and when that ended: between the last refusal and this request.
func (m *measurement) opened(sent time.Time) (at time.Time, starved bool) {
	first := !m.ever && !sent.Before(m.begun)
	if !first || sent.Sub(m.begun) < starvedSpan || sent.Before(m.refusedAt) {
		return time.Time{}, false
	}
	return m.refusedAt.Add(sent.Sub(m.refusedAt) / 2), true
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
	} else if m.loosely++; m.loosely > 1 || m.n == took { // the first may be chance
		return m.loose(now, limit)
	}
	if took == 0 && m.n == 0 {
		// Not slower than a part of the long run, to see soon when it takes some again.
		m.start = now
		return max(limit/2, m.average/starvedShare, minRate), stepped
	}
	if m.enough(now) {
		return m.rate(), found
	}
	average := float64(m.n) / now.Sub(m.start).Seconds()
	return max(average*pressure, minRate), stepped
}

// loose goes faster after slices without refusals, in which the peer's allowance was not
// empty, so that its count tells nothing.
func (m *measurement) loose(now time.Time, limit float64) (float64, outcome) {
	if m.loosely >= looseSlices {
		return 0, cured
	}
	m.start, m.n = now, 0
	return limit * 1.5, stepped
}

func (m *measurement) enough(now time.Time) bool {
	span := now.Sub(m.start)
	return span >= fullSpan && m.n >= fullCount || span >= slowSpan && m.n >= slowCount
}

// rate is the accepted requests per second. The first one opens the span and is not in it.
func (m *measurement) rate() float64 {
	span := m.last.Sub(m.first).Seconds()
	if m.n < 2 || span <= 0 {
		return minRate
	}
	return float64(m.n-1) / span
}
