package oktatest

import (
	"net/http"
	"strconv"
	"time"
)

// plenty is a bucket's size unless SetLimit says otherwise, so that nobody waits who
// does not test waiting.
const plenty = 1_000_000

// bucket counts the requests of one endpoint in one minute.
type bucket struct {
	window time.Time
	spent  int
}

// SetLimit sets how many requests a minute an endpoint takes ("/api/v1/groups/{id}/users").
func (o *Org) SetLimit(endpoint string, perMinute int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limits[endpoint] = perMinute
}

// spend counts a request and writes the rate-limit headers; false: the bucket is empty.
// https://developer.okta.com/docs/reference/rl-best-practices/
func (o *Org) spend(w http.ResponseWriter, endpoint string) bool {
	b := o.buckets[endpoint]
	if b == nil {
		b = &bucket{}
		o.buckets[endpoint] = b
	}
	now := o.now()
	if window := now.Truncate(time.Minute); !b.window.Equal(window) {
		*b = bucket{window: window}
	}
	limit, set := o.limits[endpoint]
	if !set {
		limit = plenty
	}
	b.spent++
	h := w.Header()
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(max(limit-b.spent, 0)))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(b.window.Add(time.Minute).Unix(), 10))
	return b.spent <= limit
}
