package plan

import "github.com/idpbridge/idpbridge/sinks"

// Presence is what the source said last about an object.
type Presence int

// The presences. An object that is only Referred was named as a member or manager but
// never told itself.
const (
	Referred Presence = iota
	Active
	Disabled
	DeletedSoft // can be restored
	Gone
)

// Account is the state of an object's account in the app, as far as we made it.
type Account int

// The account states. A group that was emptied by policy is Blocked.
const (
	NoAccount Account = iota
	Enabled
	Blocked
)

// Facts are all that a plan for one object depends on.
type Facts struct {
	Resource sinks.Resource
	Presence Presence
	InScope  bool
	Linked   bool
	Account  Account
	Probed   bool // an account was looked for while none was wanted, and there was none
	// DeleteDue is set when the account has been disabled for Policy.DeleteAfter.
	DeleteDue bool

	Paths      []string
	CreateOnly []bool
	// ActivePath is the path of the mapping's row for `active`, as it is spelled there;
	// empty without one.
	ActivePath string
	Desired    []any          // aligned with Paths
	Acked      map[string]any // by path

	Manager Manager
}

// Manager is the state of a user's manager reference.
type Manager struct {
	Want    sinks.ID // "": nobody
	Waiting bool     // the manager has no account yet; the reference is written when it has
	Same    bool     // the app acknowledged what is wanted
}
