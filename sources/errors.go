package sources

import (
	"errors"
	"fmt"
	"time"
)

// Class says what kind of trouble a source had; it decides what the caller does. The
// adapter that saw the answer classifies it; everyone else asks ClassOf.
type Class int

// The classes of errors.
const (
	// Unreachable: no answer at all (DNS, connection, TLS, time-out).
	Unreachable Class = iota + 1
	// Transient: an answer that a later try may better (5xx).
	Transient
	// Throttled: refused for now; Error.RetryAfter says how long if the source did.
	Throttled
	// Denied: credentials or rights are missing (401, 403).
	Denied
	// Missing: the object asked for does not exist.
	Missing
	// Ambiguous: a reference matches more than one object.
	Ambiguous
	// Rejected: the source says the request is wrong (400).
	Rejected
	// Incomplete: an answer that can't be trusted to be whole (cut off, not JSON,
	// a page without its links, an empty list where there were people).
	Incomplete
	// Expired: the cursor is too old; only a full round helps.
	Expired
)

var classNames = [...]string{"unknown", "unreachable", "transient", "throttled", "denied", "missing", "ambiguous", "rejected", "incomplete", "expired"}

// String returns the class's word.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return classNames[0]
	}
	return classNames[c]
}

// Error is a source's failure in words for an administrator.
type Error struct {
	Class      Class
	Op         string        // what was asked, e.g. "GET /users/delta"
	Status     int           // HTTP status, 0 when there was no answer
	Code       string        // the provider's own code, e.g. "syncStateNotFound", "E0000011"
	Message    string        // the provider's own words
	Hint       string        // what the administrator can do
	RetryAfter time.Duration // with Throttled, when told
	Err        error         // the cause, if there is one
}

// Error returns "op: status code: message: cause".
func (e *Error) Error() string {
	s := e.Op
	if e.Status != 0 {
		s += fmt.Sprintf(": HTTP %d", e.Status)
	}
	if e.Code != "" {
		s += " " + e.Code
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the first Error in err's chain, or 0.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return 0
}

// HintOf returns the advice of the first Error in err's chain, or "".
func HintOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Hint
	}
	return ""
}

// NoAnswer is the error of a request that got no answer: Throttled when the client did not
// send it because the source had told to stay away for longer than is worth waiting, else
// Unreachable, with the hint. A client says so by an error with the method
// RetryAfter() time.Duration.
func NoAnswer(op, hint string, err error) *Error {
	told, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err)
	if !ok || told.RetryAfter() <= 0 {
		return &Error{Class: Unreachable, Op: op, Hint: hint, Err: err}
	}
	return &Error{
		Class: Throttled, Op: op, RetryAfter: told.RetryAfter(), Err: err,
		Hint: "the source wants no requests for that long; it is asked again after that",
	}
}
