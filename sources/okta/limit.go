package okta

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxConcurrent is how many requests may be under way. Okta takes 75 per org, and
	// others use the org too.
	maxConcurrent = 8
	// maxTries is how often a request that Okta refuses with 429 is sent.
	maxTries = 4
	// maxWait is the longest wait that is worth it; windows are one minute long.
	maxWait = 2 * time.Minute
	// askAgain is how long to wait for an answer that will tell of a new window.
	askAgain = 100 * time.Millisecond
	// blindWait is the first wait after a 429 that doesn't say how long; it doubles.
	blindWait = 10 * time.Second
)

// Limiter keeps an org's rate limits before they are hit: of each bucket (one per
// endpoint and minute) it uses at most half, so that sign-ins and other tools keep
// theirs, and then waits for the next window. What others use counts, too, since the
// headers say so. One Limiter belongs to one org.
//
// After a 429 all requests of the endpoint wait until the reset, and a GET is sent again.
// https://developer.okta.com/docs/reference/rl-best-practices/
type Limiter struct {
	next   http.RoundTripper
	log    *slog.Logger
	slots  chan struct{}
	waited atomic.Int64

	mu      sync.Mutex
	buckets map[string]*bucket
}

// Limit returns a transport that sends requests through next and keeps the limits.
func Limit(next http.RoundTripper, log *slog.Logger) *Limiter {
	return &Limiter{next: next, log: log, slots: make(chan struct{}, maxConcurrent), buckets: map[string]*bucket{}}
}

// Waited returns how long requests have waited for the org's limits so far.
func (l *Limiter) Waited() time.Duration { return time.Duration(l.waited.Load()) }

// RoundTrip sends a request when its bucket allows. The wait ends with the request's
// context.
func (l *Limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	name := endpoint(req.URL.Path)
	b := l.bucket(name)
	for try := 1; ; try++ {
		if err := l.enter(req, name, b); err != nil {
			return nil, err
		}
		resp, err := l.next.RoundTrip(req)
		<-l.slots
		if err != nil {
			b.lost()
			return nil, err
		}
		b.learn(resp.Header, time.Now())
		if resp.StatusCode != http.StatusTooManyRequests {
			return resp, nil
		}
		wait := untilReset(resp.Header)
		if wait == 0 {
			wait = blindWait << (try - 1)
		}
		b.block(time.Now().Add(wait))
		if try == maxTries || wait > maxWait || req.Method != http.MethodGet {
			return resp, nil
		}
		closeBody(resp)
	}
}

// enter waits until the bucket and a slot are free.
func (l *Limiter) enter(req *http.Request, name string, b *bucket) error {
	for {
		wait := b.reserve(time.Now())
		if wait <= 0 {
			break
		}
		if wait > askAgain {
			l.log.InfoContext(req.Context(), "waiting for okta's rate limit", "endpoint", name, "wait", wait)
		}
		if err := l.sleep(req, wait); err != nil {
			return err
		}
	}
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-req.Context().Done():
		b.lost()
		return req.Context().Err()
	}
}

func (l *Limiter) sleep(req *http.Request, d time.Duration) error {
	start := time.Now()
	defer func() { l.waited.Add(int64(time.Since(start))) }()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-req.Context().Done():
		return req.Context().Err()
	}
}

func (l *Limiter) bucket(name string) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[name]
	if b == nil {
		b = &bucket{}
		l.buckets[name] = b
	}
	return b
}

// endpoint names a path's bucket: every second segment below /api/v1 is an id.
func endpoint(path string) string {
	rest, ok := strings.CutPrefix(path, "/api/v1/")
	if !ok {
		return path
	}
	segments := strings.Split(rest, "/")
	for i := 1; i < len(segments); i += 2 {
		segments[i] = "{id}"
	}
	return "/api/v1/" + strings.Join(segments, "/")
}

// bucket is what is known of one endpoint's limit, in this machine's time.
type bucket struct {
	mu        sync.Mutex
	limit     int // 0: not known yet
	remaining int
	underWay  int
	reset     time.Time // when the window ends
	epoch     int64     // the window's end in Okta's words
	blocked   time.Time // no request before
}

// reserve takes one request out of the bucket and returns 0, or returns how long to wait
// before asking again. One request per window is always allowed: without it nobody would
// learn that others have stopped.
func (b *bucket) reserve(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.blocked) {
		return b.blocked.Sub(now)
	}
	if !now.Before(b.reset) {
		b.remaining, b.reset = b.limit, time.Time{}
	}
	used := b.limit - b.remaining + b.underWay
	if b.limit > 0 && used >= max(b.limit/2, 1) {
		return max(b.reset.Sub(now), askAgain)
	}
	b.underWay++
	return 0
}

// lost gives back a request that got no answer.
func (b *bucket) lost() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.underWay--
}

// learn takes an answer's headers. Answers may overtake each other, so within a window
// only a smaller rest is news. A limit of 0 speaks of concurrency, not of the bucket.
func (b *bucket) learn(h http.Header, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.underWay--
	limit, err1 := strconv.Atoi(h.Get("X-Rate-Limit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-Rate-Limit-Remaining"))
	epoch, err3 := strconv.ParseInt(h.Get("X-Rate-Limit-Reset"), 10, 64)
	wait := untilReset(h)
	if err1 != nil || err2 != nil || err3 != nil || limit <= 0 || wait == 0 {
		return
	}
	if epoch < b.epoch || epoch == b.epoch && remaining >= b.remaining && !b.reset.IsZero() {
		return
	}
	b.limit, b.remaining, b.epoch, b.reset = limit, remaining, epoch, now.Add(wait)
}

// block stops the endpoint until t.
func (b *bucket) block(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.After(b.blocked) {
		b.blocked = t
	}
}
