package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// Bounds of one call. They are generous for throttles, which are part of normal work, and
// small for faults, after which the object is better off in escrow.
const (
	maxFaults    = 5  // attempts that may end in a fault
	maxThrottles = 14 // attempts that may end in a throttle

	faultBackoff    = 500 * time.Millisecond
	throttleBackoff = 50 * time.Millisecond
	maxBackoff      = 30 * time.Second
)

// roundTripper is the outermost layer: it refuses writes where they are forbidden, and
// repeats what is safe to repeat.
type roundTripper struct {
	Options
	next    http.RoundTripper
	breaker *breaker
	series  *series

	// Made once, since every request needs them.
	userAgent []string // the header's value
	tooLate   error    // the cause of a context that ended by Timeout
	release   func()   // of the limiter
}

func newRoundTripper(o Options, next http.RoundTripper) *roundTripper {
	return &roundTripper{
		Options: o, next: next,
		breaker: o.Limiter.breakerFor(o.Peer, o.Name), series: o.Metrics.seriesFor(o.Peer, o.Name),
		userAgent: []string{o.UserAgent}, tooLate: timeoutError{o.Timeout}, release: o.Limiter.release,
	}
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t *roundTripper) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.ReadOnly && !safe(req.Method) {
		closeBody(req)
		return nil, ErrReadOnly
	}
	tally := tally{}
	for try := req; ; {
		a := t.try(try)
		wait, again := tally.judge(req, &a)
		if !again || !t.worth(req.Context(), &tally, wait) {
			return a.resp, a.err
		}
		a.discard()
		if err := sleep(req.Context(), wait); err != nil {
			return nil, a.interrupted(err)
		}
		var err error
		if try, err = rewind(req); err != nil {
			return nil, err
		}
	}
}

// tally counts what befell one call so far.
type tally struct {
	faults, throttles int
	waited            time.Duration
}

// judge says whether the attempt may be repeated without harm and with hope, and after
// which wait.
func (y *tally) judge(req *http.Request, a *attempt) (wait time.Duration, again bool) {
	if a.final || req.Context().Err() != nil || !replayable(req) {
		return 0, false
	}
	switch {
	case a.signal.verdict == throttled:
		y.throttles++
		// The limiter holds the pause for all; this one call must know it too, to
		// tell whether it is worth waiting for.
		return max(a.signal.pause, backoff(throttleBackoff, y.throttles)), y.throttles < maxThrottles
	case a.err != nil && (a.unsent || safe(req.Method)), a.err == nil && faulty(a.resp.StatusCode) && safe(req.Method):
		y.faults++
		return backoff(faultBackoff, y.faults), y.faults < maxFaults
	}
	return 0, false
}

// worth says whether a wait fits into what is left of the call's budget and of its
// context's time; if not, the outcome at hand is the best there will be.
func (t *roundTripper) worth(ctx context.Context, y *tally, wait time.Duration) bool {
	y.waited += wait
	if y.waited > t.MaxWait {
		return false
	}
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > wait
}

// faulty are the statuses after which a read is repeated.
func faulty(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// interrupted is the error of a call whose context ended between two attempts.
func (a *attempt) interrupted(err error) error {
	if a.unsent || a.signal.verdict == throttled {
		return &UnsentError{Err: err}
	}
	return err
}

func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// rewind returns a copy of the request with its body at the start.
func rewind(req *http.Request) (*http.Request, error) {
	again := req.Clone(req.Context())
	if req.GetBody == nil {
		return again, nil
	}
	b, err := req.GetBody()
	if err != nil {
		return nil, &UnsentError{Err: err}
	}
	again.Body = b
	return again, nil
}

// backoff doubles with each try and is spread by half to either side, so that those who
// failed together don't come back together.
func backoff(base time.Duration, try int) time.Duration {
	d := min(base<<min(try-1, 20), maxBackoff)
	return d/2 + rand.N(d)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func canceled(err error) bool { return errors.Is(err, context.Canceled) }
