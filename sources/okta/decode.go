package okta

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/internal/jsonread"
)

// maxBody bounds one answer. A page of 1000 log events or 200 users with long profiles
// has a few megabytes.
const maxBody = 64 << 20

var (
	errTooLarge  = errors.New("the answer is larger than 64 MiB")
	errNoObject  = errors.New("not a JSON object")
	errNoID      = errors.New("an entry has no id")
	errNoStatus  = errors.New("the user has no status")
	errNoProfile = errors.New("the object has no profile")
)

// entry is what a list holds. parse reads one from valid JSON; what it returns beside an
// error still has the id, if there is one. The kind is 0 for what is no user or group.
type entry[T any] interface {
	parse(raw []byte) (T, error)
	entryID() sources.ID
	entryKind() sources.Kind
}

// decodeList reads a JSON array of entries to the body's very end. An entry of the wrong
// shape is bad and the others go on; a body that is cut off, broken or no array, and an
// entry without an id, are errors of the whole page.
func decodeList[T entry[T]](body io.Reader) (items []T, bad []sources.BadEntry, err error) {
	text, err := readBody(body)
	if err != nil {
		return nil, nil, err
	}
	n := 0
	r := jsonread.New(text)
	err = r.Array(func() error {
		raw, err := r.Raw()
		if err != nil {
			return err
		}
		var none T
		v, err := none.parse(raw)
		switch {
		case v.entryID() == "":
			return fmt.Errorf("entry %d: %w", n, errNoID)
		case err != nil:
			bad = append(bad, sources.BadEntry{Kind: v.entryKind(), ID: v.entryID(), Err: fmt.Errorf("entry %d: %w", n, err)})
		default:
			items = append(items, v)
		}
		n++
		return nil
	})
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read list: %w", err)
	}
	return items, bad, nil
}

// decodeOne reads a single object to the body's very end.
func decodeOne[T entry[T]](body io.Reader) (v T, err error) {
	text, err := readBody(body)
	if err != nil {
		return v, err
	}
	r := jsonread.New(text)
	raw, err := r.Raw()
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return v, fmt.Errorf("read object: %w", err)
	}
	if raw[0] != '{' {
		return v, errNoObject
	}
	v, err = v.parse(raw)
	if err == nil && v.entryID() == "" {
		err = errNoID
	}
	return v, err
}

func readBody(body io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if len(b) > maxBody {
		return nil, errTooLarge
	}
	return b, nil
}

// idEntry is any object of which only the id counts.
type idEntry struct{ id sources.ID }

func (e idEntry) entryID() sources.ID     { return e.id }
func (e idEntry) entryKind() sources.Kind { return 0 }

func (e idEntry) parse(raw []byte) (idEntry, error) {
	if raw[0] != '{' {
		return e, errNoObject
	}
	for key, v := range members(raw) {
		if string(key) == "id" {
			return idEntry{sources.ID(text(v))}, nil
		}
	}
	return e, nil
}

// assignedEntry is an AppUser or ApplicationGroupAssignment of Okta's API.
type assignedEntry struct {
	id     sources.ID
	status string
}

func (e assignedEntry) entryID() sources.ID     { return e.id }
func (e assignedEntry) entryKind() sources.Kind { return 0 }

func (e assignedEntry) parse(raw []byte) (assignedEntry, error) {
	if raw[0] != '{' {
		return e, errNoObject
	}
	for key, v := range members(raw) {
		switch string(key) {
		case "id":
			e.id = sources.ID(text(v))
		case "status":
			e.status = text(v)
		}
	}
	return e, nil
}

// holds is false for app users whose assignment was taken back and who are listed still.
// A status that can't be read is none.
func (e assignedEntry) holds() bool { return e.status != "UNASSIGNED" && e.status != "REVOKED" }

// logEntry is a LogEvent of Okta's API.
type logEntry struct {
	UUID      sources.ID `json:"uuid"`
	Type      string     `json:"eventType"`
	Published string     `json:"published"`
	Outcome   struct {
		Result string `json:"result"`
	} `json:"outcome"`
	Target []struct {
		ID   sources.ID `json:"id"`
		Type string     `json:"type"`
	} `json:"target"`
}

func (e logEntry) entryID() sources.ID     { return e.UUID }
func (e logEntry) entryKind() sources.Kind { return 0 }

func (e logEntry) parse(raw []byte) (logEntry, error) {
	err := json.Unmarshal(raw, &e)
	return e, err
}

// targets returns the ids of the event's targets of a type: User, UserGroup.
func (e logEntry) targets(kind string) []sources.ID {
	var ids []sources.ID
	for _, t := range e.Target {
		if t.Type == kind && t.ID != "" {
			ids = append(ids, t.ID)
		}
	}
	return ids
}
