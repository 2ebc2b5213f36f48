package apply

import (
	"net/http"
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
)

// A worker stops when this many objects in a row failed for a reason that concerns all.
const (
	unreachableInARow = 5
	deniedInARow      = 5
	throttledInARow   = 5
)

// stopper notices what concerns every object.
type stopper struct {
	mu          sync.Mutex
	cause       error
	unreachable int
	denied      int
	throttled   int
	succeeded   int
	firstDenied error
	unanswered  error // the last one, while nothing has gone through since
}

// Stopped returns why the worker stopped, or nil.
func (w *Worker) Stopped() error {
	w.stop.mu.Lock()
	defer w.stop.mu.Unlock()
	return w.stop.cause
}

// Denied returns the first refusal for lack of rights if no change went through at all:
// one protected account is that account's matter, a token without rights is everybody's.
func (w *Worker) Denied() error {
	w.stop.mu.Lock()
	defer w.stop.mu.Unlock()
	if w.stop.succeeded > 0 {
		return nil
	}
	return w.stop.firstDenied
}

// Unanswered returns the error of the last request if the app could not be reached and
// nothing went through since: a cycle with a single change must notice a dead app, too.
func (w *Worker) Unanswered() error {
	w.stop.mu.Lock()
	defer w.stop.mu.Unlock()
	return w.stop.unanswered
}

// Stop makes the worker leave untried what it is still given.
func (w *Worker) Stop(cause error) {
	w.stop.mu.Lock()
	defer w.stop.mu.Unlock()
	if w.stop.cause == nil {
		w.stop.cause = cause
	}
}

// note learns from an answer of the app. It returns true when the object is not to blame.
func (w *Worker) note(err error) bool {
	s := &w.stop
	s.mu.Lock()
	defer s.mu.Unlock()
	switch class := sinks.ClassOf(err); {
	case err == nil:
		s.succeeded++
		s.unreachable, s.denied, s.throttled, s.unanswered = 0, 0, 0, nil
	case class == sinks.Denied:
		return s.deny(err)
	case class == sinks.Unreachable:
		s.unreachable++
		s.unanswered = err
		if s.unreachable >= unreachableInARow && s.cause == nil {
			s.cause = err
		}
		return true
	case class == sinks.Throttled:
		return s.throttle(err)
	case class == sinks.ReadOnly:
		s.cause = err
		return true
	default:
		s.unreachable, s.denied, s.throttled, s.unanswered = 0, 0, 0, nil
	}
	return false
}

// throttle stops when the app has no room for anybody: each of these waited as long as
// the transport would wait. A single one is that object's matter, as is 412, with which
// some apps answer when they trip over their own concurrency.
func (s *stopper) throttle(err error) bool {
	if statusOf(err) == http.StatusPreconditionFailed {
		return false
	}
	if s.throttled++; s.throttled < throttledInARow {
		return false
	}
	if s.cause == nil {
		s.cause = err
	}
	return true
}

// deny stops at once on 401, which is about the token, and on a row of 403.
func (s *stopper) deny(err error) bool {
	if s.firstDenied == nil {
		s.firstDenied = err
	}
	s.denied++
	if statusOf(err) == http.StatusUnauthorized || s.denied >= deniedInARow {
		if s.cause == nil {
			s.cause = err
		}
		return true
	}
	return false
}
