package scimtest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Behaviour is what a server does instead of what the RFCs say. Which ones a quirk knows is
// listed in its field tag and checked by New. The zero value follows the RFCs.
type Behaviour int

// The behaviours.
const (
	// Refuse answers 400 with the scimType that fits.
	Refuse Behaviour = iota + 1
	// NotFound answers 404 with a SCIM error.
	NotFound
	// NotAllowed answers 405.
	NotAllowed
	// Precondition answers 412.
	Precondition
	// Fail answers 500.
	Fail
	// NotImplemented answers 501.
	NotImplemented
	// HTML answers 404 with a web page, as a gateway does for a route it does not know.
	HTML
	// Drop closes the connection without an answer.
	Drop
	// Ignore answers as if it had worked and changes nothing.
	Ignore
	// Allow does what the RFC forbids.
	Allow
	// Nothing answers 200 and an empty list.
	Nothing
	// Everything answers 200 and the unfiltered list.
	Everything
	// IgnoreCase compares without regard to letter case.
	IgnoreCase
	// Replace replaces the whole value instead of adding to it.
	Replace
	// Append adds instead of replacing.
	Append
	// Select acts on the given values only.
	Select
	// First acts on the first of several values only.
	First
	// Store keeps the value as it came, whatever the schema says.
	Store
	// Coerce takes the value as it was meant.
	Coerce
	// Create makes the missing value.
	Create
	// Wedge accepts, and answers 500 to the next addition of a member.
	Wedge
	// Lose accepts, and no longer finds the object.
	Lose
	// Stale accepts, and goes on finding the object by its old name only.
	Stale
	// Deactivate sets active to false instead.
	Deactivate
)

var behaviourWords = [...]string{
	"", "refuse", "not-found", "not-allowed", "precondition", "fail", "not-implemented", "html", "drop",
	"ignore", "allow", "nothing", "everything", "ignore-case", "replace", "append", "select", "first",
	"store", "coerce", "create", "wedge", "lose", "stale", "deactivate",
}

// String returns the behaviour's word, "" for the zero value.
func (b Behaviour) String() string {
	if b < 0 || int(b) >= len(behaviourWords) {
		return fmt.Sprintf("behaviour(%d)", int(b))
	}
	return behaviourWords[b]
}

// MarshalText writes the behaviour's word.
func (b Behaviour) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a behaviour's word.
func (b *Behaviour) UnmarshalText(text []byte) error {
	i := slices.Index(behaviourWords[:], string(text))
	if i < 0 {
		return fmt.Errorf("unknown behaviour %q", text)
	}
	*b = Behaviour(i)
	return nil
}

// Validate reports a field that is set to a behaviour it does not know: such a switch would
// do nothing, and the test that sets it would prove nothing.
func (q Quirks) Validate() error {
	v := reflect.ValueOf(q)
	for i := range v.NumField() {
		b, ok := reflect.TypeAssert[Behaviour](v.Field(i))
		field := v.Type().Field(i)
		if !ok || b == 0 || slices.Contains(strings.Split(field.Tag.Get("can"), ","), b.String()) {
			continue
		}
		return fmt.Errorf("quirk %s cannot be %q, only %s", field.Name, b, field.Tag.Get("can"))
	}
	return nil
}
