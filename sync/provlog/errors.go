package provlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
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

// shortest is the fewest bytes of a value that are looked for in a message: hiding every
// "no" would leave nothing to read.
const shortest = 4

// Without returns the error with some values hidden in its message, whatever their letter
// case: applications like to quote what they refuse. Texts of fewer than four bytes stay.
// Lists and objects stand for the texts in them.
func (e *Error) Without(values ...any) *Error {
	texts := textsIn(values, nil)
	// The longest first: a name may be part of an address.
	slices.SortFunc(texts, func(a, b string) int { return len(b) - len(a) })
	hidden := *e
	for _, text := range texts {
		if strings.Contains(strings.ToLower(hidden.Message), strings.ToLower(text)) {
			hidden.Message = regexp.MustCompile("(?i)"+regexp.QuoteMeta(text)).ReplaceAllLiteralString(hidden.Message, Hidden)
		}
	}
	return &hidden
}

func textsIn(v any, texts []string) []string {
	switch v := v.(type) {
	case string:
		if len(v) >= shortest {
			texts = append(texts, v)
		}
	case []any:
		for _, element := range v {
			texts = textsIn(element, texts)
		}
	case map[string]any:
		for _, element := range v {
			texts = textsIn(element, texts)
		}
	}
	return texts
}

// LogAttr returns an error as the process log may show it, under the key "error". The words
// of a source, an application or a mapping may quote somebody's values, so that only code,
// request and status are shown of these; errors of our own, such as of the disk, are shown
// whole.
func LogAttr(err error) slog.Attr {
	code := CodeOf(err)
	if err == nil || code == CodeInternal || code == CodeInterrupted {
		return slog.Any("error", err)
	}
	attrs := []any{slog.String("code", string(code))}
	if e, ok := errors.AsType[*sinks.Error](err); ok {
		attrs = append(attrs, slog.String("class", e.Class.String()), slog.String("request", e.Op), slog.Int("status", e.Status))
	} else if e, ok := errors.AsType[*sources.Error](err); ok {
		attrs = append(attrs, slog.String("class", e.Class.String()), slog.String("request", e.Op), slog.Int("status", e.Status))
	}
	return slog.Group("error", attrs...)
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
	_, coded := errors.AsType[*codedError](err)
	if e, ok := errors.AsType[*Error](err); ok && !coded {
		return e
	}
	e := &Error{Code: classify(err), Message: err.Error()}
	e.Advice = Lookup(e.Code).Advice
	if coded {
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
