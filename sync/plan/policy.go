// Package plan decides what has to change: what the source wants, compared with what the
// application last acknowledged, gives steps. It is pure: the same facts give the same
// steps in the same order, without a clock, a store or a network.
//
// The policies of a job live here as plain values. The configuration reads and writes
// them as words; nothing in this package knows about YAML.
package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Existing says what happens to an account without a link that matches a user seen for
// the first time.
type Existing int

// The policies for existing accounts.
const (
	// Adopt links the account and makes its mapped attributes equal to the source.
	Adopt Existing = iota + 1
	// Ignore leaves the account alone and skips the object.
	Ignore
	// Fail puts the object in escrow and names the account.
	Fail
)

// Deprovision says what happens to an account whose person left.
type Deprovision int

// The ways to deprovision.
const (
	// Disable sets `active` to false and keeps the link.
	Disable Deprovision = iota + 1
	// Delete removes the account.
	Delete
	// Keep leaves the account as it is.
	Keep
)

// GroupRemoval says what happens to a group that left the source or its scope.
type GroupRemoval int

// The ways to remove a group.
const (
	// DeleteGroup removes the group.
	DeleteGroup GroupRemoval = iota + 1
	// EmptyGroup removes the members that were provisioned and keeps the group.
	EmptyGroup
	// KeepGroup leaves the group and its members as they are.
	KeepGroup
)

// Policy is what a job does about accounts that already exist and about people and
// groups that left.
type Policy struct {
	Existing Existing
	// OutOfScope, Disabled and Deleted are for a user who left the scope, may no longer
	// sign in, or is gone from the source.
	OutOfScope, Disabled, Deleted Deprovision
	Groups                        GroupRemoval
	// DeleteAfter is how long a disabled account is kept before it is deleted; 0: for
	// ever.
	DeleteAfter time.Duration
	// MaxCount and MaxPercent bound the disables and deletes of one cycle, users and
	// groups apart: more than MaxCount objects, or more than MaxPercent (0 to 100) of
	// the accounts that are enabled, are held. 0 holds every one of them.
	MaxCount, MaxPercent int
}

// Default returns the policy of a job that says nothing about it.
func Default() Policy {
	return Policy{
		Existing:   Adopt,
		OutOfScope: Disable,
		Disabled:   Disable,
		Deleted:    Disable,
		Groups:     DeleteGroup,
		MaxCount:   500,
		MaxPercent: 20,
	}
}

// Words returns the words of the configuration, in the order of the constants.
func (Existing) Words() []string { return []string{"adopt", "ignore", "fail"} }

// String returns the policy's word.
func (e Existing) String() string { return wordOf(e.Words(), int(e)) }

// MarshalText writes the policy as its word.
func (e Existing) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads the policy's word.
func (e *Existing) UnmarshalText(text []byte) error {
	n, err := indexOf(e.Words(), string(text))
	*e = Existing(n)
	return err
}

// Words returns the words of the configuration, in the order of the constants.
func (Deprovision) Words() []string { return []string{"disable", "delete", "keep"} }

// String returns the action's word.
func (d Deprovision) String() string { return wordOf(d.Words(), int(d)) }

// MarshalText writes the action as its word.
func (d Deprovision) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the action's word.
func (d *Deprovision) UnmarshalText(text []byte) error {
	n, err := indexOf(d.Words(), string(text))
	*d = Deprovision(n)
	return err
}

// Words returns the words of the configuration, in the order of the constants.
func (GroupRemoval) Words() []string { return []string{"delete", "empty", "keep"} }

// String returns the action's word.
func (g GroupRemoval) String() string { return wordOf(g.Words(), int(g)) }

// MarshalText writes the action as its word.
func (g GroupRemoval) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads the action's word.
func (g *GroupRemoval) UnmarshalText(text []byte) error {
	n, err := indexOf(g.Words(), string(text))
	*g = GroupRemoval(n)
	return err
}

// wordOf returns the word of a value that counts from 1.
func wordOf(words []string, n int) string {
	if n < 1 || n > len(words) {
		return "unknown"
	}
	return words[n-1]
}

// indexOf returns the value, counted from 1, that a word stands for.
func indexOf(words []string, word string) (int, error) {
	if i := slices.Index(words, word); i >= 0 {
		return i + 1, nil
	}
	return 0, fmt.Errorf("%q is not one of %s", word, strings.Join(words, ", "))
}
