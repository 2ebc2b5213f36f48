package transport

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits are the bounds of a Limiter.
type Limits struct {
	// Rate is the most requests per second, 0: none but what the peer's answers show.
	Rate float64
	// Burst is how many requests may leave at once after a rest; 0: a fiftieth of a
	// second's worth, and one.
	Burst int
	// Concurrency is the most requests in flight; 0: DefaultConcurrency.
	Concurrency int
	// Budgets are rates for some of the requests alone.
	Budgets []Budget
}

// Limiter decides when the next request to one peer may leave. All jobs of a sink share
// one, since the application counts them together. It is safe for concurrent use.
//
// A request leaves when all of these agree:
//
//   - pause: no told time lies ahead;
//   - quota: the requests that the peer said are left in its window are not used up;
//   - concurrency: fewer are in flight than allowed, found by trial below the ceiling;
//   - rate: the configured one, or a lower one learnt from throttles (see pace).
//
// Before, it has waited for the budgets that it spends. Waiting requests form a queue; only its head looks at the gates, so the order is kept
// and a release wakes one and not all.
type Limiter struct {
	turn chan struct{} // held by the head of the queue
	wake chan struct{} // tells the head to look again

	meters []meter

	mu        sync.Mutex
	limits    Limits
	bucket    *rate.Limiter
	pace      pace
	conc      concurrency
	inFlight  int
	admitted  int // since the start
	notBefore time.Time
	quota     quota
	breaker   *breaker // of all clients that share the limiter
}

// quota is what a peer said is left of its window.
type quota struct {
	left  int
	until time.Time
}

// NewLimiter returns a limiter that has sent nothing yet.
func NewLimiter(l Limits) *Limiter {
	if l.Concurrency <= 0 {
		l.Concurrency = DefaultConcurrency
	}
	if l.Rate <= 0 {
		l.Rate = math.Inf(1)
	}
	r := &Limiter{
		turn:   make(chan struct{}, 1),
		wake:   make(chan struct{}, 1),
		limits: l,
		meters: newMeters(l.Budgets),
		pace:   newPace(),
		conc:   newConcurrency(l.Concurrency),
	}
	r.bucket = rate.NewLimiter(rateOf(l.Rate), r.burst(l.Rate))
	return r
}

// breakerFor returns the one breaker of a peer: what one job's requests found out about a
// dead server, those of another need not.
func (l *Limiter) breakerFor(peer Peer, name string) *breaker {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.breaker == nil {
		l.breaker = newBreaker(peer, name)
	}
	return l.breaker
}

// burst makes up for late timers: a head woken late would otherwise lose what the bucket
// gained meanwhile.
func (l *Limiter) burst(perSecond float64) int {
	if perSecond >= l.limits.Rate && l.limits.Burst > 0 {
		return l.limits.Burst
	}
	if math.IsInf(perSecond, 1) {
		return 1
	}
	if l.pace.even || l.pace.probe.running() {
		return 1 + int(min(perSecond, 1e6)/100)
	}
	return 2 + int(min(perSecond, 1e6)/50)
}

// ticket is a request that was admitted.
type ticket struct {
	number int // of the admissions, from 1
	sent   time.Time
}

// acquire waits until a request may leave. A told pause longer than maxWait is a
// *ThrottledError at once; when ctx ends first, its cause is returned. A ticket obliges to
// one call of release, and of observe when the request did leave.
func (l *Limiter) acquire(ctx context.Context, maxWait time.Duration) (ticket, error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ticket{}, context.Cause(ctx)
	}
	defer func() { <-l.turn }()
	for {
		if ctx.Err() != nil {
			return ticket{}, context.Cause(ctx)
		}
		t, wait, err := l.admit(time.Now(), maxWait)
		if err != nil || wait == 0 {
			return t, err
		}
		if err := l.sleep(ctx, wait); err != nil {
			return ticket{}, err
		}
	}
}

// sleep ends after d, or earlier when something changed.
func (l *Limiter) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.wake:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// untilWoken is long enough to mean "until something changes".
const untilWoken = time.Hour

// admit takes a place and gives the ticket, or says how long to wait before asking again.
func (l *Limiter) admit(now time.Time, maxWait time.Duration) (t ticket, wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait := l.pauseAt(now); wait > 0 {
		if wait > maxWait {
			return ticket{}, 0, &ThrottledError{Wait: wait}
		}
		return ticket{}, wait, nil
	}
	if l.inFlight >= l.conc.limit {
		return ticket{}, untilWoken, nil
	}
	l.pace.grow(now)
	l.setRate(now)
	turn := l.bucket.ReserveN(now, 1)
	if wait := turn.DelayFrom(now); wait > 0 {
		turn.CancelAt(now)
		l.pace.held = true
		return ticket{}, wait, nil
	}
	l.inFlight++
	l.admitted++
	l.quota.left-- // harmless when no quota is told
	return ticket{number: l.admitted, sent: now}, 0, nil
}

// pauseAt returns how long nothing may be sent: a told pause, or a used-up quota.
func (l *Limiter) pauseAt(now time.Time) time.Duration {
	wait := max(l.notBefore.Sub(now), l.pace.rest.Sub(now))
	if l.quota.left <= 0 {
		wait = max(wait, l.quota.until.Sub(now))
	}
	return max(wait, 0)
}

func (l *Limiter) setRate(now time.Time) {
	r := min(l.limits.Rate, l.pace.limit)
	if rateOf(r) != l.bucket.Limit() {
		l.bucket.SetLimitAt(now, rateOf(r))
	}
	if burst := l.burst(r); burst != l.bucket.Burst() {
		l.bucket.SetBurstAt(now, burst)
	}
}

// rateOf turns infinity into the package rate's own, which is a large finite number.
func rateOf(perSecond float64) rate.Limit { return rate.Limit(min(perSecond, float64(rate.Inf))) }

// release gives a place back, when the answer's body was read or there is none.
func (l *Limiter) release() {
	l.mu.Lock()
	l.inFlight--
	l.mu.Unlock()
	l.nudge()
}

func (l *Limiter) nudge() {
	select {
	case l.wake <- struct{}{}:
	default: // already told
	}
}

// observe learns from the answer to a request. It reports whether the answer
// told a pause that goes beyond the one known.
func (l *Limiter) observe(t ticket, s signal) (paused bool) {
	defer l.nudge()
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.learnQuota(now, t, s)
	switch s.verdict {
	case accepted:
		if l.pace.accepted(t.sent, now) {
			l.conc.absolve()
		}
		l.conc.accepted(now)
	case throttled:
		if s.pause > 0 {
			until := now.Add(s.pause)
			paused = until.After(l.notBefore)
			if paused {
				l.notBefore = until
			}
		}
		if l.pace.throttled(t.sent, now, s.pause) {
			l.conc.throttled(t.sent, now, throttledLeast)
		}
	case overloaded:
		l.conc.throttled(t.sent, now, 1)
	case failed:
	}
	l.setRate(now)
	return paused
}

// learnQuota takes over what is left. Requests that left after this one were not counted
// yet when the peer answered it, so they are taken off.
func (l *Limiter) learnQuota(now time.Time, t ticket, s signal) {
	if !s.told {
		return
	}
	left := s.left - (l.admitted - t.number)
	if now.Before(l.quota.until) {
		// The same window, or the one of another endpoint: the stricter is kept.
		l.quota.left = min(l.quota.left, left)
		return
	}
	l.quota = quota{left: left, until: now.Add(s.window)}
}
