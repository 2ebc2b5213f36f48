package okta

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/idpbridge/idpbridge/sources"
)

// cursorVersion changes when older cursors can no longer be understood; they are then
// Expired, which costs one full round.
const cursorVersion = 1

const (
	// overlap is how far before the last round's start changes are asked for again: an
	// object may show later than the time it bears, and Date has whole seconds only.
	overlap = 2 * time.Minute
	// logAge is the oldest position in the System Log that is still trusted. Okta keeps
	// events for 90 days; past that, deletions would be missed in silence.
	logAge = 85 * 24 * time.Hour
	// maxReadings bounds cursor.Read, and so the cursor's size. A forgotten reading costs
	// one member list more.
	maxReadings = 1000
)

// phase is the list that a round is reading.
type phase int

const (
	phaseUsers phase = iota + 1
	phaseGroups
	phaseAppUsers
	phaseAppGroups
	phaseLogs
	phaseEnd
)

// cursor is the position in a round, and between rounds the watermark. It is stored as
// JSON and names no person.
type cursor struct {
	Version int   `json:"v"`
	Full    bool  `json:"full,omitempty"`
	Phase   phase `json:"phase"`
	// Since is the start of the last finished round by Okta's clock, Mark of this one,
	// and Clock the time of the latest answer.
	Since time.Time `json:"since,omitzero"`
	Mark  time.Time `json:"mark,omitzero"`
	Clock time.Time `json:"clock,omitzero"`
	// List is the place in the phase's list. Queue holds the groups of its last page
	// that are still to be read; Members is the place in the first one's members.
	List    place    `json:"list"`
	Queue   []queued `json:"queue,omitempty"`
	Members place    `json:"members"`
	Log     string   `json:"log,omitempty"`    // `after` of the System Log
	NoLog   bool     `json:"no_log,omitempty"` // the log was refused in the last full round
	Read    readings `json:"read,omitempty"`
}

// queued is a group that is still to be read in this round.
type queued struct {
	ID sources.ID `json:"id"`
	// Version is the group's lastMembershipUpdated in milliseconds.
	Version int64 `json:"version,omitempty"`
	// Named is set while the group is only named by an event: its own attributes are to
	// be read first.
	Named bool `json:"named,omitempty"`
}

// reading says which version of a group's members was read, and at what time of Okta's
// clock at the earliest; both in milliseconds.
type reading struct {
	Version int64 `json:"version"`
	At      int64 `json:"at"`
}

type readings map[sources.ID]reading

// place is a position in a list of pages.
type place struct {
	After string `json:"after,omitempty"`
	Pages int    `json:"pages,omitempty"`
	// Any is set once the list had an entry.
	Any bool `json:"any,omitempty"`
	// Before is the After of the page before and Size how many entries that had. Rereads
	// counts how often it was read again; see reread.
	Before  string `json:"before,omitempty"`
	Size    int32  `json:"size,omitempty"`
	Rereads int    `json:"rereads,omitempty"`
	// Trap is an earlier After. It is renewed at every power of two of Pages, so that
	// a chain of links that runs in a circle of any length meets it (Brent).
	Trap string `json:"trap,omitempty"`
}

var errCircle = errors.New("the next links run in a circle")

// next moves to the page after `after`.
func (p *place) next(after string) error {
	if after == p.After || after == p.Trap {
		return errCircle
	}
	p.Before, p.After = p.After, after
	p.Pages++
	if p.Pages&(p.Pages-1) == 0 {
		p.Trap = after
	}
	return nil
}

// parseCursor reads a stored cursor. The empty one starts a full round.
func parseCursor(s sources.Cursor) (cursor, error) {
	if s == "" {
		return cursor{Version: cursorVersion, Full: true, Phase: phaseUsers}, nil
	}
	var c cursor
	err := json.Unmarshal([]byte(s), &c)
	if err == nil && c.Version == cursorVersion && c.Phase >= phaseUsers && c.Phase <= phaseEnd {
		return c, nil
	}
	return cursor{}, &sources.Error{
		Class:   sources.Expired,
		Op:      "read cursor",
		Message: "the stored position was not made by this version",
		Hint:    "A full round makes a new one.",
		Err:     err,
	}
}

func (c cursor) encode() (sources.Cursor, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode cursor: %w", err)
	}
	return sources.Cursor(b), nil
}

// nextRound returns the watermark that a finished round leaves.
func (c cursor) nextRound() cursor {
	n := cursor{Version: cursorVersion, Phase: phaseUsers, Since: c.Mark, Log: c.Log, NoLog: c.NoLog, Read: c.Read}
	floor := n.floor().UnixMilli()
	for id, r := range n.Read {
		if r.Version <= floor {
			delete(n.Read, id)
		}
	}
	return n
}

// floor is the time after which changes are asked for: long ago in a full round.
func (c *cursor) floor() time.Time {
	if c.Full {
		return time.Unix(0, 0)
	}
	return c.Since.Add(-overlap)
}

// tick takes the Date of an answer. The first one of a round becomes its Mark.
func (c *cursor) tick(date time.Time) error {
	if c.Mark.IsZero() {
		c.Mark = date
	}
	if date.After(c.Clock) {
		c.Clock = date
	}
	if !c.Full && !c.NoLog && c.Mark.Sub(c.Since) > logAge {
		return &sources.Error{
			Class:   sources.Expired,
			Op:      "continue round",
			Message: fmt.Sprintf("the last round was on %s; the System Log is kept for 90 days", c.Since.Format(time.DateOnly)),
			Hint:    "A full round finds what was deleted since.",
		}
	}
	return nil
}

// wasRead notes that a group's members have been read. In a full round only those groups
// count that the next round's overlap or this round's events can name.
func (c *cursor) wasRead(g queued) {
	old := c.Full && g.Version <= c.Mark.Add(-overlap).UnixMilli()
	if old || len(c.Read) >= maxReadings {
		return
	}
	if c.Read == nil {
		c.Read = readings{}
	}
	c.Read[g.ID] = reading{Version: g.Version, At: c.Clock.UnixMilli()}
}
