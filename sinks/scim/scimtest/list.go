package scimtest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listing is a list request being answered (RFC 7644 section 3.4.2).
type listing struct {
	c     *call
	t     *table
	start int // 1-based
	count int // -1: not given
	// after is the last resource of the page before, with a cursor (RFC 9865); 0: none.
	after    uint64
	byCursor bool
	filtered bool
}

func (s *Server) list(c *call, t *table) (*reply, error) {
	l, err := s.listing(c, t)
	if err != nil {
		return nil, err
	}
	s.store.RLock()
	defer s.store.RUnlock()
	found, err := s.find(l)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && l.filtered && s.quirks.FilterNoHit != 0 {
		return nil, refused(s.quirks.FilterNoHit, "", "no resource matches")
	}
	if most := s.quirks.TooMany; most > 0 && l.count < 0 && len(found) > most {
		return nil, bad("tooMany", "more than %d results", most)
	}
	if err := s.sort(l, found); err != nil {
		return nil, err
	}
	return s.page(l, found)
}

// listing reads the paging parameters.
func (s *Server) listing(c *call, t *table) (*listing, error) {
	l := &listing{c: c, t: t, start: 1, count: -1}
	var err error
	if v := c.query.Get("startIndex"); v != "" {
		if l.start, err = strconv.Atoi(v); err != nil {
			return nil, invalidValue("startIndex must be a number")
		}
		l.start = max(l.start, 1)
		if s.quirks.CursorOnly {
			return nil, invalidValue("startIndex is not supported")
		}
	}
	if v := c.query.Get("count"); v != "" {
		if l.count, err = strconv.Atoi(v); err != nil {
			return nil, invalidValue("count must be a number")
		}
		l.count = max(l.count, 0) // a negative value is taken as 0
	}
	if s.quirks.CountZeroReturnsAll && l.count == 0 {
		l.count = -1
	}
	return l, s.cursor(l, c.query)
}

// cursor reads the cursor parameter: present and empty asks for the first page.
func (s *Server) cursor(l *listing, query url.Values) error {
	l.byCursor = s.opts.Cursors && (query.Has("cursor") || s.quirks.CursorOnly)
	v := query.Get("cursor")
	if !l.byCursor || v == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(v)
	if err == nil {
		l.after, err = strconv.ParseUint(strings.TrimPrefix(string(raw), "after-"), 10, 64)
	}
	if err != nil {
		return bad("invalidCursor", "unknown cursor")
	}
	return nil
}

// page cuts one page out of what was found and writes the list.
func (s *Server) page(l *listing, found []*resource) (*reply, error) {
	total := len(found)
	shown, start := s.window(l, found)
	p := s.projection(l.t.rt, l.c.query)
	docs := make([]any, 0, len(shown))
	for _, r := range shown {
		docs = append(docs, s.document(r, l.c.base, p))
	}
	items := len(docs)
	if s.quirks.ItemsPerPageWrong {
		items = s.pageSize(l)
	}
	doc := map[string]any{"schemas": []any{listURN}, "totalResults": total, "itemsPerPage": items, "Resources": docs}
	if !l.byCursor {
		doc["startIndex"] = start
	}
	if !l.filtered {
		doc["totalResults"] = total + s.quirks.TotalResultsOff
	}
	if s.quirks.TotalResultsOfPage {
		doc["totalResults"] = len(docs)
	}
	if s.quirks.Version11 {
		doc["schemas"] = []any{version11URN}
	}
	if s.quirks.OmitTotalResults {
		delete(doc, "totalResults")
	}
	if len(docs) == 0 && s.quirks.OmitEmptyResources {
		delete(doc, "Resources")
	}
	if n := len(shown); l.byCursor && n > 0 && shown[n-1] != found[total-1] {
		doc["nextCursor"] = base64.RawURLEncoding.EncodeToString([]byte("after-" + strconv.FormatUint(shown[n-1].seq, 10)))
	}
	raw, err := json.Marshal(doc)
	return answer(http.StatusOK, json.RawMessage(raw)), err
}

func (s *Server) pageSize(l *listing) int {
	if l.count < 0 {
		return s.opts.PageSize
	}
	return min(l.count, s.opts.MaxResults)
}

// window is the page's part of what was found, and its startIndex.
func (s *Server) window(l *listing, found []*resource) ([]*resource, int) {
	size, start := s.pageSize(l), l.start
	if s.quirks.IgnoreStartIndex {
		start = 1
	}
	if l.byCursor {
		start = 1 + len(found)
		if i := slices.IndexFunc(found, func(r *resource) bool { return r.seq > l.after }); i >= 0 {
			start = 1 + i
		}
	}
	q := s.quirks
	if q.IgnorePaging || q.PastEndReturnsAll && start > len(found) || q.CountZeroReturnsAll && l.count < 0 && l.c.query.Get("count") == "0" {
		return found, start
	}
	from := min(start-1, len(found))
	if q.PagesOverlap && from > 0 {
		from--
	}
	to := min(from+size, len(found))
	return found[from:to], start
}

// find returns the matches in the order of creation, or in a new slice if sorted is asked.
func (s *Server) find(l *listing) ([]*resource, error) {
	match, pool, err := s.filter(l)
	if err != nil {
		return nil, err
	}
	if match == nil && l.t.dead == 0 && s.plain() && l.c.query.Get("sortBy") == "" {
		return pool, nil
	}
	now := time.Now()
	out := make([]*resource, 0, min(len(pool), 1024))
	for _, r := range pool {
		if r == nil || r.lost || now.Before(r.visible) || s.quirks.FilterHidesUnmanaged && !r.managed {
			continue
		}
		if match == nil || match(resourceView{s: s.store, r: r, location: s.location(r, l.c.base)}) {
			out = append(out, r)
		}
	}
	return out, nil
}

// plain says that no habit hides objects, so that a list need not look at each.
func (s *Server) plain() bool {
	q := s.quirks
	return !q.FilterHidesUnmanaged && q.ReadLag == 0 && q.GroupRenameNoPath != Lose
}

// filter compiles the request's filter; a nil predicate takes everything of the pool.
func (s *Server) filter(l *listing) (predicate, []*resource, error) {
	text, given := l.c.query["filter"]
	if !given {
		return nil, l.t.order, nil
	}
	l.filtered = true
	if err := refused(s.quirks.FilterAny, "invalidFilter", "filters are not supported"); err != nil {
		return nil, nil, err
	}
	if s.quirks.FilterAny == Everything {
		return nil, l.t.order, nil
	}
	e, err := parseFilter(text[0])
	if err != nil {
		return s.unknownFilter(l, invalidFilter("filter %v", err))
	}
	switch b := s.filterHabit(l.t, e); b {
	case Nothing:
		return nil, nil, nil
	case Everything:
		return nil, l.t.order, nil
	case Refuse:
		return nil, nil, invalidFilter("only eq and and are supported")
	default:
	}
	c := compiler{rt: l.t.rt, q: s.quirks}
	match, err := c.compile(e)
	if err != nil {
		return s.unknownFilter(l, err)
	}
	if index, value, ok := c.indexHint(e); ok && (index != "displayName" || !s.staleNames()) {
		return match, s.store.candidates(l.t, index, value), nil
	}
	return match, l.t.order, nil
}

func (s *Server) staleNames() bool {
	return s.quirks.GroupRename == Stale || s.quirks.GroupRenameNoPath == Stale
}

// unknownFilter is Quirks.FilterUnknown.
func (s *Server) unknownFilter(l *listing, err error) (predicate, []*resource, error) {
	switch s.quirks.FilterUnknown {
	case Nothing:
		return nil, nil, nil
	case Everything:
		return nil, l.t.order, nil
	case Fail:
		return nil, nil, statusProblem(http.StatusInternalServerError, "filter failed")
	default:
		return nil, nil, err
	}
}

// filterHabit is what the quirks do to a filter by its attributes and operators.
func (s *Server) filterHabit(t *table, e expr) Behaviour {
	switch e := e.(type) {
	case both:
		if e.op == "or" && s.quirks.FilterEqOnly {
			return Refuse
		}
		if b := s.filterHabit(t, e.left); b != 0 {
			return b
		}
		return s.filterHabit(t, e.right)
	case negation:
		if s.quirks.FilterEqOnly {
			return Refuse
		}
		return s.filterHabit(t, e.inner)
	case valuePath:
		if s.quirks.FilterEqOnly {
			return Refuse
		}
		return s.attrHabit(t, e.path.name)
	case comparison:
		if s.quirks.FilterEqOnly && e.op != "eq" {
			return Refuse
		}
		return s.attrHabit(t, e.path.name)
	default:
		return 0
	}
}

func (s *Server) attrHabit(t *table, name string) Behaviour {
	switch isUser := t.rt.name == "User"; {
	case strings.EqualFold(name, "externalId") && isUser && s.quirks.FilterExternalID == Nothing:
		return Nothing
	case strings.EqualFold(name, "externalId") && !isUser:
		return s.quirks.FilterGroupExternalID
	case strings.EqualFold(name, "emails"):
		return s.quirks.FilterEmails
	default:
		return 0
	}
}

// sort orders by sortBy (RFC 7644 section 3.4.2.3); objects without a value come last.
func (s *Server) sort(l *listing, found []*resource) error {
	by := l.c.query.Get("sortBy")
	if by == "" {
		return nil
	}
	p, err := parsePath(by)
	if err != nil || p.filter != nil {
		return bad("invalidPath", "sortBy %q", by)
	}
	t, ok := l.t.rt.resolve(p.attr)
	if !ok || t.leaf() == nil {
		return bad("invalidPath", "sortBy %q", by)
	}
	type keyed struct {
		key string
		r   *resource
	}
	all := make([]keyed, len(found))
	for i, r := range found {
		all[i] = keyed{s.sortKey(r, t), r}
	}
	down := strings.EqualFold(l.c.query.Get("sortOrder"), "descending")
	slices.SortStableFunc(all, func(a, b keyed) int {
		switch {
		case a.key == "" || b.key == "":
			return strings.Compare(b.key, a.key) // empty last
		case down:
			return strings.Compare(b.key, a.key)
		default:
			return strings.Compare(a.key, b.key)
		}
	})
	for i := range all {
		found[i] = all[i].r
	}
	return nil
}

func (s *Server) sortKey(r *resource, t target) string {
	key := ""
	resourceView{s: s.store, r: r}.each(t, func(v any) bool {
		switch v := v.(type) {
		case string:
			key = v
		case bool:
			key = strconv.FormatBool(v)
		}
		return true
	})
	if a := t.leaf(); !a.caseExact {
		key = fold(key)
	}
	return key
}
