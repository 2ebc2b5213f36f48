package transport

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// seeds of the laws below: each has its own latency, and delays of single requests.
const seeds = 8

// forSeeds lets 8 workers send for d to a peer with an allowance, once for each seed, and
// hands over what the peer saw. No call may fail.
func forSeeds(t *testing.T, d time.Duration, peer func(*peerServer), check func(*testing.T, *peerServer)) {
	t.Helper()
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				s := &peerServer{latency: 20*time.Millisecond + time.Duration(rnd.IntN(5000))*time.Microsecond}
				peer(s)
				if lost := drive(t, Options{Concurrency: 8}, jittery{s, rnd}, 8, d); lost != 0 {
					t.Errorf("%d calls failed", lost)
				}
				check(t, s)
			})
		})
	}
}

// share is the part of a limit that was used from a time on.
func (s *peerServer) share(from, to time.Duration, limit float64) float64 {
	return float64(between(s.ok, from, to)) / (to - from).Seconds() / limit
}

// TestNoRefusalAfterASecond: whatever the allowance, a peer that takes 100 requests per
// second refuses none later than a second after it refused the first, and 95 % are used.
func TestNoRefusalAfterASecond(t *testing.T) {
	const run = 20 * time.Second
	for _, burst := range []float64{3, 5, 10, 20, 50, 100} {
		t.Run(fmt.Sprintf("burst %g", burst), func(t *testing.T) {
			bucket := func(s *peerServer) { s.allowance = &tokens{rate: 100, burst: burst} }
			forSeeds(t, run, bucket, func(t *testing.T, s *peerServer) {
				if n := between(s.refused, s.refused[0]+time.Second, run); n != 0 {
					t.Errorf("%d refusals later than a second after the first, the last at %s", n, s.refused[len(s.refused)-1])
				}
				if got := s.share(time.Second, run, 100); got < 0.95 {
					t.Errorf("%.1f %% of the limit", 100*got)
				}
			})
		})
	}
}

// TestHalvedLimit: a limit that becomes half of it is met again within 1.5 s, without a
// refusal from then on.
func TestHalvedLimit(t *testing.T) {
	const half, run = 10 * time.Second, 25 * time.Second
	for _, burst := range []float64{5, 10, 50, 100} {
		t.Run(fmt.Sprintf("burst %g", burst), func(t *testing.T) {
			bucket := func(s *peerServer) {
				s.allowance = &tokens{rate: 100, burst: burst, changeAt: half, changed: 50}
			}
			forSeeds(t, run, bucket, func(t *testing.T, s *peerServer) {
				// A full allowance hides the change for a while.
				met := half
				for met < run && between(s.refused, half, met) == 0 {
					met += time.Millisecond
				}
				if n := between(s.refused, met+1500*time.Millisecond, run); n != 0 {
					t.Errorf("%d refusals later than 1.5 s after the lower limit was met, the last at %s", n, s.refused[len(s.refused)-1])
				}
				if got := s.share(half, run, 50); got < 0.90 {
					t.Errorf("%.1f %% of the lower limit", 100*got)
				}
			})
		})
	}
}

// TestToldPauses: a peer that tells a pause of a second with each refusal is refused by a
// few times only, and most of its limit is used although nothing is sent meanwhile.
func TestToldPauses(t *testing.T) {
	const settled, run = 5 * time.Second, 25 * time.Second
	for _, c := range []struct {
		burst, share float64
	}{{5, 0.90}, {10, 0.90}, {20, 0.90}, {50, 0.85}, {100, 0.95}} {
		t.Run(fmt.Sprintf("burst %g", c.burst), func(t *testing.T) {
			bucket := func(s *peerServer) {
				s.allowance, s.refusal = &tokens{rate: 100, burst: c.burst}, toldSecond
			}
			forSeeds(t, run, bucket, func(t *testing.T, s *peerServer) {
				if n := between(s.refused, time.Second, run); n > 3 {
					t.Errorf("%d refusals after the first second", n)
				}
				if got := s.share(settled, run, 100); got < c.share {
					t.Errorf("%.1f %% of the limit, want %.0f %%", 100*got, 100*c.share)
				}
			})
		})
	}
}

// TestWindows: limits that count by windows, at any point of which the client begins, are
// found within some windows.
func TestWindows(t *testing.T) {
	const settled, run = 5 * time.Second, 25 * time.Second
	for _, c := range []struct {
		name  string
		make  func(phase time.Duration) allowance
		share float64
	}{
		{"100 per second", func(phase time.Duration) allowance {
			return &window{n: 100, span: time.Second, start: time.Now().Add(-phase)}
		}, 0.70},
		{"10 per 100 ms", func(phase time.Duration) allowance {
			return &window{n: 10, span: 100 * time.Millisecond, start: time.Now().Add(-phase)}
		}, 0.85},
		{"100 within any second", func(time.Duration) allowance { return &sliding{n: 100, span: time.Second} }, 0.85},
	} {
		t.Run(c.name, func(t *testing.T) {
			phase := time.Duration(0)
			counted := func(s *peerServer) {
				phase += 130 * time.Millisecond
				s.allowance = c.make(phase)
			}
			forSeeds(t, run, counted, func(t *testing.T, s *peerServer) {
				if got := s.share(settled, run, 100); got < c.share {
					t.Errorf("%.1f %% of the limit, want %.0f %%", 100*got, 100*c.share)
				}
				if n := between(s.refused, run-10*time.Second, run); n > 10 {
					t.Errorf("%d refusals in the last 10 s", n)
				}
			})
		})
	}
}

// TestAHeldRateBeginsWithAllowance: after a measurement, which leaves the peer's allowance
// empty, it holds as much as a late timer lets leave at once before the next request does.
func TestAHeldRateBeginsWithAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := &tokens{rate: 100, burst: 10}
		l := NewLimiter(Limits{})
		s := &peerServer{latency: 20 * time.Millisecond, allowance: peer}
		learned := make(chan float64, 1)
		go func() {
			for held := false; !held; time.Sleep(time.Millisecond) {
				l.mu.Lock()
				held = l.pace.growth.base > 0
				l.mu.Unlock()
			}
			s.mu.Lock()
			taken := len(s.ok)
			s.mu.Unlock()
			var have float64
			for next := taken; next == taken; time.Sleep(100 * time.Microsecond) {
				s.mu.Lock()
				next, have = len(s.ok), peer.have
				s.mu.Unlock()
			}
			learned <- have
		}()
		drive(t, Options{Limiter: l}, s, 8, 3*time.Second)
		if have, most := <-learned, float64(l.burst(100)); have < most {
			t.Errorf("an allowance of %.1f when the held rate begins, less than the %g that may leave at once", have, most)
		}
	})
}
