package transport

import "time"

// startConcurrency is where a new connection begins. Growth of one per answer takes it to
// a ceiling of 8 within three round trips, so starting low costs next to nothing and does
// not greet a weak server with its worst case.
const startConcurrency = 2

// softHold is how long a number of requests in flight that was answered with a throttle
// is avoided, before one more is tried again.
const softHold = time.Minute

// throttledLeast is what a throttle leaves: one request at a time could never meet the
// rate that is more likely to be the reason. An overloaded peer gets one.
const throttledLeast = 2

// concurrency finds how many requests a peer takes at once: additive increase with
// accepted answers, halved by a throttle, never above the ceiling. The number that was
// throttled is kept as a soft ceiling, else every climb would end in the same throttle.
type concurrency struct {
	ceiling int
	limit   int
	soft    int
	softAt  time.Time // when soft was last changed
	cut     time.Time // when limit was last halved
	slow    bool      // after the first throttle: one more per round, not per answer
	credit  int
}

func newConcurrency(ceiling int) concurrency {
	return concurrency{ceiling: ceiling, soft: ceiling, limit: min(startConcurrency, ceiling)}
}

func (c *concurrency) accepted(now time.Time) {
	if c.soft < c.ceiling && now.Sub(c.softAt) >= softHold {
		c.soft++
		c.softAt = now
	}
	c.credit++
	if c.limit >= c.soft || (c.slow && c.credit < c.limit) {
		return
	}
	c.limit++
	c.credit = 0
}

// throttled halves the limit, not below least. Answers to requests that left before the
// last cut tell nothing new.
func (c *concurrency) throttled(sent, now time.Time, least int) {
	if sent.Before(c.cut) {
		return
	}
	least = min(least, c.limit)
	c.soft = max(c.limit-1, least)
	c.limit = max(c.limit/2, least)
	c.cut, c.softAt = now, now
	c.slow, c.credit = true, 0
}

// absolve forgets the soft ceiling: the rate was what was refused.
func (c *concurrency) absolve() { c.soft = c.ceiling }
