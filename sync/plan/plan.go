package plan

import (
	"reflect"

	"github.com/idpbridge/idpbridge/sinks"
)

// Kind is what has to be done for an object.
type Kind int

// The kinds of steps.
const (
	// Nothing: desired and acknowledged agree.
	Nothing Kind = iota + 1
	// Skip: the object is outside what the job provisions.
	Skip
	// Create: look for an existing account, and make one if there is none.
	Create
	// Look: look for an existing account, which has to be disabled or deleted; make none.
	Look
	// Update: change attributes, enabling included.
	Update
	// These take something away. They are staged for the guard.
	StepDisable
	StepDelete
	StepEmpty
)

// Takes says whether the kind takes something away from somebody.
func (k Kind) Takes() bool { return k == StepDisable || k == StepDelete || k == StepEmpty }

// String returns the kind's word, as in staged deletions.
func (k Kind) String() string {
	switch k {
	case Nothing:
		return "none"
	case Skip:
		return "skip"
	case Create:
		return "create"
	case Look:
		return "look"
	case Update:
		return "update"
	case StepDisable:
		return "disable"
	case StepDelete:
		return "delete"
	case StepEmpty:
		return "empty"
	default:
		return "unknown"
	}
}

// Step is what has to be done for one object.
type Step struct {
	Kind       Kind
	Reason     string // for what takes: out_of_scope, disabled, deleted, delete_after
	Attributes []sinks.Attribute
	Properties []Property
}

// Property is one attribute's change, for people.
type Property struct {
	Path     string
	Old, New any
}

// The reasons for taking something away.
const (
	OutOfScope  = "out_of_scope"
	NotActive   = "disabled"
	Deleted     = "deleted"
	DeleteAfter = "delete_after"
)

// target is what the account should be.
type target int

const (
	untouched target = iota + 1
	enabled
	disabled
	absent
)

// Object plans one user or group.
//
//	              not linked             linked, enabled     linked, disabled
//	enabled       Create                 Update | Nothing    Update (active: true)
//	disabled      Look (once)            Disable             Update | Nothing | Skip
//	absent        Look (once)            Delete              Delete
//	untouched     Skip                   Skip                Skip
func Object(p Policy, f Facts) Step {
	want, reason := wanted(p, f)
	switch {
	case want == untouched:
		return Step{Kind: Skip, Reason: reason}
	case !f.Linked && want == enabled:
		return f.create()
	case !f.Linked && (f.Probed || f.Presence >= DeletedSoft):
		return Step{Kind: Skip, Reason: reason}
	case !f.Linked:
		return Step{Kind: Look, Reason: reason}
	case want == absent:
		return Step{Kind: StepDelete, Reason: reason}
	case want == enabled:
		return f.update(Step{Kind: Update}, f.Account == Blocked)
	case f.Account == Blocked:
		return f.follow(reason)
	default:
		return f.takeAway(reason)
	}
}

// wanted says what the account should be, and why if it should not be enabled.
func wanted(p Policy, f Facts) (target, string) {
	if f.Presence == Referred {
		return untouched, ""
	}
	if f.Resource == sinks.Group {
		return wantedGroup(p, f)
	}
	switch {
	case f.DeleteDue && f.Account == Blocked && (f.Presence >= DeletedSoft || !f.InScope || !f.active()):
		return absent, DeleteAfter
	case f.Presence == Gone:
		return byPolicy(p.Deleted), Deleted
	case f.Presence == DeletedSoft:
		// What can be restored is not deleted yet.
		return max(byPolicy(p.Deleted), untouched).atMost(disabled), Deleted
	case !f.active() && !f.InScope:
		return max(byPolicy(p.Disabled), byPolicy(p.OutOfScope)), NotActive
	case !f.active():
		return byPolicy(p.Disabled), NotActive
	case !f.InScope:
		return byPolicy(p.OutOfScope), OutOfScope
	default:
		return enabled, ""
	}
}

func wantedGroup(p Policy, f Facts) (target, string) {
	if f.Presence == Active && f.InScope {
		return enabled, ""
	}
	reason := OutOfScope
	if f.Presence >= DeletedSoft {
		reason = Deleted
	}
	switch p.Groups {
	case DeleteGroup:
		return absent, reason
	case EmptyGroup:
		return disabled, reason
	default:
		return untouched, reason
	}
}

func byPolicy(d Deprovision) target {
	switch d {
	case Disable:
		return disabled
	case Delete:
		return absent
	default:
		return untouched
	}
}

func (t target) atMost(u target) target { return min(t, u) }

// active says whether the person may sign in. A mapping row for `active` that gives false
// takes part in the answer.
func (f Facts) active() bool {
	if f.Presence != Active {
		return false
	}
	for i, path := range f.Paths {
		if f.ActivePath != "" && path == f.ActivePath && i < len(f.Desired) {
			return f.Desired[i] != false
		}
	}
	return true
}

// create gives all values; those without one are left out.
func (f Facts) create() Step {
	most := len(f.Paths) + 2
	s := Step{Kind: Create, Attributes: make([]sinks.Attribute, 0, most), Properties: make([]Property, 0, most)}
	for i, path := range f.Paths {
		if path != f.ActivePath && f.Desired[i] != nil {
			s.set(path, nil, f.Desired[i])
		}
	}
	if f.Resource == sinks.User {
		s.set(sinks.PathActive, nil, true)
		if f.Manager.Want != "" && !f.Manager.Waiting {
			s.set(sinks.PathManager, nil, string(f.Manager.Want))
		}
	}
	return s
}

// update adds what differs, and makes it Nothing if nothing does.
func (f Facts) update(s Step, enable bool) Step {
	if enable && f.Resource == sinks.User {
		s.set(sinks.PathActive, false, true)
	}
	for i, path := range f.Paths {
		if path == f.ActivePath || f.CreateOnly[i] || Equal(f.Acked[path], f.Desired[i]) {
			continue
		}
		s.set(path, f.Acked[path], f.Desired[i])
	}
	if f.Resource == sinks.User && !f.Manager.Waiting && !f.Manager.Same {
		s.set(sinks.PathManager, f.Acked[sinks.PathManager], idOrNil(f.Manager.Want))
	}
	returns := enable && f.Resource == sinks.Group // its members follow
	if len(s.Attributes) == 0 && s.Kind == Update && !returns {
		s.Kind = Nothing
	}
	return s
}

// follow keeps a disabled account's attributes equal while its person is in scope; those
// of people who left stay as they were, and are not taken for equal.
func (f Facts) follow(reason string) Step {
	if f.Resource == sinks.Group || !f.InScope || f.Presence != Disabled {
		return Step{Kind: Skip, Reason: reason}
	}
	return f.update(Step{Kind: Update, Reason: reason}, false)
}

// takeAway disables a user, or empties a group. The first attribute is the one that takes
// away; behind it stands what else changed for a person who is still in scope.
func (f Facts) takeAway(reason string) Step {
	if f.Resource == sinks.Group {
		return Step{Kind: StepEmpty, Reason: reason}
	}
	s := Step{Kind: StepDisable, Reason: reason}
	s.set(sinks.PathActive, true, false)
	if f.InScope && f.Presence == Disabled {
		return f.update(s, false)
	}
	return s
}

func (s *Step) set(path string, old, value any) {
	s.Attributes = append(s.Attributes, sinks.Attribute{Path: path, Value: value})
	s.Properties = append(s.Properties, Property{Path: path, Old: old, New: value})
}

func idOrNil(id sinks.ID) any {
	if id == "" {
		return nil
	}
	return string(id)
}

// Equal compares two values. No value and an empty text are the same to an app.
func Equal(a, b any) bool {
	if a == nil || a == "" {
		return b == nil || b == ""
	}
	return reflect.DeepEqual(a, b)
}
