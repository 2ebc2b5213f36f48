package state

import (
	"time"

	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/plan"
)

// JobID is the state's own number of a job.
type JobID int64

// ObjectID is the state's own number of a user or group of a job.
type ObjectID int64

// Object is one row of a job's directory, with what planning needs.
type Object struct {
	ID          ObjectID
	Resource    sinks.Resource
	SourceID    sources.ID
	UserName    string
	Mail        string
	DisplayName string
	Presence    plan.Presence
	InScope     bool // the filter keeps it and, where an app scopes the job, it is assigned
	Filtered    bool
	Assigned    bool // directly assigned
	Table       int64
	Desired     []byte
	AckedTable  int64
	Acked       []byte // never nil for a linked object that was ever acknowledged
	Manager     Manager
	SinkID      sinks.ID
	Version     string // that the app gave to it last; "" if none is known
	Account     plan.Account
	DisabledAt  time.Time
	Probed      bool
	Dirty       int64 // 0: nothing to do; counts changes, so that Record sees a later one
	Digest      int64
	Unclear     bool // an earlier process may have sent something for it: look first
	Staged      *Staged
	Attempts    int // failed attempts so far, from the escrow
	FirstFailed time.Time
	holder      string // of the claim
}

// Linked says whether the object has an account in the app.
func (o *Object) Linked() bool { return o.SinkID != "" }

// Manager is an object's reference to its manager: who it should be, whether that one has
// an account yet, and who the app acknowledged.
type Manager struct {
	ID       ObjectID // 0: nobody
	SinkID   sinks.ID // "" while the manager has no account
	Presence plan.Presence
	Expected bool     // the manager is dirty and may get an account in this cycle
	Acked    ObjectID // 0: nobody
}

// Staged is a deletion that waits for the guard or for a person.
type Staged struct {
	Object   ObjectID
	Resource sinks.Resource
	SourceID sources.ID
	SinkID   sinks.ID
	Name     string
	Action   string // disable | delete | empty
	Reason   string // out_of_scope | disabled | deleted | delete_after
	At       time.Time
	Decision Decision
	Decided  time.Time
	Expires  time.Time
}

// Decision is what a person said about a staged deletion.
type Decision int

// The decisions.
const (
	Waiting Decision = iota
	Approved
	Denied
)

// String returns the decision's word: waiting, approved or rejected.
func (d Decision) String() string {
	switch d {
	case Approved:
		return "approved"
	case Denied:
		return "rejected"
	default:
		return "waiting"
	}
}
