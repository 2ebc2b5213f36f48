// Package secret holds values that must never be shown: tokens, passwords, keys.
//
// It sits below everything else and imports nothing of ours, so that adapters can
// declare secret settings in their own configuration types. Every way of printing a
// String yields "***"; the value is reached by Reveal alone, which is easy to search for.
package secret

import "log/slog"

const mask = "***"

// String is a secret text. Its zero value is the empty secret.
type String string

// Reveal returns the secret itself, for the request that needs it.
func (s String) Reveal() string { return string(s) }

// String hides the secret from fmt.
func (s String) String() string { return mask }

// GoString hides the secret from %#v.
func (s String) GoString() string { return mask }

// LogValue hides the secret from slog.
func (s String) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText hides the secret from JSON, YAML and every other encoder.
func (s String) MarshalText() ([]byte, error) { return []byte(mask), nil }

// UnmarshalText takes the secret as it stands in the configuration, references resolved.
func (s *String) UnmarshalText(text []byte) error {
	*s = String(text)
	return nil
}
