package transport

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"
)

// peerServer is a server in memory for simulated time: it answers after a latency, and
// refuses at once what its allowance does not cover.
type peerServer struct {
	latency   time.Duration
	allowance allowance
	refusal   func(now time.Time) http.Header // headers of a 429
	headers   func(now time.Time) http.Header // headers of a 200

	mu       sync.Mutex
	start    time.Time
	ok       []time.Duration // when requests were accepted, since the first
	refused  []time.Duration
	inFlight int
	peak     int
}

// allowance takes a request that arrives at now, or refuses it.
type allowance interface {
	take(now time.Time) bool
}

func (s *peerServer) RoundTrip(req *http.Request) (*http.Response, error) {
	onTheWire(req)
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	now := time.Now()
	s.mu.Lock()
	if s.start.IsZero() {
		s.start = now
	}
	s.inFlight++
	s.peak = max(s.peak, s.inFlight)
	taken := s.allowance == nil || s.allowance.take(now)
	status, header := http.StatusOK, http.Header{}
	switch {
	case taken:
		s.ok = append(s.ok, now.Sub(s.start))
		if s.headers != nil {
			header = s.headers(now)
		}
	default:
		s.refused = append(s.refused, now.Sub(s.start))
		status = http.StatusTooManyRequests
		if s.refusal != nil {
			header = s.refusal(now)
		}
	}
	s.mu.Unlock()
	if taken {
		time.Sleep(s.latency)
	} else {
		time.Sleep(time.Millisecond)
	}
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
	return &http.Response{
		StatusCode: status, Header: header, Request: req, Proto: "HTTP/1.1",
		Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2,
	}, nil
}

// onTheWire tells the client's trace that a connection was there and took the request.
func onTheWire(req *http.Request) {
	tr := httptrace.ContextClientTrace(req.Context())
	tr.GetConn("peer:443")
	tr.GotConn(httptrace.GotConnInfo{})
	tr.WroteHeaders()
}

// jittery delays requests on their way to a peer, by 0.5 ms on average and 5 ms at most.
type jittery struct {
	*peerServer
	rnd *rand.Rand
}

func (j jittery) RoundTrip(req *http.Request) (*http.Response, error) {
	j.mu.Lock()
	late := min(j.rnd.ExpFloat64()/2, 5)
	j.mu.Unlock()
	time.Sleep(time.Duration(late * float64(time.Millisecond)))
	return j.peerServer.RoundTrip(req)
}

// between counts times in [from, to).
func between(times []time.Duration, from, to time.Duration) int {
	n := 0
	for _, t := range times {
		if t >= from && t < to {
			n++
		}
	}
	return n
}

// tokens is a token bucket; its rate may change once.
type tokens struct {
	rate, burst float64
	changeAt    time.Duration // 0: never
	changed     float64

	start, last time.Time
	have        float64
}

func (b *tokens) take(now time.Time) bool {
	if b.start.IsZero() {
		b.start, b.last, b.have = now, now, b.burst
	}
	r := b.rate
	if b.changeAt > 0 && now.Sub(b.start) >= b.changeAt {
		r = b.changed
	}
	b.have = min(b.burst, b.have+now.Sub(b.last).Seconds()*r)
	b.last = now
	if b.have < 1 {
		return false
	}
	b.have--
	return true
}

// window takes n requests in each span of time.
type window struct {
	n    int
	span time.Duration

	start time.Time
	index int64
	used  int
}

func (w *window) take(now time.Time) bool {
	if w.start.IsZero() {
		w.start = now
	}
	if i := int64(now.Sub(w.start) / w.span); i != w.index {
		w.index, w.used = i, 0
	}
	if w.used >= w.n {
		return false
	}
	w.used++
	return true
}

// sliding takes n requests within any span of time.
type sliding struct {
	n    int
	span time.Duration

	taken []time.Time
}

func (s *sliding) take(now time.Time) bool {
	for len(s.taken) > 0 && now.Sub(s.taken[0]) >= s.span {
		s.taken = s.taken[1:]
	}
	if len(s.taken) >= s.n {
		return false
	}
	s.taken = append(s.taken, now)
	return true
}

func (w *window) rest(now time.Time) time.Duration {
	return w.span - now.Sub(w.start)%w.span
}

// crowd takes a request while fewer than n are in flight.
type crowd struct {
	n      int
	server *peerServer
}

func (c *crowd) take(time.Time) bool { return c.server.inFlight <= c.n }

// drive sends requests with so many workers for d and returns how many calls failed.
func drive(t *testing.T, o Options, s http.RoundTripper, workers int, d time.Duration) (lost int) {
	t.Helper()
	client := &http.Client{Transport: newRoundTripper(o.withDefaults(), s)}
	var wg sync.WaitGroup
	var mu sync.Mutex
	end := time.Now().Add(d)
	for range workers {
		wg.Go(func() {
			for time.Now().Before(end) {
				if err := post(t, client); err != nil {
					mu.Lock()
					lost++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return lost
}

func post(t *testing.T, client *http.Client) error {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://peer.example/scim/v2/Users", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
