// Package sourcetest holds what every source must do, as a test suite, and a directory in
// memory for tests of whatever reads sources.
//
// Run drives a source through a Harness: it changes the directory behind the source,
// reads rounds, and keeps a Mirror of what the pages said by the rules of package
// sources. What counts is the outcome: after each round the mirror must equal the
// directory. How many requests a source needs is its own tests' business.
//
// The suite never looks at a cursor and never assumes an order of entries. It uses one
// directory of 12 people and 4 groups, so a harness that configures pages of at most 5
// entries makes it cross page borders everywhere.
//
// Directory is a source without HTTP: a mutable directory in memory with page size and
// faults, quick enough for laws over thousands of rounds. It passes the suite itself.
package sourcetest

import (
	"context"

	"github.com/idpbridge/idpbridge/sources"
)

// Source is what the suite reads.
type Source interface {
	Read(ctx context.Context, q sources.Query, at sources.Cursor) (*sources.Page, error)
	Check(ctx context.Context, q sources.Query) error
}

// Finder looks single objects up. A reference is an id, a user name, a mail address or a
// group's display name.
type Finder interface {
	User(ctx context.Context, q sources.Query, ref string) (sources.User, error)
	Group(ctx context.Context, q sources.Query, ref string) (sources.Group, error)
	// Assigned says whether the user or group is in the scope of q.App: assigned itself
	// or, for a user, a direct member of an assigned group.
	Assigned(ctx context.Context, q sources.Query, who sources.Assignment) (bool, error)
}

// Person is a user of the directory behind a source, in the suite's words.
type Person struct {
	ID          sources.ID // empty: the directory picks one
	UserName    string
	Mail        string
	DisplayName string
	Title       string // empty: no value
	Disabled    bool
}

// Team is a group of the directory behind a source, with all its members.
type Team struct {
	ID      sources.ID // empty: the directory picks one
	Name    string
	Members []sources.ID
}

// Harness is one source over one empty directory that the suite may change.
type Harness struct {
	Source Source
	Finder Finder
	// Reopen, if set, makes another Source over the same directory, as a new process
	// would: nothing may live in the old one's memory that a cursor needs.
	Reopen func() Source
	// Query asks at least for the attribute Title and for groups, without App.
	Query sources.Query
	// Title is the source's own name for Person.Title.
	Title string

	// PutUser makes a person (empty ID) or changes one to look as given. RemoveUser
	// deletes one softly, where the directory knows a difference.
	PutUser    func(Person) sources.ID
	RemoveUser func(sources.ID)
	// PutGroup makes a group (empty ID) or changes its name and members.
	PutGroup    func(Team) sources.ID
	RemoveGroup func(sources.ID)
	// Assign assigns to the application App, or takes the assignment back. Nil: the
	// source has no applications.
	Assign func(who sources.Assignment, assigned bool)
	App    string

	// Settle, if set, makes time pass, so that changes made before it are older than
	// any overlap a source reads again.
	Settle func()
	// Fail makes the source's next request meet a fault, until heal is called.
	Fail func(Fault) (heal func())
	// Faults gives, for every Fault, the class of error that Read must return; 0 where
	// the source can't meet such a fault.
	Faults map[Fault]sources.Class
	// Whole is set for a source that reads everything again when anything changed.
	Whole bool
}

// Fault is an answer that must never be taken for the end of a round.
type Fault int

// The faults.
const (
	// EmptyList is a well-formed answer with no entries and no mark of the end.
	EmptyList Fault = iota + 1
	// Unavailable is a 503 with an empty body.
	Unavailable
	// BadGateway is a 502 with HTML.
	BadGateway
	// CutBody is an answer that ends in its middle.
	CutBody
	// Unauthorized is a 401.
	Unauthorized
	// Forbidden is a 403.
	Forbidden
	// ExpiredCursor is the provider's word that only a full round helps.
	ExpiredCursor
	// Endless is a page whose next page is itself, on and on.
	Endless
)

var faultNames = [...]string{"unknown", "empty_list", "unavailable", "bad_gateway", "cut_body", "unauthorized", "forbidden", "expired_cursor", "endless"}

// String returns the fault's word.
func (f Fault) String() string {
	if f < 0 || int(f) >= len(faultNames) {
		return faultNames[0]
	}
	return faultNames[f]
}

// AllFaults returns every fault.
func AllFaults() []Fault {
	return []Fault{EmptyList, Unavailable, BadGateway, CutBody, Unauthorized, Forbidden, ExpiredCursor, Endless}
}
