// Package provlog is the provisioning log: one durable record for each change of a user
// or group that was made, attempted or skipped, in words for the people who look after
// other people's access. Unchanged objects are counted, not logged.
//
// A Record is what CLI, API, console and a SIEM see alike; its JSON is part of the public
// contract. An Error has a Code out of a fixed catalogue, the peer's own words, and
// advice; docs/errors.md lists the catalogue and is generated from it.
//
// Values of sensitive attributes are redacted before a record is made, so that nothing
// downstream has to remember to. The package holds types and words only: records are
// stored by sync/state and made by sync/apply and sync/engine.
package provlog

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Record is one change of one object.
type Record struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Job      string    `json:"job"`
	CycleID  string    `json:"cycle_id"`  // empty outside cycles
	ChangeID string    `json:"change_id"` // shared by the records of one change
	Trigger  string    `json:"trigger"`   // TriggerSchedule and the others
	Resource string    `json:"resource"`  // "user" or "group"
	Action   Action    `json:"action"`
	Status   Status    `json:"status"`

	SourceIdentity Identity `json:"source_identity"`
	// TargetIdentity is empty when there is no account.
	TargetIdentity Identity `json:"target_identity"`
	// ModifiedProperties are the changes sent; in a failure, those that were attempted.
	ModifiedProperties Properties `json:"modified_properties"`
	DurationMS         int64      `json:"duration_ms"`
	Error              *Error     `json:"error"`
	// Steps say how the result came about; in cycles they are left out.
	Steps []Step `json:"steps,omitempty"`
}

// Identity names an object on one side.
type Identity struct {
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	Type        string `json:"type"` // "user" or "group"
}

// Property is one attribute that changed. Nil is no value.
type Property struct {
	Path string `json:"path"`
	Old  any    `json:"old"`
	New  any    `json:"new"`
}

// Hidden stands for a value that must not be stored or shown.
const Hidden = "***"

// Redacted returns the property without its values. What remains says only whether there
// was a value and whether there is one now.
func (p Property) Redacted() Property {
	if p.Old != nil {
		p.Old = Hidden
	}
	if p.New != nil {
		p.New = Hidden
	}
	return p
}

// Properties are changes in the order of the mapping.
type Properties []Property

// MarshalJSON writes an array also when there are none.
func (p Properties) MarshalJSON() ([]byte, error) {
	if p == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]Property(p))
}

// Step is one stage of provisioning an object, with what it saw.
type Step struct {
	Name   string         `json:"name"` // StepConnect and the others
	Status Status         `json:"status"`
	Detail string         `json:"detail"`
	Data   map[string]any `json:"data"`
}

// The steps, in order.
const (
	StepConnect = "connect" // are source and sink there, and let us in
	StepImport  = "import"  // what the source says of the object
	StepScope   = "scope"   // is it in scope, clause by clause
	StepMatch   = "match"   // which account is it
	StepAct     = "act"     // what was sent, and what came of it
)

// The triggers of a record: what started the run.
const (
	TriggerSchedule = "schedule"
	TriggerManual   = "manual"
	TriggerAPI      = "api"
)

// Action is what a record is about. To enable an account again is an update.
type Action string

// The actions.
const (
	ActionCreate  Action = "create"
	ActionUpdate  Action = "update"
	ActionDisable Action = "disable"
	ActionDelete  Action = "delete"
	ActionNone    Action = "none"
)

// Actions returns every action, in order.
func Actions() []Action {
	return []Action{ActionCreate, ActionUpdate, ActionDisable, ActionDelete, ActionNone}
}

// String returns the action's word.
func (a Action) String() string { return string(a) }

// ParseAction reads an action's word.
func ParseAction(word string) (Action, error) { return parse("the actions", word, Actions()) }

// Status is what came of it.
type Status string

// The statuses.
const (
	StatusSuccess Status = "success"
	StatusFailure Status = "failure"
	StatusSkipped Status = "skipped"
	// StatusWarning is a change that was made, or put off, in a way that somebody
	// should know of.
	StatusWarning Status = "warning"
)

// Statuses returns every status, in order.
func Statuses() []Status {
	return []Status{StatusSuccess, StatusFailure, StatusSkipped, StatusWarning}
}

// String returns the status's word.
func (s Status) String() string { return string(s) }

// ParseStatus reads a status's word.
func ParseStatus(word string) (Status, error) { return parse("the statuses", word, Statuses()) }

func parse[W ~string](what, word string, known []W) (W, error) {
	words := make([]string, len(known))
	for i, k := range known {
		if string(k) == word {
			return k, nil
		}
		words[i] = string(k)
	}
	return "", fmt.Errorf("%q is not one of %s: %s", word, what, strings.Join(words, ", "))
}

// Filter selects records. Its zero value selects all; fields that are set must all hold.
type Filter struct {
	// Identity is the source's id of a user or group.
	Identity string
	Status   Status
	Action   Action
	// Since leaves out older records.
	Since time.Time
	// Limit is the most records in one answer.
	Limit int
	// Cursor continues after an earlier answer; 0 starts with the newest record.
	Cursor int64
}
