package transport

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrReadOnly is returned for a write on a read-only client. Nothing was sent. It has the
// methods ReadOnly and NotSent, for those who can't import this package.
var ErrReadOnly error = readOnlyError{}

// ErrRedirect is returned for a redirect to another scheme, host or port. Nothing was sent
// there.
var ErrRedirect = errors.New("redirect to another host refused")

type readOnlyError struct{}

func (readOnlyError) Error() string  { return "write refused: the connection is read-only (dry run)" }
func (readOnlyError) ReadOnly() bool { return true }
func (readOnlyError) NotSent() bool  { return true }

// UnsentError says that the request certainly had no effect: no connection was made, its
// header was never completed, the context ended while it waited for its turn, or the last
// answer to it was a throttle.
type UnsentError struct{ Err error }

// Error returns the cause, marked as not sent.
func (e *UnsentError) Error() string { return "not sent: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UnsentError) Unwrap() error { return e.Err }

// NotSent is always true.
func (e *UnsentError) NotSent() bool { return true }

// UnreachableError is returned without sending anything while the breaker is open, which
// it is for a while after several attempts in a row got no connection.
type UnreachableError struct {
	Peer Peer
	Name string
	Last error // why the last connection failed
}

// Error names the peer and the last cause.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s %s is unreachable, last error: %v", e.Peer, e.Name, e.Last)
}

// Unwrap returns why the last connection failed.
func (e *UnreachableError) Unwrap() error { return e.Last }

// NotSent is always true.
func (e *UnreachableError) NotSent() bool { return true }

// ThrottledError is returned without sending anything while the peer's told pause is
// longer than a call may wait (Options.MaxWait).
type ThrottledError struct{ Wait time.Duration }

// Error says how long the peer wants no requests.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("throttled: no request wanted for %s", e.Wait.Round(time.Second))
}

// RetryAfter returns how long the peer wants no requests.
func (e *ThrottledError) RetryAfter() time.Duration { return e.Wait }

// NotSent is always true.
func (e *ThrottledError) NotSent() bool { return true }

// timeoutError says that an attempt took longer than Options.Timeout. It is a time-out to
// errors.Is(err, context.DeadlineExceeded) and to the interface net.Error.
type timeoutError struct{ after time.Duration }

func (e timeoutError) Error() string { return "no complete answer within " + e.after.String() }
func (timeoutError) Unwrap() error   { return context.DeadlineExceeded }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
