package transport

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// unreachable is a peer to which no connection is made until up.
type unreachable struct {
	up    bool
	tries int
}

func (u *unreachable) RoundTrip(req *http.Request) (*http.Response, error) {
	u.tries++
	closeBody(req)
	if !u.up {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	onTheWire(req)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := &unreachable{}
		n := &Counter{}
		c := scripted(peer, Options{Counter: n})
		const url = "https://wiki.example/Users/alice"

		for range 100 {
			_, err := send(t, c, "POST", url)
			if err == nil || !asNotSent(err) {
				t.Fatalf("error %v, want one that says not sent", err)
			}
		}
		if peer.tries != breakerFailures || n.Requests() != 0 {
			t.Errorf("100 calls to a dead peer cost %d dials, %d counted; want %d, 0", peer.tries, n.Requests(), breakerFailures)
		}
		_, err := send(t, c, "POST", url)
		own, ok := errors.AsType[*UnreachableError](err)
		if !ok || !strings.Contains(own.Error(), "sink wiki is unreachable, last error: dial tcp: connection refused") {
			t.Errorf("error %v does not say what is wrong", err)
		}

		time.Sleep(breakerRest + time.Second)
		if _, err := send(t, c, "POST", url); err == nil || peer.tries != breakerFailures+1 {
			t.Errorf("%v, %d dials; want one probe that fails", err, peer.tries)
		}
		peer.up = true
		if _, err := send(t, c, "POST", url); err == nil {
			t.Error("open again after a failed probe, and yet a request went through")
		}
		time.Sleep(breakerRest + time.Second)
		for range 10 {
			if _, err := send(t, c, "POST", url); err != nil {
				t.Errorf("after the peer came back: %v", err)
			}
		}
	})
}

func TestDroppedConnectionsDoNotOpenTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{{}}}
		c := scripted(s, Options{})
		for range 5 * breakerFailures {
			_, err := send(t, c, "POST", "https://wiki.example/Users")
			if _, open := errors.AsType[*UnreachableError](err); open {
				t.Fatal("objects that make a server drop its connection stopped all others")
			}
		}
	})
}

// TestBreakerIsShared: what the client of one job found out about a dead peer, that of
// another job of the same sink knows.
func TestBreakerIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, l := &unreachable{}, NewLimiter(Limits{})
		one, other := scripted(peer, Options{Limiter: l}), scripted(peer, Options{Limiter: l})
		for range 3 {
			_, _ = send(t, one, "POST", "https://wiki.example/Users") // fails
		}
		dials := peer.tries
		_, err := send(t, other, "POST", "https://wiki.example/Users")
		if _, ok := errors.AsType[*UnreachableError](err); !ok || peer.tries != dials {
			t.Errorf("%v, %d more dials; want to know without one that the peer is dead", err, peer.tries-dials)
		}
	})
}
