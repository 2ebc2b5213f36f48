package scim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxWait bounds what an application may ask: a broken clock must not stop a job for years.
const maxWait = 24 * time.Hour

// retryAfter reads how long an answer asks to wait: Retry-After in seconds or as a date
// (RFC 9110 section 10.2.3), X-Retry-After, and the reset headers, which hold seconds
// from now or a time in Unix seconds or milliseconds. 0: it does not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date // the server's clock counts for the server's dates
	}
	for _, name := range []string{"Retry-After", "X-Retry-After"} {
		if d, ok := parseWait(h.Get(name), now); ok {
			return d
		}
	}
	for _, name := range []string{"X-RateLimit-Reset", "X-Rate-Limit-Reset", "RateLimit-Reset"} {
		if d, ok := parseWait(h.Get(name), now); ok {
			return d
		}
	}
	return 0
}

func parseWait(s string, now time.Time) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if t, err := http.ParseTime(s); err == nil {
		return bound(t.Sub(now)), true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f < 1e15) {
		return 0, false
	}
	switch {
	case f > 1e12:
		return bound(time.UnixMilli(int64(f)).Sub(now)), true
	case f > 1e9:
		return bound(time.Unix(int64(f), 0).Sub(now)), true
	case f > maxWait.Seconds():
		return maxWait, true
	default:
		return bound(time.Duration(f * float64(time.Second))), true
	}
}

func bound(d time.Duration) time.Duration { return max(0, min(d, maxWait)) }

// throttled reports whether a refusal only means "too fast". Besides 429, a 503 that
// says when to come back and a 403 with an exhausted rate limit mean it.
func throttled(p Profile, status int, h http.Header) bool {
	switch {
	case status == http.StatusTooManyRequests || slices.Contains(p.ThrottleStatus, status):
		return true
	case status == http.StatusServiceUnavailable:
		return h.Get("Retry-After") != "" || h.Get("X-Retry-After") != ""
	case status == http.StatusForbidden:
		for _, name := range []string{"X-RateLimit-Remaining", "X-Rate-Limit-Remaining", "RateLimit-Remaining"} {
			if strings.TrimSpace(h.Get(name)) == "0" {
				return true
			}
		}
		return h.Get("Retry-After") != ""
	default:
		return false
	}
}
