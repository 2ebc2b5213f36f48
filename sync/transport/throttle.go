package transport

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// verdict is what an attempt's outcome means for the limiter.
type verdict int

const (
	// accepted: an answer that is not a throttle, whatever its status.
	accepted verdict = iota + 1
	// throttled: refused for now and without effect.
	throttled
	// overloaded: 502, 503 or 504 without a told time, or no answer in time.
	overloaded
	// failed: no answer, for a reason that says nothing about load.
	failed
)

// signal is what an answer says about throttling.
type signal struct {
	verdict verdict
	// pause is how long the peer wants no request; 0: it told nothing.
	pause time.Duration
	// left is how many more requests the peer takes within window; only when told.
	left   int
	window time.Duration
	told   bool
}

// maxPause bounds told times; beyond it a header is taken for nonsense (a date in the year
// 9999), and a day's pause will do.
const maxPause = 24 * time.Hour

// readSignal classifies an answer. Throttles are 429 (RFC 6585 section 4); 503 with a
// retry time (RFC 9110 section 10.2.3); and 403 with one, or with a reset time and not
// one request left, as GitHub-like services answer.
func readSignal(resp *http.Response, now time.Time) signal {
	s := signal{verdict: accepted}
	retry := retryAfter(resp.Header, now)
	s.left, s.window, s.told = quotaOf(resp.Header, now)
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		s.verdict = throttled
	case http.StatusServiceUnavailable:
		s.verdict = overloaded
		if retry > 0 {
			s.verdict = throttled
		}
	case http.StatusForbidden:
		full := s.told && s.left > 0 // told with every answer, and not the reason
		if retry > 0 || (resetAfter(resp.Header, now) > 0 && !full) {
			s.verdict = throttled
		}
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		s.verdict = overloaded
	}
	if s.verdict == throttled {
		s.pause = retry
		if s.pause == 0 {
			s.pause = resetAfter(resp.Header, now)
		}
	}
	return s
}

// retryAfter reads Retry-After (seconds or HTTP date) or X-Retry-After, 0 when there is
// none or it has passed.
func retryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After", "X-Retry-After"} {
		if d := waitOf(h, name, now); d > 0 {
			return min(d, maxPause)
		}
	}
	return 0
}

// waitOf reads a header that tells a wait, 0 when it is missing, makes no sense or has passed.
func waitOf(h http.Header, name string, now time.Time) time.Duration {
	v := valueOf(h, name)
	if v == "" {
		return 0 // as in nearly every answer
	}
	d, _ := parseWait(v, serverNow(h, now))
	return max(d, 0)
}

// valueOf is h.Get for a name that is written as net/http keeps it: nothing has to be
// rewritten for the headers that nearly no answer has.
func valueOf(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// resetNames are the headers that tell when a quota is full again, as net/http writes
// them. RateLimit-Reset counts seconds; the others are found with both epochs and seconds.
var resetNames = []string{"Ratelimit-Reset", "X-Ratelimit-Reset", "X-Rate-Limit-Reset", "X-Ratelimit-Reset-After"}

var remainingNames = []string{"Ratelimit-Remaining", "X-Ratelimit-Remaining", "X-Rate-Limit-Remaining"}

// resetAfter reads how long until the quota is full again, 0 when that isn't told.
func resetAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range resetNames {
		if d := waitOf(h, name, now); d > 0 {
			return min(d, maxPause)
		}
	}
	if _, d, ok := structuredQuota(h); ok {
		return min(d, maxPause)
	}
	return 0
}

// quotaOf reads how many requests are left and for how long, where both are told.
func quotaOf(h http.Header, now time.Time) (left int, window time.Duration, ok bool) {
	if left, window, ok = structuredQuota(h); ok {
		return left, window, true
	}
	for _, name := range remainingNames {
		if v := valueOf(h, name); v != "" {
			n, err := strconv.Atoi(strings.TrimSpace(v))
			window = resetAfter(h, now)
			return max(n, 0), window, err == nil && window > 0
		}
	}
	return 0, 0, false
}

// structuredQuota reads the header RateLimit of draft-ietf-httpapi-ratelimit-headers, e.g.
// `"default";r=50;t=30`, and of several policies takes the one with the fewest left.
func structuredQuota(h http.Header) (left int, window time.Duration, ok bool) {
	policies := h["Ratelimit"]
	if len(policies) == 0 {
		return 0, 0, false
	}
	for item := range strings.SplitSeq(strings.Join(policies, ","), ",") {
		r, t := -1, -1
		for param := range strings.SplitSeq(item, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				continue
			}
			switch key {
			case "r":
				r = n
			case "t":
				t = n
			}
		}
		if r >= 0 && t > 0 && (!ok || r < left) {
			left, window, ok = r, time.Duration(t)*time.Second, true
		}
	}
	return left, min(window, maxPause), ok
}

// Bounds between spans and points in time: 10^8 seconds are three years as a span, 1973
// as a point in time; 10^11 are 1973 in milliseconds.
const (
	epochSeconds = 1e8
	epochMillis  = 1e11
)

// parseWait reads a span or point in time: seconds, seconds or milliseconds since 1970,
// or an HTTP date.
func parseWait(v string, now time.Time) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	if v == "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(v, 64)
	switch {
	case err != nil:
		at, err := http.ParseTime(v)
		return at.Sub(now), err == nil
	case n != n || n < 0:
		return 0, false
	case n >= epochMillis:
		return time.UnixMilli(int64(min(n, 1e15))).Sub(now), true
	case n >= epochSeconds:
		return time.Unix(int64(n), 0).Sub(now), true
	default:
		return time.Duration(n * float64(time.Second)), true
	}
}

// serverNow is the server's clock, so that ours need not agree with it. Its header Date is
// cut to the second, which makes waits longer by up to one and never shorter.
func serverNow(h http.Header, now time.Time) time.Time {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at
	}
	return now
}
