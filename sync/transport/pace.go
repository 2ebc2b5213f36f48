package transport

import (
	"math"
	"time"
)

// pace learns from throttles how many requests per second a peer takes. It knows no lock
// and no clock; Limiter feeds it.
//
// A plain increase-and-halve rule would swing around the limit for ever, and be throttled
// at each swing. pace measures instead, so that a throttle is rare after the first second:
//
//   - A throttle without a told time starts a measurement. Requests go on leaving a third
//     faster than they are accepted, evenly. While the peer's allowance is empty, it accepts
//     exactly as many as it refills: that is the limit, and a line through half a second of
//     them (longer for slow limits) shows it within a percent (see fit).
//   - The rate is set 2.5 % below it and held. A short rest before fills the allowance by
//     what a late timer can send at once, so that a held rate isn't refused by chance.
//   - A throttle with a told time forbids to measure, since nothing may be sent. Then the
//     rate follows from what was accepted between pauses (see search).
//   - When a peer refuses everything for a while without telling until when, it counts by
//     windows. The end of that is found by asking now and then, and what was accepted from
//     one such end to the next is the limit. Two or three windows are needed.
//
// Finding out that a limit was raised costs a throttle each time that it wasn't. So a held
// rate grows by small steps that get larger only when requests waited for it for a minute
// (a few seconds after a coarse estimate), and a throttle on the way takes it back and
// doubles the patience, to 16 minutes. A limit that became twice as high is used within
// two minutes at first, and within 17 when it was long the same.
//
// A lower limit is met by many throttles at once and measured anew, for about a second. A
// few cost first the sending at once after late timers and then 2 % each.
type pace struct {
	excused bool      // a first told pause was not taken for a rate
	limit   float64   // requests per second now; +Inf: none known
	rest    time.Time // nothing leaves before
	even    bool      // few may leave at once, also after a late timer
	// held is set when the rate made a request wait: only then does growth make sense.
	held bool

	growth growth
	probe  measurement
	recent recentSends

	strikes  int // throttles in a row while holding
	strikeAt time.Time
	since    time.Time // requests sent before it tell nothing new
	cycle    cycle     // since the last pause
	search   search    // of the rate between told pauses
	closed   closed    // by the last told pause
}

// growth is how the rate climbs from a held one while nothing is throttled: slowly first,
// since mostly there is nothing to win, then faster, for limits that were raised.
type growth struct {
	base float64       // the held rate
	hold time.Duration // how long it was held
	next time.Time     // of the next step
	each time.Duration // between two steps
	step float64       // by which part the next step grows
	last float64       // the factor of the last step
}

const (
	// below is how far under a measured limit the rate is set: the measurement is right
	// within 1 %, and the rest lets the allowance fill again after a crowd.
	below = 0.975
	// The peer's allowance is empty after a refusal. A rest fills it by what leaves at once
	// after a late timer, else the next such crowd would be refused.
	restSpan     = 60 * time.Millisecond
	restRequests = 2

	growEvery = 2 * time.Second

	growFirst, growFaster, growMost = 0.02, 1.5, 0.5
	firstHold                       = time.Minute
	maxHold                         = 16 * time.Minute

	// minStrikes throttles within recentSpan, if they are a fifth of the answers, are
	// no hiccup.
	minStrikes = 3
	recentSpan = 500 * time.Millisecond
	// maxDrift is the growth that a single throttle still takes back.
	maxDrift = 1.1

	// minRate keeps asking a peer that refuses everything. openRate is where the first
	// measurement begins at least, since the few requests before it tell little.
	minRate, openRate = 0.5, 50
	openShare         = 0.7
)

func newPace() pace { return pace{limit: math.Inf(1)} }

// accepted notes a request sent at sent that the peer took. It reports whether that
// completed a measurement.
func (p *pace) accepted(sent, now time.Time) (found bool) {
	if p.late(sent) {
		return false
	}
	p.cycle.resume(p.recent.latest(), sent)
	p.recent.add(sent)
	if !p.probe.running() {
		p.cycle.n++
		return false
	}
	if opened, starved := p.probe.opened(sent); starved {
		p.reopened(opened, now)
		return true
	}
	p.cycle.n++
	p.probe.accepted(sent, now)
	return p.measured(now)
}

// reopened ends a measurement in which the peer took nothing for a while, and does again:
// it counts by windows, or is very slow. What it took from the end of one such pause to
// the end of the next is its limit, as with told pauses.
func (p *pace) reopened(at, now time.Time) {
	p.limit = max(p.cycle.rate(at)*below, minRate)
	p.cycle = cycle{start: at, n: 1}
	p.settle(now)
}

// settle holds a rate that was just found.
func (p *pace) settle(now time.Time) {
	p.since, p.strikeAt = now, time.Time{}
	p.probe = measurement{}
	p.drain(now)
	p.holdFor(now, firstHold)
}

// drain rests after a refusal at a rate that will do from now on.
func (p *pace) drain(now time.Time) {
	p.rest = now.Add(restSpan + time.Duration(restRequests/p.limit*float64(time.Second)))
}

// throttled notes a request sent at sent that the peer refused, and for how long it wants
// none, 0: it told nothing. It reports whether this is news, so that the concurrency is
// cut once and not by each refusal.
func (p *pace) throttled(sent, now time.Time, pause time.Duration) bool {
	if p.probe.running() && pause == 0 {
		p.probe.refused(sent, p.cycle.rate(now))
		p.measured(now)
		return false
	}
	if sent.Before(p.since) {
		return false
	}
	if pause > 0 {
		p.told(now, pause)
		return true
	}
	if !math.IsInf(p.limit, 1) && !p.strike(now) {
		return false
	}
	if math.IsInf(p.limit, 1) {
		p.limit = max(p.recent.rate(now)*openShare, openRate)
	}
	p.since = now
	p.probe = startMeasurement(now)
	return true
}

// strike counts a throttle at a held rate. A few, from a late timer, a crowded moment or
// the last instant of a window, cost 2 %; many, or one after much growth, mean that the
// limit is another now.
func (p *pace) strike(now time.Time) (serious bool) {
	if p.limit > p.growth.base*maxDrift {
		return true
	}
	if now.Sub(p.strikeAt) > recentSpan {
		p.strikeAt, p.strikes = now, 0
		p.back(now)
	}
	p.strikes++
	_, taken := p.recent.within(now)
	return p.strikes >= minStrikes && p.strikes*4 >= taken
}

// back undoes growth, gives up sending in heaps, or goes down a little.
func (p *pace) back(now time.Time) {
	hold := p.growth.hold
	if p.limit > p.growth.base {
		p.limit, hold = p.growth.base, min(2*hold, maxHold)
	} else if p.even {
		p.limit = max(p.limit*0.98, minRate)
	}
	p.even = true
	p.drain(now)
	p.holdFor(now, hold)
}

// holdFor keeps the rate until at least at+d, and lets it grow then.
func (p *pace) holdFor(at time.Time, d time.Duration) {
	p.growth = growth{step: growFirst, last: 1, next: at.Add(d), each: growEvery, base: p.limit, hold: d}
	p.held = false
}

// measured ends a step of the measurement, or all of it. It reports whether the limit was
// found.
func (p *pace) measured(now time.Time) bool {
	switch rate, outcome := p.probe.step(now, p.limit); outcome {
	case stepped:
		p.limit = rate
	case found:
		p.limit = max(rate*below, minRate)
		p.settle(now)
		return true
	case cured:
		p.recover(now)
	case measuring:
	}
	return false
}

// recover ends a measurement that found nothing to measure: nothing is refused any more.
// At an unlimited rate, fewer at once was all it took, and the concurrency looks after
// that. At a held rate, which is then nearly right, a little less will do.
func (p *pace) recover(now time.Time) {
	p.since = now
	p.probe = measurement{}
	if p.growth.base == 0 {
		p.limit = math.Inf(1)
		return
	}
	p.limit = max(p.growth.base*below, minRate)
	p.holdFor(now, firstHold)
}

// grow raises the rate when its time has come and the rate is what requests wait for.
func (p *pace) grow(now time.Time) {
	if math.IsInf(p.limit, 1) || p.probe.running() || now.Before(p.growth.next) {
		return
	}
	p.growth.next = now.Add(p.growth.each)
	if p.held {
		p.search.stepped(now, p.cycle.n)
		p.growth.last = 1 + p.growth.step
		p.limit *= p.growth.last
		p.growth.step = min(p.growth.step*growFaster, growMost)
	}
	p.held = false
}
