package okta

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/idpbridge/idpbridge/sources"
)

// The page sizes: Okta's maxima for users (200), app users (500), app groups (200) and
// the log (1000), and what it recommends where larger pages are allowed but may time out
// (groups, members).
const (
	userLimit     int32 = 200
	groupLimit    int32 = 200
	memberLimit   int32 = 200
	appUserLimit  int32 = 500
	appGroupLimit int32 = 200
	logLimit      int32 = 1000
)

// maxRereads is how often the end of one list is read anew before the round fails.
const maxRereads = 3

// round is one step of a round: it reads one page and moves the cursor.
type round struct {
	source *Source
	query  sources.Query
	at     cursor
	page   sources.Page
}

// step reads the next page: members of a waiting group first, else the phase's list.
func (r *round) step(ctx context.Context) error {
	if len(r.at.Queue) > 0 {
		if r.at.Queue[0].Named {
			return r.namedGroup(ctx)
		}
		return r.members(ctx)
	}
	switch r.at.Phase {
	case phaseUsers:
		return r.users(ctx)
	case phaseGroups:
		return r.groups(ctx)
	case phaseAppUsers:
		return r.appUsers(ctx)
	case phaseAppGroups:
		return r.appGroups(ctx)
	case phaseLogs:
		return r.logs(ctx)
	case phaseEnd:
	}
	return fmt.Errorf("okta: no such phase: %d", r.at.Phase)
}

// advance goes to the next phase that the query needs.
func (r *round) advance() {
	r.at.List = place{}
	r.at.Phase++
	for r.skip(r.at.Phase) {
		r.at.Phase++
	}
}

func (r *round) skip(p phase) bool {
	switch p {
	case phaseGroups:
		return !r.query.Groups
	case phaseAppUsers:
		return r.query.App == ""
	case phaseAppGroups:
		return r.query.App == "" || !r.query.Groups
	case phaseLogs:
		return r.at.NoLog && !r.at.Full
	case phaseUsers, phaseEnd:
	}
	return false
}

// answer is a list that was understood.
type answer[T any] struct {
	items []T
	bad   []sources.BadEntry
	next  string // `after` of the next link; empty: the list has ended
}

// ended says that this was the list's last page.
func (a answer[T]) ended() bool { return a.next == "" }

// list reads the page at p and moves p. An empty page that follows others doesn't prove
// an end: see reread.
func list[T entry[T]](ctx context.Context, r *round, req Request, p *place) (answer[T], error) {
	req.After = p.After
	a, err := fetch[T](ctx, r, req)
	if err != nil {
		return a, err
	}
	if len(a.items)+len(a.bad) == 0 && a.ended() && p.Pages > 0 {
		return reread[T](ctx, r, req, p)
	}
	return a, move(req, p, a)
}

// reread proves the end of a list whose last page came empty. That happens when the
// number of entries is a multiple of the page size, but also when a right is lost or a
// server fails in the middle of a list. The page before is read again, asking for one
// entry fewer: the true list then ends with a page that has an entry.
func reread[T entry[T]](ctx context.Context, r *round, req Request, p *place) (answer[T], error) {
	if p.Rereads >= maxRereads || p.Size < 2 {
		return answer[T]{}, incomplete(req, "the list ends with an empty page", nil)
	}
	req.After, req.Limit = p.Before, p.Size-1
	a, err := fetch[T](ctx, r, req)
	if err != nil {
		return a, err
	}
	if len(a.items)+len(a.bad) == 0 {
		return answer[T]{}, incomplete(req, "a page that had entries is now empty", nil)
	}
	*p = place{After: p.Before, Pages: p.Pages, Any: true, Rereads: p.Rereads + 1}
	return a, move(req, p, a)
}

func move[T any](req Request, p *place, a answer[T]) error {
	p.Size = int32(len(a.items) + len(a.bad)) //nolint:gosec // at most what Limit asked for
	p.Any = p.Any || p.Size > 0
	if a.ended() {
		return nil
	}
	if err := p.next(a.next); err != nil {
		return incomplete(req, "the list has no end", err)
	}
	return nil
}

// fetch sends a request for a list and decodes the answer.
func fetch[T entry[T]](ctx context.Context, r *round, req Request) (a answer[T], err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := r.source.get(ctx, req)
	if err != nil {
		return a, err
	}
	defer closeBody(resp)
	if err := r.tick(req, resp); err != nil {
		return a, err
	}
	if a.items, a.bad, err = decodeList[T](resp.Body); err != nil {
		return a, incomplete(req, "the answer is not a whole JSON list", err)
	}
	if a.next, err = nextAfter(resp.Header); err != nil {
		return a, incomplete(req, "the answer's links can't be read", err)
	}
	return a, nil
}

// tick takes the answer's time. Without it there is no watermark.
func (r *round) tick(req Request, resp *http.Response) error {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return incomplete(req, "the answer has no Date", err)
	}
	return r.at.tick(date)
}

// prove sends one request that must show a user. It is asked where an empty list would
// be believed: with rights lost, Okta answers 200 and [] to everything.
func (r *round) prove(ctx context.Context) error {
	req := Request{Call: ListUsers, Limit: 1}
	a, err := fetch[userEntry](ctx, r, req)
	if err != nil {
		return err
	}
	if len(a.items)+len(a.bad) == 0 {
		return noPeople(req)
	}
	return nil
}

// one reads a single object.
func one[T entry[T]](ctx context.Context, s *Source, req Request) (v T, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := s.get(ctx, req)
	if err != nil {
		return v, err
	}
	defer closeBody(resp)
	v, err = decodeOne[T](resp.Body)
	if err != nil {
		return v, incomplete(req, "the answer is not a whole JSON object", err)
	}
	return v, nil
}

// get sends a request; only a 2xx answer comes back.
func (s *Source) get(ctx context.Context, req Request) (*http.Response, error) {
	start := time.Now()
	resp, err := s.client.Get(ctx, req)
	if err != nil {
		return nil, unreachable(req, err)
	}
	s.log.DebugContext(ctx, "okta answered", "request", req.String(), "status", resp.StatusCode, "duration", time.Since(start))
	if resp.StatusCode/100 != 2 {
		defer closeBody(resp)
		return nil, refused(req, resp)
	}
	return resp, nil
}

// closeBody reads what little may be left, so that the connection can be used again.
func closeBody(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	_ = resp.Body.Close()
}
