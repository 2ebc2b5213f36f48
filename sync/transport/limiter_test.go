package transport

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// told returns a Retry-After header of a second.
func toldSecond(time.Time) http.Header { return secondsOne }

// TestPace drives 8 workers for 20 s of simulated time against peers with a latency of
// 20 ms. Bounds are counted from the second second on.
func TestPace(t *testing.T) {
	const run = 20 * time.Second
	bucket := func(rate, burst float64) func(*peerServer) {
		return func(s *peerServer) { s.allowance = &tokens{rate: rate, burst: burst} }
	}
	halving := func(burst float64) func(*peerServer) {
		return func(s *peerServer) {
			s.allowance = &tokens{rate: 100, burst: burst, changeAt: run / 2, changed: 50}
		}
	}
	windows := func(n int, span time.Duration) func(*peerServer) {
		return func(s *peerServer) { s.allowance = &window{n: n, span: span} }
	}
	for _, c := range []struct {
		name    string
		peer    func(*peerServer)
		limit   float64 // accepted per second that the peer allows, on average
		share   float64 // of it that must be used
		refused int     // most refusals
	}{
		{"no limit", func(*peerServer) {}, 400, 0.99, 0},
		{"100/s, burst 2", bucket(100, 2), 100, 0.95, 0},
		{"100/s, burst 10", bucket(100, 10), 100, 0.95, 0},
		{"100/s, burst 50", bucket(100, 50), 100, 0.95, 0},
		{"100/s, burst 1", bucket(100, 1), 100, 0.50, 150},   // no two requests within 10 ms
		{"100/s, burst 100", bucket(100, 100), 100, 0.95, 5}, // the allowance lasts for half of the first second
		{"100/s, then 50/s, burst 5", halving(5), 75, 0.90, 80},
		{"100/s, then 50/s, burst 100", halving(100), 75, 0.90, 80},
		{"30/s, burst 30", bucket(30, 30), 30, 0.90, 50},
		{"5/s, burst 5", bucket(5, 5), 5, 0.85, 40},
		{"100 in each second", windows(100, time.Second), 100, 0.70, 100},
		{"50 in 5 s", windows(50, 5*time.Second), 10, 0.40, 100},
		{"100/s, burst 100, told", func(s *peerServer) { bucket(100, 100)(s); s.refusal = toldSecond }, 100, 0.95, 3},
		{"100/s, burst 50, told", func(s *peerServer) { bucket(100, 50)(s); s.refusal = toldSecond }, 100, 0.75, 3},
		{"100/s, burst 10, told", func(s *peerServer) { bucket(100, 10)(s); s.refusal = toldSecond }, 100, 0.85, 3},
		{"100/s, burst 1, told", func(s *peerServer) { bucket(100, 1)(s); s.refusal = toldSecond }, 100, 0.40, 6},
		{"3 at once", func(s *peerServer) { s.allowance = &crowd{n: 3, server: s} }, 150, 0.95, 2},
		{"quota told with every answer", func(s *peerServer) {
			w := &window{n: 50, span: 5 * time.Second}
			s.allowance = w
			s.headers = func(now time.Time) http.Header {
				left, rest := strconv.Itoa(w.n-w.used), int(w.rest(now).Seconds()+0.999)
				return http.Header{"X-Ratelimit-Remaining": {left}, "X-Ratelimit-Reset": {strconv.Itoa(rest)}}
			}
		}, 7.9, 0.85, 0}, // the first of four windows is spent in the first second
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &peerServer{latency: 20 * time.Millisecond}
				c.peer(s)
				lost := drive(t, Options{Concurrency: 8}, s, 8, run)
				if lost != 0 {
					t.Errorf("%d calls failed", lost)
				}
				perSecond := float64(between(s.ok, time.Second, run)) / (run - time.Second).Seconds()
				if perSecond < c.share*c.limit {
					t.Errorf("%.1f requests/s of %.0f, want %.0f %%", perSecond, c.limit, 100*c.share)
				}
				if n := between(s.refused, time.Second, run); n > c.refused {
					t.Errorf("%d refusals after the first second, want at most %d", n, c.refused)
				}
				if s.peak > 8 {
					t.Errorf("%d requests in flight above a ceiling of 8", s.peak)
				}
			})
		})
	}
}

func TestTheLowerLimitIsUsedWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const half, end = 10 * time.Second, 20 * time.Second
		s := &peerServer{latency: 20 * time.Millisecond, allowance: &tokens{rate: 100, burst: 20, changeAt: half, changed: 50}}
		if lost := drive(t, Options{}, s, 8, end); lost != 0 {
			t.Errorf("%d calls failed", lost)
		}
		for from := half; from < end; from += time.Second {
			least := 45
			if from < half+2*time.Second {
				least = 40 // being measured, and resting after it
			}
			if n := between(s.ok, from, from+time.Second); n < least {
				t.Errorf("second %s: %d of 50", from, n)
			}
		}
		if n := between(s.refused, half+3*time.Second, end); n != 0 {
			t.Errorf("%d refusals long after the change", n)
		}
	})
}

func TestARaisedLimitIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &peerServer{latency: 20 * time.Millisecond, allowance: &tokens{rate: 50, burst: 20, changeAt: 10 * time.Second, changed: 200}}
		drive(t, Options{}, s, 8, 3*time.Minute)
		if n := between(s.ok, 170*time.Second, 180*time.Second); n < 1600 {
			t.Errorf("%d requests in 10 s of 2,000, long after the limit was raised", n)
		}
	})
}

func TestIdleTimeIsNoPartOfAnEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{})
		s := &peerServer{latency: 20 * time.Millisecond, allowance: &tokens{rate: 100, burst: 100}, refusal: toldSecond}
		drive(t, Options{Limiter: l}, s, 1, time.Second) // below the limit
		time.Sleep(time.Hour)
		from := time.Since(s.start)
		drive(t, Options{Limiter: l}, s, 8, 5*time.Second)
		if len(s.refused) == 0 {
			t.Fatal("the limit was not met")
		}
		if n := between(s.ok, from, from+5*time.Second); n < 450 {
			t.Errorf("%d requests in 5 s of 500: the idle hour was counted", n)
		}
	})
}

func TestConfiguredRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &peerServer{latency: 20 * time.Millisecond}
		drive(t, Options{RateLimit: 25, Burst: 3}, s, 8, 20*time.Second)
		if n := len(s.ok); n < 495 || n > 515 {
			t.Errorf("%d requests in 20 s at 25/s", n)
		}
		for _, from := range s.ok {
			if n := between(s.ok, from, from+time.Second); n > 25+3 {
				t.Fatalf("%d requests in one second from %s", n, from)
			}
		}
	})
}

func TestNothingLeavesBeforeTheToldTime(t *testing.T) {
	for name, header := range map[string]func(time.Time) http.Header{
		"seconds":       func(time.Time) http.Header { return http.Header{"Retry-After": {"90"}} },
		"X-Retry-After": func(time.Time) http.Header { return http.Header{"X-Retry-After": {"90"}} },
		"date": func(now time.Time) http.Header {
			return http.Header{"Retry-After": {now.Add(90 * time.Second).UTC().Format(http.TimeFormat)}}
		},
		"epoch": func(now time.Time) http.Header {
			return http.Header{"X-Rate-Limit-Reset": {strconv.FormatInt(now.Add(90*time.Second).Unix(), 10)}}
		},
		"RateLimit": func(time.Time) http.Header { return http.Header{"Ratelimit": {`"default";r=0;t=90`}} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Two jobs, each with its client, share the limiter of their sink.
				shared := NewLimiter(Limits{Concurrency: 8})
				s := &peerServer{latency: 20 * time.Millisecond, allowance: &tokens{rate: 1, burst: 40}, refusal: header}
				var wg sync.WaitGroup
				for range 2 {
					wg.Go(func() {
						if lost := drive(t, Options{Limiter: shared}, s, 6, 5*time.Second); lost != 0 {
							t.Errorf("%d calls failed", lost)
						}
					})
				}
				wg.Wait()
				if len(s.refused) == 0 {
					t.Fatal("the peer never refused")
				}
				// What was in flight when the first refusal came back is excused, and
				// points in time are told without fractions of a second.
				from, to := s.refused[0]+5*time.Millisecond, (s.refused[0] + 90*time.Second).Truncate(time.Second)
				early := between(s.ok, from, to) + between(s.refused, from, to)
				if early != 0 {
					t.Errorf("%d requests left before the told time", early)
				}
			})
		})
	}
}

func TestLongPauseFailsFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{{503, http.Header{"Retry-After": {"3600"}}}, {status: 200}}}
		c := scripted(s, Options{})
		if status, err := send(t, c, "POST", "https://wiki.example/Users"); err != nil || status != 503 {
			t.Errorf("%d, %v; want the 503 itself with its headers", status, err)
		}
		time.Sleep(time.Minute)
		_, err := send(t, c, "POST", "https://wiki.example/Users")
		told, ok := errors.AsType[*ThrottledError](err)
		if !ok || !told.NotSent() || told.RetryAfter() != 59*time.Minute || len(s.bodies) != 1 {
			t.Errorf("%v after %d requests; want a throttle for 59m and nothing sent", err, len(s.bodies))
		}
		time.Sleep(59 * time.Minute)
		if status, err := send(t, c, "POST", "https://wiki.example/Users"); err != nil || status != 200 {
			t.Errorf("after the pause: %d, %v", status, err)
		}
	})
}

func TestConcurrencyCeilingAndOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{Concurrency: 1})
		first, err := l.acquire(t.Context(), time.Minute)
		if err != nil || first.number != 1 {
			t.Fatal(first, err)
		}
		var order []int
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				if _, err := l.acquire(t.Context(), time.Minute); err != nil {
					t.Error(err)
				}
				order = append(order, i) // one at a time: the ceiling is 1
				l.release()
			})
			synctest.Wait()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.acquire(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a canceled wait: %v", err)
		}
		if len(order) != 0 {
			t.Errorf("%v went past the ceiling", order)
		}
		l.release()
		wg.Wait()
		for i, got := range order {
			if i != got {
				t.Errorf("order %v", order)
				break
			}
		}
	})
}

func TestWaitForTurnSaysNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{Concurrency: 1})
		if _, err := l.acquire(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := &script{answers: []answer{{status: 200}}}
		req, _ := http.NewRequestWithContext(ctx, "POST", "https://wiki.example/Users", nil)
		_, err := scripted(s, Options{Limiter: l}).Do(req) //nolint:bodyclose // there is none
		if !errors.Is(err, context.DeadlineExceeded) || !asNotSent(err) || len(s.bodies) != 0 {
			t.Errorf("%v, %d sent; want a deadline and nothing sent", err, len(s.bodies))
		}
	})
}

func TestOverloadHalvesConcurrency(t *testing.T) {
	c := newConcurrency(8)
	now := time.Now()
	for range 20 {
		c.accepted(now)
	}
	if c.limit != 8 {
		t.Fatalf("limit %d after 20 accepted requests, want the ceiling", c.limit)
	}
	sent := now
	now = now.Add(time.Second)
	c.throttled(sent, now, 1)
	c.throttled(sent, now, 1) // left before the cut: nothing new
	if c.limit != 4 {
		t.Fatalf("limit %d after one overload, want half", c.limit)
	}
	for range 100 {
		c.accepted(now)
	}
	if c.limit != 7 {
		t.Errorf("limit %d, want one below what was refused", c.limit)
	}
	now = now.Add(softHold)
	for range 20 {
		c.accepted(now)
	}
	if c.limit != 8 {
		t.Errorf("limit %d, want the ceiling tried again after a while", c.limit)
	}
}
