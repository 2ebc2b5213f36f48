package file

import (
	"encoding/json"

	"github.com/idpbridge/idpbridge/sources"
)

const cursorVersion = 1

// cursor is a position in a round. It holds what a new process needs: which files the
// round is over, and how far it is.
type cursor struct {
	Version int `json:"v"`
	// Hashes are of the files in the order of parts.
	Hashes []string `json:"h"`
	// Part is the index of the file being read; Done stands behind the last one.
	Part int  `json:"p,omitempty"`
	Done bool `json:"done,omitempty"`
	// Offset and Line are the place of the next row.
	Offset int64 `json:"o,omitempty"`
	Line   int   `json:"l,omitempty"`
}

func (c cursor) encode() sources.Cursor {
	data, _ := json.Marshal(c) // strings and numbers can't fail to encode
	return sources.Cursor(data)
}

// decodeCursor reads a cursor; the empty one stands before everything.
func decodeCursor(at sources.Cursor) (cursor, error) {
	c := cursor{Version: cursorVersion}
	if at == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(at), &c); err != nil || c.Version != cursorVersion || c.Part < 0 || c.Offset < 0 || c.Line < 0 {
		return c, expired("the cursor is not one of this source")
	}
	return c, nil
}

func expired(message string) error {
	return &sources.Error{Class: sources.Expired, Op: "read files", Message: message, Hint: "a full round begins by itself"}
}
