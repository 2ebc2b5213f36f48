package transport

import (
	"math"
	"time"
)

// search finds the rate of a peer that tells a pause with each refusal, so that it can't
// be measured by going on. Two things are known at a refusal:
//
//   - What was taken from the end of one pause to the end of the next, per second. It is
//     the limit when the pause fills the peer's allowance no further than it goes, and
//     for windows; else it is too low.
//   - What was taken in how long until the refusal: the peer's allowance, and what it
//     refilled meanwhile. From two such runs of different length follows the rate alone,
//     if the pause filled the allowance; else that, too, is too low.
//
// So the larger of both is the limit. The second run is made longer than the first by
// leaving slower: at a rate between what the peer took in the long run and at its fastest.
type search struct {
	first run   // the shortest run so far
	runs  []run // that may count from now on: since the pause, and since each step up
}

// run is a time in which n requests were accepted.
type run struct {
	start time.Time
	span  time.Duration
	n     int
}

const (
	// belowTold is how far to go down when a pause was told after long at a held rate.
	belowTold = 0.85
	// staleRun is too long ago to say what the limit is now.
	staleRun = 10 * time.Second

	// tooFew is an accident and no rate. An estimate from fewer than fewRequests is low,
	// most likely: small allowances are emptied by so many, and full again after the pause.
	tooFew      = 5
	fewRequests = 30

	// A coarse estimate, which is low or exact, is held for toldHold and grows by toldStep
	// then. One that is most likely low is searchLeast at least, and grows sooner and more.
	toldHold, toldStep = 5 * time.Second, 0.05
	searchLeast        = 10
	searchEvery        = 500 * time.Millisecond
	searchStep         = 0.25
	// maxRuns bounds what is remembered of one climb.
	maxRuns = 16
)

// stepped notes that the rate grows, when n were accepted since the pause: at the lower
// rate the peer's allowance may have overflowed, so that what was taken tells nothing.
func (s *search) stepped(now time.Time, n int) {
	if len(s.runs) == 0 || len(s.runs) == maxRuns {
		return
	}
	s.runs = append(s.runs, run{start: now, n: n})
}

// compare returns the rate that follows from the first run and the one that was closed,
// and from how many requests; 0 if none follows.
func (s *search) compare(c *closed) (rate float64, requests int) {
	for _, r := range c.runs {
		more, longer := c.cycle.n-r.n-s.first.n, c.at.Sub(r.start)-s.first.span
		if s.first.n == 0 || more < tooFew || longer < s.first.span || longer > staleRun {
			continue
		}
		if by := float64(more) / longer.Seconds(); by > rate {
			rate, requests = by, more
		}
	}
	return rate, requests
}

// closed is a time of sending that a told pause ended.
type closed struct {
	cycle      cycle
	runs       []run
	at, resume time.Time     // of the refusal, and the end of the pause
	first      bool          // no rate was known
	pardon     bool          // a refusal among a handful may be an accident
	cautious   float64       // see there
	hold       time.Duration // for a rate that is no better than that
}

// told learns from a throttle that forbids sending for a while.
func (p *pace) told(now time.Time, pause time.Duration) {
	p.closed = closed{
		cycle: p.cycle, runs: p.search.runs, at: now, resume: now.Add(pause),
		first: math.IsInf(p.limit, 1), pardon: !p.excused,
		cautious: p.cautious(now), hold: min(2*p.growth.hold, maxHold),
	}
	p.search.runs = []run{{start: p.closed.resume}}
	p.cycle = cycle{start: p.closed.resume}
	p.recent = recentSends{}
	p.probe = measurement{}
	p.since = now
	p.conclude()
}

// late counts a request that left before a told pause and was taken: such answers come
// after the refusal. It reports whether the request is one.
func (p *pace) late(sent time.Time) bool {
	if p.closed.resume.IsZero() || !sent.Before(p.closed.resume) || !p.cycle.start.Equal(p.closed.resume) {
		return false
	}
	p.closed.cycle.n++
	p.conclude()
	return true
}

// conclude sets the rate after a told pause.
func (p *pace) conclude() {
	c := &p.closed
	if c.first {
		p.concludeFirst()
		return
	}
	long := c.cycle.rate(c.resume)
	rate, n := p.search.compare(c)
	if rate <= long { // no two runs to compare, or the pause filled less than the allowance
		p.limit = max(long*below, c.cautious, minRate)
		p.holdFor(c.resume, c.hold)
		return
	}
	p.limit = max(rate*below, minRate)
	p.holdFor(c.resume, firstHold)
	if n < fewRequests {
		p.climb(c.resume, toldHold, growFirst)
	}
}

// concludeFirst is the first pause: of the rate only bounds are known.
func (p *pace) concludeFirst() {
	c := &p.closed
	few := c.cycle.n < tooFew
	if few && c.pardon {
		// One refusal among a handful of requests tells a time and no rate. Sitting the
		// pause out is enough, once.
		p.excused = true
		return
	}
	long, fastest := c.cycle.rate(c.resume), c.cycle.rate(c.at)
	p.even = p.even || few
	p.search.first = run{span: c.at.Sub(c.cycle.start), n: c.cycle.n}
	if c.cycle.n >= fewRequests {
		p.limit = max(long*below, minRate)
		p.climb(c.resume, toldHold, toldStep)
		return
	}
	p.limit = max(math.Sqrt(long*fastest), searchLeast)
	p.climb(c.resume, searchEvery, searchStep)
}

// climb holds the rate for d and lets it grow by step then.
func (p *pace) climb(at time.Time, d time.Duration, step float64) {
	p.holdFor(at, d)
	p.growth.step, p.growth.each = step, searchEvery
}

// cautious is a rate safely below the one that was just refused: the last step of a
// growth, or a little less than the rate that was held.
func (p *pace) cautious(now time.Time) float64 {
	rate := p.limit
	if _, n := p.recent.within(now); n >= tooFew {
		rate = min(p.recent.rate(now), p.limit) // it may not have been used up
	}
	if p.limit > p.growth.base {
		return max(rate/p.growth.last, p.growth.base)
	}
	return rate * belowTold
}
