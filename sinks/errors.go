package sinks

import (
	"errors"
	"fmt"
	"time"
)

// Class says what kind of trouble an application had; it decides what the caller does.
// The adapter that saw the answer classifies it; everyone else asks ClassOf.
type Class int

// The classes of errors.
const (
	// Unreachable: the request certainly had no effect, since no connection was made.
	Unreachable Class = iota + 1
	// Unclear: the request was sent and its effect is not known (time-out, dropped
	// connection, 5xx, an answer without id). Look before sending again.
	Unclear
	// Throttled: refused for now, without effect.
	Throttled
	// Denied: credentials or rights are missing (401, 403).
	Denied
	// Missing: the object is gone, proven by a SCIM-shaped 404 to GET by id.
	Missing
	// Conflict: another object holds a unique value (409).
	Conflict
	// Rejected: the application refuses this object (400 and the like).
	Rejected
	// Incompatible: the application breaks the protocol in a way that concerns every
	// object (404 to a filter, HTML, SCIM 1.1, a list whose totals don't add up).
	Incompatible
	// ReadOnly: a write was refused on this side, because this is a dry run.
	ReadOnly
)

var classNames = [...]string{"unknown", "unreachable", "unclear", "throttled", "denied", "missing", "conflict", "rejected", "incompatible", "read_only"}

// String returns the class's word.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return classNames[0]
	}
	return classNames[c]
}

// Error is an application's failure in words for an administrator.
type Error struct {
	Class      Class
	Op         string        // what was asked, e.g. "POST /Users"
	Status     int           // HTTP status, 0 when there was no answer
	ScimType   string        // RFC 7644 table 9, e.g. "uniqueness"
	Message    string        // the application's own words
	Hint       string        // what the administrator can do
	RetryAfter time.Duration // with Throttled, when told
	Err        error         // the cause, if there is one
}

// Error returns "op: HTTP status scimType: message: cause".
func (e *Error) Error() string {
	s := e.Op
	if e.Status != 0 {
		s += fmt.Sprintf(": HTTP %d", e.Status)
	}
	if e.ScimType != "" {
		s += " " + e.ScimType
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
