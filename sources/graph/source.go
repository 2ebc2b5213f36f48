// Package graph reads a directory from Microsoft Graph: users and groups with delta
// queries, and the assignments to an application by listing them.
//
// What it does not do: it never writes, never retries (the transport below it does), never
// waits, keeps no directory in memory and knows nothing of applications' attributes. It
// does not import Microsoft's SDK; package sdk does, and hands in a Client.
//
// # A round
//
//	users/delta pages → groups/delta pages → appRoleAssignedTo pages
//
// Each Read is one request and one page. Groups are left out when the query wants none,
// assignments when it names no application. The round is Done on the last stream's own
// mark: a delta link for users and groups, for assignments a well-formed page without a
// next link. A page with neither or both links, without a value, cut off, or not JSON is
// an error of class Incomplete, as is a chain of links that comes back to itself.
//
// # What entries mean
//
// Requests ask for the default mode of delta queries: an entry brings every selected
// property that has a value, so an absent one has none, like null. Relationships are the
// exception: `manager@delta` and `members@delta` bring changes, and their absence means
// unchanged. An entry without userPrincipalName, which every user has, is not whole and is
// given as a bad entry rather than taken for a user whose attributes were cleared.
//
// A person is active unless accountEnabled is false. An entry with @removed is a soft
// deletion when its reason is "changed" and final when it is "deleted". Directories keep
// the memberships of softly deleted users and tell no change of them; whoever computes
// memberships leaves out users who are not there.
//
// Full rounds bring no removals: who is not seen by the Done page has gone.
//
// # Cursors
//
// A cursor holds Graph's own links, which are opaque and pinned to the configured host,
// and a fingerprint of the query: links track the properties they were first asked for.
// A link that Graph no longer knows (410, syncStateNotFound, an expired page token) is an
// error of class Expired, and the caller starts from the empty cursor.
package graph

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/idpbridge/idpbridge/sources"
)

// Source reads one directory. It is safe for concurrent use.
type Source struct {
	client Client
	log    *slog.Logger
	base   *url.URL
	trails *trails
	// maxStale is how many pages in a row may bring nothing new.
	maxStale int
}

// New returns a source that sends its requests through client. The configuration must
// have passed Validate.
func New(cfg Config, client Client, log *slog.Logger) (*Source, error) {
	base, err := url.Parse(cfg.Base())
	if err != nil {
		return nil, fmt.Errorf("parse base_url: %w", err)
	}
	return &Source{client: client, log: log, base: base, trails: newTrails(), maxStale: 10_000}, nil
}

// Read returns the page at a cursor; the empty one begins a full round. It costs one
// request.
func (s *Source) Read(ctx context.Context, q sources.Query, at sources.Cursor) (*sources.Page, error) {
	c, err := begin(q, at)
	if err != nil {
		return nil, err
	}
	r := c.request(q)
	answer, err := s.get(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	body, err := parsePage(r.Op, answer.Body, kept(q, c.Phase))
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	page := &sources.Page{Full: c.Full}
	if err := fill(page, q, c.Phase, body.value); err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	if err := s.advance(page, q, step{c, r, body}); err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	s.log.DebugContext(ctx, "page read", "op", r.Op.String(), "round", c.Round, "page", c.Page+1,
		"entries", len(body.value), "bad", len(page.Bad), "full", page.Full, "done", page.Done)
	return page, nil
}

// Check asks for each right that the query needs, with requests that bring next to
// nothing. The delta queries also prove that Graph can track the attributes asked for.
func (s *Source) Check(ctx context.Context, q sources.Query) error {
	requests := []Request{{Op: OpUsersDelta, Select: userSelect(q), Latest: true}}
	if wantsGroups(q) {
		requests = append(requests, Request{Op: OpGroupsDelta, Select: groupSelect(q), Latest: true})
	}
	if q.App != "" {
		requests = append(requests, Request{Op: OpAssignments, ID: q.App, Top: 1})
	}
	for _, r := range requests {
		answer, err := s.get(ctx, r)
		if err == nil {
			_, err = parsePage(r.Op, answer.Body, names{})
		}
		if err != nil {
			return fmt.Errorf("check rights: %w", err)
		}
	}
	return nil
}

// fill puts a page's entries where they belong.
func fill(page *sources.Page, q sources.Query, p phase, entries []map[string]any) error {
	switch p {
	case phaseGroups:
		return newGroupReader(q).read(page, entries)
	case phaseAssignments:
		return readAssignments(page, entries)
	case phaseUsers:
	}
	return newUserReader(q).read(page, entries)
}
