package provlog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

// Error is a failure as people see it.
type Error struct {
	Code Code `json:"code"`
	// Message holds the words of whoever failed, the application's among them.
	Message string `json:"message"`
	// Advice says what to do.
	Advice string `json:"advice"`
}

// Error returns "code: message".
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Without returns the error with some values hidden in its message: applications like to
// quote what they refuse. Values of fewer than four bytes stay, since hiding every "no"
// would leave nothing to read.
func (e *Error) Without(values ...any) *Error {
	hidden := *e
	for _, v := range values {
		if text, ok := v.(string); ok && len(text) >= 4 {
			hidden.Message = strings.ReplaceAll(hidden.Message, text, redacted)
		}
	}
	return &hidden
}

// codedError is an error with a code of the catalogue.
type codedError struct {
	code Code
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// Coded returns an error with a code of the catalogue and a message as of fmt.Errorf; %w
// wraps. The code wins over the class of a wrapped error of a source or sink.
func Coded(code Code, format string, args ...any) error {
	return &codedError{code, fmt.Errorf(format, args...)}
}

// CodeOf returns the code that FromError would give, or "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return FromError(err).Code
}

// FromError puts an error in words for people: an error of Coded by its code, one of a
// sink, a source or a mapping by its class. The message is the whole text of err; the
// advice is the adapter's hint where it gave one, else the catalogue's. A nil error
// gives nil.
func FromError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Code: classify(err), Message: err.Error()}
	e.Advice = Lookup(e.Code).Advice
	if _, coded := errors.AsType[*codedError](err); coded {
		return e
	}
	if hint := sinks.HintOf(err); hint != "" {
		e.Advice = hint
	} else if hint := sources.HintOf(err); hint != "" {
		e.Advice = hint
	}
	return e
}

func classify(err error) Code {
	if e, ok := errors.AsType[*codedError](err); ok {
		return e.code
	}
	if _, ok := errors.AsType[*mapping.ValueError](err); ok {
		return CodeMappingFailed
	}
	if _, ok := errors.AsType[*mapping.ScopeError](err); ok {
		return CodeScopeFailed
	}
	if class := sinks.ClassOf(err); class != 0 {
		return ofSink(class)
	}
	if class := sources.ClassOf(err); class != 0 {
		return ofSource(class)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return CodeInterrupted
	}
	return CodeInternal
}

func ofSink(class sinks.Class) Code {
	switch class {
	case sinks.Unreachable:
		return CodeUnreachable
	case sinks.Unclear:
		return CodeUnclear
	case sinks.Throttled:
		return CodeThrottled
	case sinks.Denied:
		return CodeCredentials
	case sinks.Missing:
		return CodeVanished
	case sinks.Conflict:
		return CodeConflict
	case sinks.Rejected:
		return CodeRejected
	case sinks.Incompatible:
		return CodeIncompatible
	case sinks.ReadOnly:
		return CodeDryRun
	default:
		return CodeInternal
	}
}

func ofSource(class sources.Class) Code {
	switch class {
	case sources.Unreachable:
		return CodeSourceUnreachable
	case sources.Transient:
		return CodeSourceUnavailable
	case sources.Throttled:
		return CodeSourceThrottled
	case sources.Denied:
		return CodeSourceDenied
	case sources.Missing:
		return CodeUnknownReference
	case sources.Ambiguous:
		return CodeAmbiguousReference
	case sources.Rejected:
		return CodeSourceRejected
	case sources.Incomplete:
		return CodeIncompleteSource
	case sources.Expired:
		return CodeSourceExpired
	default:
		return CodeInternal
	}
}
