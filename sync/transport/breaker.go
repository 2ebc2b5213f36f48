package transport

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	// breakerFailures in a row without a connection open the breaker.
	breakerFailures = 5
	// breakerRest is how long it stays open before one request may try again.
	breakerRest = 15 * time.Second
)

// breaker makes a dead peer cheap: after some attempts in a row that got no connection,
// requests fail at once. Answers of any status, and connections that broke later, show a
// living peer: one object that makes a server drop its connection stops no other.
type breaker struct {
	circuit *gobreaker.CircuitBreaker[*http.Response]
	peer    Peer
	name    string
	last    atomic.Pointer[error]
}

// errNoConnection marks, inside this file, what counts as a failure.
type errNoConnection struct{ error }

func (e errNoConnection) Unwrap() error { return e.error }

func newBreaker(peer Peer, name string) *breaker {
	return &breaker{peer: peer, name: name, circuit: gobreaker.NewCircuitBreaker[*http.Response](gobreaker.Settings{ //nolint:bodyclose // opens none
		Name:        name,
		Timeout:     breakerRest,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerFailures },
		IsExcluded:  canceled, // says nothing about the peer
		IsSuccessful: func(err error) bool {
			_, dead := errors.AsType[errNoConnection](err)
			return !dead
		},
	})}
}

// openError is the error to return while the breaker is open, and nil otherwise.
func (b *breaker) openError() error {
	if b.circuit.State() != gobreaker.StateOpen {
		return nil
	}
	return b.unreachable()
}

func (b *breaker) unreachable() error {
	e := &UnreachableError{Peer: b.peer, Name: b.name}
	if last := b.last.Load(); last != nil {
		e.Last = *last
	}
	return e
}

// do runs one attempt. It returns *UnreachableError without running it when the breaker
// is open, or half open and trying with another request.
func (b *breaker) do(p *progress, run func() (*http.Response, error)) (*http.Response, error) {
	resp, err := b.circuit.Execute(func() (*http.Response, error) {
		resp, err := run()
		if err != nil && !p.connected.Load() && !canceled(err) {
			dead := err // err itself would be kept on the heap, also without an error
			b.last.Store(&dead)
			return nil, errNoConnection{err}
		}
		return resp, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, b.unreachable()
	}
	if dead, ok := errors.AsType[errNoConnection](err); ok {
		err = dead.error
	}
	return resp, err
}
