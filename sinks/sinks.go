// Package sinks is the vocabulary of applications: what an app holds and what it can be
// told. It holds no code that talks to anyone; the adapter (scim) does, and imports only
// this package.
//
// Values travel as (path, value) pairs. A path is a SCIM attribute path in the notation
// of attribute mappings: `userName`, `name.givenName`, `emails[type eq "work"].value`,
// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`. A value is
// nil (no value; in an update: clear it), string, bool, float64, []any or map[string]any.
// Only the paths that a mapping owns are ever read or written.
package sinks

import (
	"strconv"
	"strings"
)

// ID is the application's own id of a user or group. It is a different type from the
// source's ids so that the two can't be mixed up.
type ID string

// Made stands for the id of what ops[i] creates, in the AddMembers of a later Op that goes
// to the same DoAll: the bulkId of RFC 7644 section 3.7.2. No application gives an object
// such an id (RFC 7643 section 3.1).
func Made(i int) ID { return ID(madePrefix + strconv.Itoa(i)) }

const madePrefix = "bulkId:op"

// MadeBy is the number that Made was given; ok is false for a real id.
func (id ID) MadeBy() (i int, ok bool) {
	digits, ok := strings.CutPrefix(string(id), madePrefix)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(digits)
	return i, err == nil
}

// Resource is a kind of object in an application.
type Resource int

// The resources.
const (
	User Resource = iota + 1
	Group
)

// String returns "user" or "group".
func (r Resource) String() string {
	switch r {
	case User:
		return "user"
	case Group:
		return "group"
	default:
		return "unknown"
	}
}

// MarshalText writes the resource as its word.
func (r Resource) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Well-known paths.
const (
	PathUserName    = "userName"
	PathExternalID  = "externalId"
	PathDisplayName = "displayName"
	PathActive      = "active"
	PathMembers     = "members"
	PathManager     = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
)

// Attribute is one value at one path.
type Attribute struct {
	Path  string
	Value any
}

// Query says which objects are read, and what of them.
type Query struct {
	Resource Resource
	// Paths are the attributes wanted in Object.Values. A sink may use them to ask the
	// application for less.
	Paths []string
	// Members asks for the members of groups.
	Members bool
}

// Object is an account or group as the application shows it.
type Object struct {
	ID ID
	// Values has the query's paths that have a value.
	Values map[string]any
	// Members are the ids of a group's members; meaningful only with MembersKnown.
	Members []ID
	// MembersKnown is set when the query asked for members and the application showed
	// a members attribute. Some never do.
	MembersKnown bool
}

// Page is one page of a list.
type Page struct {
	Objects []Object
	// Cursor continues the list; meaningless on the last page.
	Cursor string
	// Done is set only when the whole list was seen: the number of distinct objects
	// equals the application's own total.
	Done bool
}

// Action is what an Op does.
type Action int

// The actions on the wire. To disable an account is an Update of PathActive to false.
const (
	Create Action = iota + 1
	Update
	Delete
)

// String returns the action's word.
func (a Action) String() string {
	switch a {
	case Create:
		return "create"
	case Update:
		return "update"
	case Delete:
		return "delete"
	default:
		return "unknown"
	}
}

// Op is one write: one request in most dialects.
type Op struct {
	Action   Action
	Resource Resource
	ID       ID // the object; empty on Create
	// Attributes are all values on Create (nil ones left out), on Update only those to
	// change, nil to clear.
	Attributes []Attribute
	// AddMembers and RemoveMembers change a group's members. On Create, AddMembers are
	// its first members. In DoAll, AddMembers may hold Made ids. Together they never exceed Limits.Members.
	AddMembers, RemoveMembers []ID
	// Version is the object's version as the application last told it (the ETag of RFC 7644
	// section 3.14); empty if it is not known. A sink may make the write depend on it.
	Version string
}

// Receipt is what an application answered to an Op.
type Receipt struct {
	// ID is the id of the created object.
	ID ID
	// Version is the object's version after the write; empty if the application told none.
	Version string
	// MembersDone is set on Create when the answer proves that AddMembers were taken:
	// some applications ignore members on create.
	MembersDone bool
	// Gone is set on Delete when the object no longer existed.
	Gone bool
	// Ignored are paths of the Op that the application can't take: it has no way to
	// clear or change them, or its answer to a Create shows them missing. They are
	// reported, not tried again.
	Ignored []string
}

// Result is what became of one of several Ops sent together.
type Result struct {
	Receipt Receipt
	Err     error
}

// Limits are bounds of an application that a plan must keep.
type Limits struct {
	// Members is the most member changes in one Op.
	Members int
	// Concurrency is the most Ops worth sending at once.
	Concurrency int
	// MembersUnreadable is set for applications that never show members: a reconcile
	// can't compare them.
	MembersUnreadable bool
	// DisableIsFinal is set where disabling can't be undone, so that the deletion guard
	// counts it as a delete and says so.
	DisableIsFinal bool
}

// Problem is one mistake in a sink's configuration. Key is relative to the sink, e.g.
// "auth.token"; Message is a sentence for whoever wrote the file.
type Problem struct{ Key, Message string }
