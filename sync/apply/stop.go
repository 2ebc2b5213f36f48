package apply

import (
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
)

// A worker stops when this many objects in a row failed for a reason that concerns all.
const (
	unreachableInARow = 5
	deniedInARow      = 5
)

// stopper notices what concerns every object.
type stopper struct {
	mu          sync.Mutex
	cause       error
	unreachable int
	denied      int
	succeeded   int
	firstDenied error
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

// note learns from an answer of the app. It returns true when the object is not to blame.
func (w *Worker) note(err error) bool {
	s := &w.stop
	s.mu.Lock()
	defer s.mu.Unlock()
	switch class := sinks.ClassOf(err); {
	case err == nil:
		s.succeeded++
		s.unreachable, s.denied = 0, 0
	case class == sinks.Denied:
		return s.deny(err)
	case class == sinks.Unreachable:
		s.unreachable++
		if s.unreachable >= unreachableInARow && s.cause == nil {
			s.cause = err
		}
		return true
	case class == sinks.Throttled:
		return true
	case class == sinks.ReadOnly:
		s.cause = err
		return true
	default:
		s.unreachable, s.denied = 0, 0
	}
	return false
}

// deny stops at once on 401, which is about the token, and on a row of 403.
func (s *stopper) deny(err error) bool {
	if s.firstDenied == nil {
		s.firstDenied = err
	}
	s.denied++
	if statusOf(err) == 401 || s.denied >= deniedInARow {
		if s.cause == nil {
			s.cause = err
		}
		return true
	}
	return false
}
