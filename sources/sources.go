// Package sources is the vocabulary of identity providers: who exists, in which groups,
// and who is assigned to an application. It holds no code that talks to anyone; the
// adapters (graph, okta, file) do, and import only this package.
//
// A source is read in rounds of pages. A round starts at a Cursor: the empty one asks for
// everything (Page.Full), a cursor from an earlier round for what changed since. The
// round is over only when a page says Done, which an adapter may set only on the
// provider's own mark of the end (a delta link, a missing next link on a well-formed
// answer, the last line of a whole file). Its zero value means "not the end", so that a
// forgotten mark can never look like a complete read: a short read would be taken for
// people who left.
//
// Pages may repeat objects and spread one group over many entries. Whoever reads them
// applies entries in order; applying one twice is harmless.
package sources

import "log/slog"

// ID is a source's own immutable id of a user or group (Graph object id, Okta id). It is
// a different type from the sink's ids so that the two can't be mixed up.
type ID string

// Cursor is a position in a source, opaque to everyone but the adapter that made it. The
// empty cursor stands before everything. It may hold provider links; it never holds a
// credential.
type Cursor string

// Query says what a job needs from its source. Adapters ask for nothing else.
type Query struct {
	// UserAttributes and GroupAttributes are the source's attribute names that the
	// job's mapping and scope read, sorted, without duplicates.
	UserAttributes  []string
	GroupAttributes []string
	// Groups is false when the job provisions no groups and needs none for its scope.
	Groups bool
	// BuiltInGroups asks for groups that the provider makes itself and that are left out
	// by default (Okta's BUILT_IN group Everyone).
	BuiltInGroups bool
	// App is the id of the application whose assignments scope the job; empty: none.
	App string
}

// Page is one piece of a round.
type Page struct {
	Users       []User
	Groups      []Group
	Assignments []Assignment
	// CompleteGroups names groups whose entire member list has been given in this
	// round, ending with this page: members not given have left. In a Full round that
	// holds for every group at Done, and need not be repeated here.
	CompleteGroups []ID
	// CompleteAssignments is set on the page that ends the list of assignments: who was
	// not given in this round is not assigned.
	CompleteAssignments bool
	// Bad lists entries that could not be understood. They are kept in escrow and
	// count as seen, so that a bad row never removes a person.
	Bad []BadEntry
	// Cursor is the position after this page; on the Done page, the watermark.
	Cursor Cursor
	// Full is set on every page of a round that enumerates everything: at Done, whoever
	// was not seen in the round is gone.
	Full bool
	// Done is the provider's own mark that the round is complete.
	Done bool
}

// User is a person as the source tells it now. An entry is whole: it has every attribute
// of the Query that has a value. The exception is an entry with a Removal, of which only
// the ID is given.
type User struct {
	ID          ID
	UserName    string // UPN, login
	Mail        string
	DisplayName string
	// Active says whether the person may sign in, by the adapter's documented rule.
	Active  bool
	Removal Removal
	// Attributes holds the source's own names and JSON values: string, bool, float64,
	// []any, map[string]any. A null is a key with nil; both null and a missing key
	// mean that the attribute has no value.
	Attributes map[string]any
	// Manager is the person's manager, where the source tells. A Reference that is not
	// Known means unchanged.
	Manager Reference
}

// LogValue shows a person to logs by id only.
func (u User) LogValue() slog.Value { return slog.StringValue(string(u.ID)) }

// Group is a group and what is known of its members in this entry. Member changes add up
// over entries and pages in order.
type Group struct {
	ID          ID
	DisplayName string
	Removal     Removal
	// MembersOnly marks an entry that brings member changes of a group whose own
	// attributes are not in it (they are unchanged, or came in an earlier entry).
	MembersOnly bool
	Attributes  map[string]any
	Members     []Member
}

// LogValue shows a group to logs by id only.
func (g Group) LogValue() slog.Value { return slog.StringValue(string(g.ID)) }

// Member says that a user is in a group, or, when Removed, no longer is. Only users are
// given: nested groups, devices and other principals are left out by the adapters.
type Member struct {
	User    ID
	Removed bool
}

// Reference is a pointer to another user that may be unknown (not told: unchanged), known
// to be empty, or known.
type Reference struct {
	Known bool
	ID    ID // empty: nobody
}

// Assignment says that a user or group is assigned to Query.App.
type Assignment struct {
	Kind Kind
	ID   ID
}

// BadEntry is an entry of a page that could not be understood.
type BadEntry struct {
	Kind Kind
	ID   ID    // empty when not even the id could be read
	Err  error // says where (line, position) and why
}

// Kind is the kind of an object.
type Kind int

// The kinds of objects.
const (
	KindUser Kind = iota + 1
	KindGroup
)

// Removal says whether and how an object left the directory.
type Removal int

// The ways an object leaves a directory. NotRemoved is the zero value.
const (
	NotRemoved Removal = iota
	// RemovedSoft is a deletion that can be undone (Entra's recycle bin).
	RemovedSoft
	// RemovedHard is final.
	RemovedHard
)
