package graph

import (
	"hash/fnv"
	"slices"
	"strconv"
	"sync"

	"github.com/idpbridge/idpbridge/sources"
)

// step is one page of a round: where it was asked for, how, and what came.
type step struct {
	at   cursor
	sent Request
	got  pageBody
}

// advance sets the page's cursor and, at the end of the last stream, Done.
func (s *Source) advance(page *sources.Page, q sources.Query, st step) error {
	if err := s.checkLinks(st); err != nil {
		return err
	}
	next := st.at
	next.Page++
	next.Confirm = false
	next.Assigned += len(page.Assignments)
	if st.got.next != "" {
		if err := s.checkChain(&next, st); err != nil {
			return err
		}
		next.follow(st.got.next)
		page.Cursor = next.encode()
		return nil
	}
	next.Stale, next.Last = 0, ""
	if st.at.Phase == phaseAssignments {
		again, err := endOfAssignments(&next, st)
		if err != nil || again {
			page.Cursor = next.encode()
			return err
		}
		page.CompleteAssignments = true
	} else {
		next.follow(st.got.delta)
	}
	if st.at.last(q) {
		page.Done, page.Cursor = true, next.watermark().encode()
		return nil
	}
	next.Phase++
	page.Cursor = next.encode()
	return nil
}

// checkLinks insists on exactly the links that the stream's protocol allows.
func (s *Source) checkLinks(st step) error {
	next, delta := st.got.next != "", st.got.delta != ""
	switch {
	case next && delta:
		return incomplete(st.sent.Op, "the page has both a next link and a delta link", nil)
	case st.at.Phase == phaseAssignments && delta:
		return incomplete(st.sent.Op, "a list came with a delta link", nil)
	case st.at.Phase != phaseAssignments && !next && !delta:
		return incomplete(st.sent.Op, "the page has neither a next link nor a delta link: it is not known whether more follows", nil)
	}
	if err := s.pin(st.got.next); err != nil {
		return err
	}
	return s.pin(st.got.delta)
}

// checkChain refuses a chain of pages that can't end.
func (s *Source) checkChain(next *cursor, st step) error {
	if s.trails.loops(st.at.Round, st.at.Page, st.sent.Link, st.got.next) {
		return incomplete(st.sent.Op, "the next link leads back to this or an earlier page of the round", nil)
	}
	next.Stale++
	if st.got.ids != st.at.Last {
		next.Stale = 0
	}
	next.Last = st.got.ids
	if next.Stale >= s.maxStale {
		return incomplete(st.sent.Op, "page after page brings nothing new: the chain has no end", nil)
	}
	return nil
}

// endOfAssignments decides whether a page without a next link ends the list of
// assignments. The list has no mark of its own, so an empty page is doubted: it may be a
// fault that would take everyone out of scope. After other pages it is read once more;
// where the last round had assignments, an empty list is an error. A full round after
// that takes it as it is, and the guard on deletions judges.
func endOfAssignments(next *cursor, st step) (again bool, err error) {
	switch {
	case len(st.got.value) > 0:
	case next.Assigned > 0 && !st.at.Confirm:
		next.Confirm = true
		return true, nil
	case next.Assigned == 0 && st.at.Before > 0:
		return false, &sources.Error{
			Class: sources.Incomplete, Op: st.sent.Op.String(),
			Message: "nobody is assigned to the application any more, while " + strconv.Itoa(st.at.Before) + " assignments were there in the last round",
			Hint:    "if all assignments were really taken back, run the job once with --full",
		}
	}
	next.Assignments = ""
	return false, nil
}

// trails remembers, for the rounds that run in this process, at which page each link was
// fetched. A next link that was fetched at the same or an earlier page closes a circle; at a
// later page it is the same chain read again after a crash or an error.
type trails struct {
	mu     sync.Mutex
	rounds map[string]map[uint64]int
	order  []string // rounds, oldest first
}

// The memory is bounded: as many rounds as run side by side in practice, and more pages
// than the largest tenants have.
const (
	maxTrails    = 16
	maxTrailSize = 1 << 17
)

func newTrails() *trails { return &trails{rounds: map[string]map[uint64]int{}} }

// loops notes that link was fetched at a page of a round, and reports whether next leads back.
func (t *trails) loops(round string, page int, link, next string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	trail, ok := t.rounds[round]
	if !ok {
		if len(t.order) >= maxTrails {
			delete(t.rounds, t.order[0])
			t.order = slices.Delete(t.order, 0, 1)
		}
		trail = map[uint64]int{}
		t.rounds[round] = trail
		t.order = append(t.order, round)
	}
	if link != "" && len(trail) < maxTrailSize {
		trail[hash([]byte(link))] = page
	}
	seen, ok := trail[hash([]byte(next))]
	return ok && seen <= page
}

func hash(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b) // a hash never fails
	return h.Sum64()
}
