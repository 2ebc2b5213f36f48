package okta_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/idpbridge/idpbridge/sources/okta"
)

// quota is a server's rate limit in the bubble's time: limit requests a minute, of which
// others take their part at the beginning of each.
type quota struct {
	mu       sync.Mutex
	limit    int
	others   int
	headers  bool
	refused  int
	ours     map[int64]int // by minute
	peak     int
	underWay int
	took     time.Duration // how long an answer takes
}

func (q *quota) RoundTrip(req *http.Request) (*http.Response, error) {
	q.mu.Lock()
	q.underWay++
	q.peak = max(q.peak, q.underWay)
	q.mu.Unlock()
	time.Sleep(q.took)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.underWay--
	now := time.Now()
	window := now.Unix() / 60
	q.ours[window]++
	left := q.limit - q.others - q.ours[window]
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: req}
	resp.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	if q.headers {
		resp.Header.Set("X-Rate-Limit-Limit", strconv.Itoa(q.limit))
		resp.Header.Set("X-Rate-Limit-Remaining", strconv.Itoa(max(left, 0)))
		resp.Header.Set("X-Rate-Limit-Reset", strconv.FormatInt((window+1)*60, 10))
	}
	if left < 0 {
		q.refused++
		resp.StatusCode = http.StatusTooManyRequests
	}
	return resp, nil
}

// send sends a request through a limiter and returns the answer's status.
func send(ctx context.Context, l *okta.Limiter, method, path string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "https://acme.okta.com"+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := l.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// TestHalf sends 1,000 requests from 20 goroutines through a bucket of 100 a minute: never
// more than 50 in one minute, none refused, at most 8 at once.
func TestHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &quota{limit: 100, headers: true, ours: map[int64]int{}, took: 100 * time.Millisecond}
		l := okta.Limit(q, quiet())
		if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/users"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for range 50 {
					if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/users"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for window, n := range q.ours {
			if n > 50 {
				t.Errorf("%d requests in minute %d, at most 50 are ours", n, window)
			}
		}
		if q.refused > 0 || q.peak > 8 {
			t.Errorf("%d refused, %d at once", q.refused, q.peak)
		}
		if took := time.Since(start); took > 22*time.Minute {
			t.Errorf("took %v; 50 a minute would be 20m", took)
		}
		if l.Waited() == 0 {
			t.Error("Waited is 0")
		}
	})
}

// TestSmallBucket holds a bucket of which half is less than may be under way at once.
func TestSmallBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &quota{limit: 4, headers: true, ours: map[int64]int{}, took: 300 * time.Millisecond}
		l := okta.Limit(q, quiet())
		if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/users"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/users"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := slices.Max(slices.Collect(maps.Values(q.ours))); n > 2 {
			t.Errorf("%d requests in one minute, at most 2 are ours", n)
		}
	})
}

// TestOthers leaves the bucket alone while others use more than half, but for one request
// a minute.
func TestOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &quota{limit: 100, others: 60, headers: true, ours: map[int64]int{}}
		l := okta.Limit(q, quiet())
		for range 10 {
			if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/groups"); err != nil {
				t.Fatal(err)
			}
		}
		for window, n := range q.ours {
			if n > 1 {
				t.Errorf("%d requests in minute %d", n, window)
			}
		}
	})
}

// TestBuckets proves that a used-up bucket stops its own endpoint only, whatever the ids.
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, other := &quota{limit: 2, headers: true, ours: map[int64]int{}}, &quota{limit: 2, headers: true, ours: map[int64]int{}}
		l := okta.Limit(roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/api/v1/users" {
				return other.RoundTrip(r)
			}
			return q.RoundTrip(r)
		}), quiet())
		start := time.Now()
		if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/groups/00g1/users"); err != nil {
			t.Fatal(err)
		}
		if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/users"); err != nil || time.Since(start) > 0 {
			t.Errorf("another endpoint waited %v: %v", time.Since(start), err)
		}
		if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/groups/00g2/users"); err != nil || time.Since(start) < 10*time.Second {
			t.Errorf("the same endpoint waited only %v: %v", time.Since(start), err)
		}
		if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/groups/00g3/users"); err != nil {
			t.Error(err)
		}
		if n := slices.Max(slices.Collect(maps.Values(q.ours))); n > 1 {
			t.Errorf("%d requests in one minute: the endpoint's bucket was not seen as one", n)
		}
	})
}

// TestRefused sends a refused GET again after the reset, and nothing else.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		method  string
		headers bool
		others  int
		want    int
		least   time.Duration
	}{
		{"GET with headers", http.MethodGet, true, 100, http.StatusTooManyRequests, 2 * time.Minute},
		{"GET without headers", http.MethodGet, false, 100, http.StatusTooManyRequests, 70 * time.Second},
		{"POST", http.MethodPost, true, 100, http.StatusTooManyRequests, 0},
		{"GET that is let through", http.MethodGet, true, 0, http.StatusOK, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &quota{limit: 100, others: c.others, headers: c.headers, ours: map[int64]int{}}
				start := time.Now()
				status, err := send(t.Context(), okta.Limit(q, quiet()), c.method, "/api/v1/logs")
				if err != nil || status != c.want {
					t.Fatalf("%d, %v", status, err)
				}
				if took := time.Since(start); took < c.least || c.least == 0 && took > 0 {
					t.Errorf("took %v, want at least %v", took, c.least)
				}
			})
		})
	}
}

// TestRefusedOnce is a bucket that others have emptied for this minute only.
func TestRefusedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &quota{limit: 100, others: 100, headers: true, ours: map[int64]int{}}
		time.AfterFunc(30*time.Second, func() { q.mu.Lock(); q.others = 0; q.mu.Unlock() })
		status, err := send(t.Context(), okta.Limit(q, quiet()), http.MethodGet, "/api/v1/users")
		if err != nil || status != http.StatusOK || q.refused != 1 {
			t.Errorf("%d after %d refusals: %v", status, q.refused, err)
		}
	})
}

// TestWaitEnds proves that a wait ends with its request's context.
func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &quota{limit: 2, headers: true, ours: map[int64]int{}}
		l := okta.Limit(q, quiet())
		if _, err := send(t.Context(), l, http.MethodGet, "/api/v1/users"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := send(ctx, l, http.MethodGet, "/api/v1/users"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
	})
}
