package graph

import (
	"crypto/rand"
	"encoding/json"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/idpbridge/idpbridge/sources"
)

// phase is the stream that a round is reading.
type phase int

// The phases, in the order of a round.
const (
	phaseUsers phase = iota + 1
	phaseGroups
	phaseAssignments
)

// cursor is what a sources.Cursor of this package holds, as JSON. Between rounds (the
// watermark) Users and Groups are delta links and Round is empty. Within a round the link
// of the current phase is the page to read next; an empty one stands for its first page.
type cursor struct {
	Query  string `json:"q"`           // fingerprint of what the links were asked for
	Round  string `json:"r,omitempty"` // names the round, empty between rounds
	Full   bool   `json:"f,omitempty"`
	Page   int    `json:"n,omitempty"` // pages of the round read so far
	Phase  phase  `json:"p,omitempty"`
	Users  string `json:"u,omitempty"`
	Groups string `json:"g,omitempty"`
	// Assignments is the next page's link; the list has no delta.
	Assignments string `json:"a,omitempty"`
	// Assigned counts the assignments seen in this round, Before those of the last one.
	Assigned int `json:"ac,omitempty"`
	Before   int `json:"ab,omitempty"`
	// Confirm is set when an empty page ended the list and is read once more.
	Confirm bool `json:"ok,omitempty"`
	// Stale counts pages in a row that brought the same as the one before; Last is
	// that page's fingerprint.
	Stale int    `json:"s,omitempty"`
	Last  string `json:"l,omitempty"`
}

// begin reads a cursor; at the beginning of a round it names the round.
func begin(q sources.Query, at sources.Cursor) (cursor, error) {
	c := cursor{Query: fingerprint(q), Full: true}
	if at != "" {
		c = cursor{}
		if err := json.Unmarshal([]byte(at), &c); err != nil {
			return c, &sources.Error{Class: sources.Expired, Op: "read cursor", Message: "it is not a cursor of this source", Err: err}
		}
		if c.Query != fingerprint(q) {
			return c, &sources.Error{Class: sources.Expired, Op: "read cursor", Message: "it was made for other attributes or another scope"}
		}
	}
	if c.Round == "" {
		c.Round, c.Phase = rand.Text()[:8], phaseUsers
	}
	return c, nil
}

func (c cursor) encode() sources.Cursor {
	// A struct of strings, numbers and booleans always marshals.
	text, _ := json.Marshal(c)
	return sources.Cursor(text)
}

// request is what the cursor stands before.
func (c cursor) request(q sources.Query) Request {
	switch c.Phase {
	case phaseGroups:
		return Request{Op: OpGroupsDelta, Link: c.Groups, Select: groupSelect(q)}
	case phaseAssignments:
		return Request{Op: OpAssignments, Link: c.Assignments, ID: q.App, Top: maxTop}
	case phaseUsers:
	}
	return Request{Op: OpUsersDelta, Link: c.Users, Select: userSelect(q)}
}

// maxTop is the largest page of directory lists.
const maxTop = 999

// last says whether the current phase is the round's last one.
func (c cursor) last(q sources.Query) bool {
	switch c.Phase {
	case phaseUsers:
		return !wantsGroups(q)
	case phaseGroups:
		return q.App == ""
	case phaseAssignments:
	}
	return true
}

func wantsGroups(q sources.Query) bool { return q.Groups || q.App != "" }

// follow stores the next page's link.
func (c *cursor) follow(link string) {
	switch c.Phase {
	case phaseGroups:
		c.Groups = link
	case phaseAssignments:
		c.Assignments = link
	case phaseUsers:
		c.Users = link
	}
}

// watermark is the cursor after a whole round.
func (c cursor) watermark() cursor {
	return cursor{Query: c.Query, Users: c.Users, Groups: c.Groups, Before: c.Assigned}
}

// fingerprint names what the links of a cursor track: Graph encodes $select in them, so
// links made for other attributes would never tell about the new ones.
func fingerprint(q sources.Query) string {
	h := fnv.New64a()
	for _, part := range []string{
		strings.Join(userSelect(q), ","), strings.Join(groupSelect(q), ","),
		strconv.FormatBool(wantsGroups(q)), q.App,
	} {
		_, _ = h.Write([]byte(part + "\n")) // a hash never fails
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// userSelect returns the properties to ask for: what the job needs and what this package
// needs itself.
func userSelect(q sources.Query) []string {
	names := slices.Concat([]string{"id", "accountEnabled", "displayName", "mail", "userPrincipalName"}, q.UserAttributes)
	names = slices.DeleteFunc(names, func(name string) bool { return name == originalUPN })
	slices.Sort(names)
	return slices.Compact(names)
}

func groupSelect(q sources.Query) []string {
	names := slices.Concat([]string{"id", "displayName", "members"}, q.GroupAttributes)
	slices.Sort(names)
	return slices.Compact(names)
}

// pin refuses a link that leads away from the configured API: the token goes with it.
func (s *Source) pin(link string) error {
	if link == "" {
		return nil
	}
	u, err := url.Parse(link)
	if err == nil && u.Scheme == s.base.Scheme && strings.EqualFold(u.Host, s.base.Host) && u.User == nil {
		return nil
	}
	return &sources.Error{
		Class: sources.Incomplete, Op: "follow link",
		Message: "a link in the answer leads away from " + s.base.Scheme + "://" + s.base.Host + "; it was not followed",
		Hint:    "check base_url and any proxy before it",
	}
}
