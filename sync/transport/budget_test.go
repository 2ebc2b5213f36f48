package transport

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestBudgets: a published rate for some requests is kept by all clients of a peer
// together, what it doesn't cover leaves at once, and a wait beyond the caller's deadline
// is told before anything is sent.
func TestBudgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		isPatch := func(r *http.Request) bool { return r.Method == http.MethodPatch }
		limiter := NewLimiter(Limits{Budgets: []Budget{{Covers: isPatch, N: 2, Per: time.Second, Burst: 3}}})
		begin := time.Now()
		var left []time.Duration
		base := roundTripFunc(func(r *http.Request) (*http.Response, error) {
			left = append(left, time.Since(begin))
			return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		})
		clients := [2]http.RoundTripper{}
		for i := range clients {
			clients[i] = newRoundTripper(Options{Peer: Sink, Name: "wiki", Limiter: limiter}.withDefaults(), base)
		}
		send := func(ctx context.Context, i int, method string) error {
			req, err := http.NewRequestWithContext(ctx, method, "http://wiki.example/Users/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := clients[i%2].RoundTrip(req)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}
		for i := range 5 {
			for _, method := range []string{http.MethodGet, http.MethodPatch} {
				if err := send(t.Context(), i, method); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, want := range []time.Duration{0, 0, 0, 0, 0, 0, 0, 500, 500, 1000} {
			if want *= time.Millisecond; left[i] != want {
				t.Errorf("request %d left after %s, want %s", i, left[i], want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := send(ctx, 0, http.MethodPatch)
		if _, ok := errors.AsType[*UnsentError](err); !ok || len(left) != 10 {
			t.Errorf("error %v after %d requests, want an UnsentError and 10", err, len(left))
		}
	})
}
