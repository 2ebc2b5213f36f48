package transport

import "time"

// cycle counts accepted requests from the end of one told pause to the end of the next.
type cycle struct {
	start time.Time
	n     int
}

// idleSpan without a request is a rest between two runs of a job, and no part of a cycle.
const idleSpan = 10 * time.Second

// resume starts the cycle at the first request, and anew after an idle span; last is when
// the request before left.
func (c *cycle) resume(last, sent time.Time) {
	if last.Before(c.start) {
		last = c.start
	}
	if sent.Sub(last) > idleSpan {
		*c = cycle{start: sent}
	}
}

// rate returns the accepted requests per second until end.
func (c *cycle) rate(end time.Time) float64 {
	span := end.Sub(c.start).Seconds()
	if c.start.IsZero() || span <= 0 {
		return 0
	}
	return float64(c.n) / span
}

// recentSends remembers when the last accepted requests left.
type recentSends struct {
	at [256]time.Time
	n  int
}

func (r *recentSends) add(sent time.Time) {
	r.at[r.n%len(r.at)] = sent
	r.n++
}

// latest returns when the last accepted request left, the zero time if there is none.
func (r *recentSends) latest() time.Time {
	if r.n == 0 {
		return time.Time{}
	}
	return r.at[(r.n-1)%len(r.at)]
}

// within returns how many were accepted within recentSpan, at most as many as remembered,
// and when the first of them left.
func (r *recentSends) within(now time.Time) (first time.Time, n int) {
	first = now
	for i := r.n - 1; i >= max(r.n-len(r.at), 0); i-- {
		at := r.at[i%len(r.at)]
		if now.Sub(at) > recentSpan {
			break
		}
		first, n = at, n+1
	}
	return first, n
}

// rate returns the accepted requests per second of late.
func (r *recentSends) rate(now time.Time) float64 {
	first, n := r.within(now)
	if n < 2 {
		return float64(n) / recentSpan.Seconds()
	}
	return float64(n) / max(now.Sub(first).Seconds(), 0.001)
}
