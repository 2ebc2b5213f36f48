package scim

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/idpbridge/idpbridge/sinks"
)

// List reads one page. The empty cursor starts a walk; Page.Cursor continues it, in this
// Sink alone, since what was seen is remembered here (8 bytes and a map slot an object).
// Objects come once, however often the application repeats them. An error ends the walk:
// start a new one. It is of class Incompatible when the list can't be trusted: objects
// missing from it, a total that shrinks, an answer that is no list.
func (s *Sink) List(ctx context.Context, q sinks.Query, cursor string) (*sinks.Page, error) {
	w, err := s.walks.take(cursor)
	if err != nil {
		return nil, err
	}
	fresh, done, err := s.page(ctx, q, w)
	if err != nil {
		return nil, err
	}
	page := &sinks.Page{Done: done, Objects: make([]sinks.Object, 0, len(fresh))}
	known := s.membersKnown(ctx, q, fresh...)
	for _, r := range fresh {
		page.Objects = append(page.Objects, r.object(q, known))
	}
	if !done {
		page.Cursor = s.walks.keep(w)
	}
	return page, nil
}

// page reads the next page of a walk: the resources not seen before, and whether the
// list is complete.
func (s *Sink) page(ctx context.Context, q sinks.Query, w *walk) ([]*document, bool, error) {
	if w.next == 0 {
		claims := s.claims(ctx)
		w.size, w.paging, w.next = s.pageSize(claims), s.paging(claims), 1
		w.doubt = claims.MaxResults == 0
	}
	req := request{method: http.MethodGet, resource: q.Resource, query: s.selection(q)}
	w.query(req.query)
	a, err := s.send(ctx, req)
	if err != nil {
		// A page behind the end may be refused, which says that it is the end.
		if w.doubt && len(w.seen) == w.total && sinks.ClassOf(err) == sinks.Rejected {
			return nil, true, nil
		}
		return nil, false, err
	}
	l, err := readList(req, a, q.Members)
	if err != nil {
		return nil, false, err
	}
	return w.add(req, l)
}

// pageSize is the profile's, lowered to what the server says it allows.
func (s *Sink) pageSize(c Claims) int {
	if c.MaxResults > 0 {
		return min(s.profile.PageSize, c.MaxResults)
	}
	return s.profile.PageSize
}

// paging is the profile's style, but a server that says it has cursors and no indexes
// (RFC 9865 section 4) is taken at its word.
func (s *Sink) paging(c Claims) Paging {
	if s.profile.Paging == PageByIndex && c.CursorPaging && c.IndexPaging == No {
		return PageByCursor
	}
	return s.profile.Paging
}

// list is a decoded ListResponse, RFC 7644 section 3.4.2.
type list struct {
	total     int // -1: not told
	resources []*document
	cursor    string
}

func readList(req request, a *answer, members bool) (list, error) {
	var raw struct {
		Schemas      []string          `json:"schemas"`
		TotalResults *flexInt          `json:"totalResults"`
		Resources    []json.RawMessage `json:"Resources"`
		NextCursor   string            `json:"nextCursor"`
	}
	if err := json.Unmarshal(a.body, &raw); err != nil {
		return list{}, garbage(req, a, "the answer is no SCIM list")
	}
	if slices.ContainsFunc(raw.Schemas, func(s string) bool { return strings.HasPrefix(s, schemaV1) }) {
		return list{}, garbage(req, a, "")
	}
	if raw.TotalResults == nil && raw.Resources == nil {
		return list{}, garbage(req, a, "the answer is no SCIM list: it has neither totalResults nor Resources")
	}
	l := list{total: -1, cursor: raw.NextCursor, resources: make([]*document, 0, len(raw.Resources))}
	if raw.TotalResults != nil {
		l.total = int(*raw.TotalResults)
	}
	for _, item := range raw.Resources {
		r, err := readDocument(item, members)
		if err != nil {
			return list{}, garbage(req, a, "a list with something that is no resource")
		}
		if r.isV1() {
			return list{}, garbage(req, a, "")
		}
		if r.id() == "" {
			return list{}, garbage(req, a, "a list with a resource that has no id")
		}
		l.resources = append(l.resources, r)
	}
	return l, nil
}

// flexInt reads an integer that some servers write as a text.
type flexInt int

// UnmarshalJSON reads 5 and "5".
func (n *flexInt) UnmarshalJSON(b []byte) error {
	var num json.Number
	if err := json.Unmarshal(b, &num); err != nil {
		return err
	}
	i, err := strconv.Atoi(num.String())
	if err != nil || i < 0 {
		return fmt.Errorf("%q is not a count", num)
	}
	*n = flexInt(i)
	return nil
}

// walk is the state of one enumeration.
type walk struct {
	paging Paging
	size   int
	next   int    // startIndex of the next page, from 1; 0: not begun
	cursor string // the server's, with PageByCursor
	total  int    // -1: not told so far, or not true
	// doubt is set while a total may be that of the page alone: some servers that don't
	// tell their largest page say so of every page. lies is set once one was caught.
	doubt, lies bool

	seen map[uint64]struct{}
	seed maphash.Seed
}

func newWalk() *walk {
	return &walk{total: -1, seen: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
}

// query adds the paging parameters of the next page.
func (w *walk) query(v url.Values) {
	switch w.paging {
	case PageNone:
		return
	case PageByCursor:
		v.Set("cursor", w.cursor)
	case PageByIndex:
		v.Set("startIndex", strconv.Itoa(w.next))
	}
	v.Set("count", strconv.Itoa(w.size))
}

// add takes a page in. It returns what is new on it and whether the list is complete.
func (w *walk) add(req request, l list) ([]*document, bool, error) {
	incomplete := func(why string) error {
		return &sinks.Error{
			Class: sinks.Incompatible, Op: req.op(), Status: http.StatusOK,
			Message: fmt.Sprintf("incomplete list: %s; %d of %d objects seen", why, len(w.seen), w.total),
			Hint:    "The application's paging can't be trusted, or objects were deleted during the read; try again, or set override.paging or page_size.",
		}
	}
	before, last := len(w.seen), w.total
	fresh := w.distinct(l.resources)
	if before > 0 && len(w.seen) > before && last == before && w.doubt {
		w.lies, last, w.total = true, -1, -1 // it goes on behind what was said to be the end
	}
	if l.total >= 0 && !w.lies {
		w.total = l.total
	}
	switch {
	case last >= 0 && w.total < last:
		return nil, false, incomplete(fmt.Sprintf("the total went from %d to %d", last, w.total))
	case w.total >= 0 && len(w.seen) > w.total:
		return nil, false, incomplete("more objects than the total says")
	}
	w.next += len(l.resources)
	more := len(w.seen) > before
	var done bool
	switch w.paging {
	case PageNone:
		done = true
	case PageByCursor:
		done = l.cursor == ""
		if !done && l.cursor == w.cursor {
			return nil, false, incomplete("the next cursor is the same again")
		}
		w.cursor, more = l.cursor, true
	case PageByIndex:
		done = len(w.seen) == w.total || w.total < 0 && !more
		if done && before == 0 && w.doubt && mayBeCeiling(len(w.seen)) {
			return fresh, false, nil
		}
	}
	if done && w.total >= 0 && len(w.seen) < w.total {
		return nil, false, incomplete("the list ends")
	}
	if !done && !more {
		return nil, false, incomplete(fmt.Sprintf("the page from %d on adds nothing", w.next-len(l.resources)))
	}
	return fresh, done, nil
}

// mayBeCeiling tells numbers that servers have for their largest page. Where the first
// page has as many objects, and no more are said to exist, the next one is asked for.
func mayBeCeiling(n int) bool { return n >= 10 && (n%10 == 0 || n%25 == 0) }

func (w *walk) distinct(resources []*document) []*document {
	fresh := resources[:0]
	for _, r := range resources {
		h := maphash.String(w.seed, string(r.id()))
		if _, ok := w.seen[h]; ok {
			continue
		}
		w.seen[h] = struct{}{}
		fresh = append(fresh, r)
	}
	return fresh
}

// walks holds the enumerations under way, at most maxWalks; the oldest one is forgotten,
// so that abandoned ones don't add up.
type walks struct {
	mu   sync.Mutex
	last int
	open map[int]*walk
}

const maxWalks = 16

// take hands out a walk; its cursor is used up.
func (ws *walks) take(cursor string) (*walk, error) {
	if cursor == "" {
		return newWalk(), nil
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	key, err := strconv.Atoi(cursor)
	w, ok := ws.open[key]
	if err != nil || !ok {
		return nil, fmt.Errorf("list: the cursor %q is used up or of another run: start anew", cursor)
	}
	delete(ws.open, key)
	return w, nil
}

func (ws *walks) keep(w *walk) string {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.open == nil {
		ws.open = make(map[int]*walk)
	}
	ws.last++
	ws.open[ws.last] = w
	for len(ws.open) > maxWalks {
		oldest := ws.last
		for k := range ws.open {
			oldest = min(oldest, k)
		}
		delete(ws.open, oldest)
	}
	return strconv.Itoa(ws.last)
}
