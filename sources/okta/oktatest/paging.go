package oktatest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// listing is one list's answer in the making: it takes the objects from the request's
// cursor on, up to the page's size, and notes whether there are more.
type listing struct {
	org    *Org
	w      http.ResponseWriter
	r      *http.Request
	start  int // the first index to look at
	limit  int
	items  []json.RawMessage
	next   int // the index after the last item taken
	more   bool
	always bool // give a next link on every page, as the log's polling requests do
}

// sizes are a list's page sizes: the one when none is asked for, and the largest.
type sizes struct{ standard, most int }

// list reads `limit` and `after`. It answers the request itself when they are wrong.
func (o *Org) list(w http.ResponseWriter, r *http.Request, s sizes) (*listing, bool) {
	l := &listing{org: o, w: w, r: r, limit: s.standard}
	q := r.URL.Query()
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			fail(w, http.StatusBadRequest, "E0000001", "Api validation failed: limit")
			return nil, false
		}
		l.limit = min(n, s.most)
	}
	if o.opt.PageSize > 0 {
		l.limit = min(l.limit, o.opt.PageSize)
	}
	if v := q.Get("after"); v != "" {
		i, err := openCursor(v)
		if err != nil {
			fail(w, http.StatusBadRequest, "E0000031", "Invalid search criteria.")
			return nil, false
		}
		l.start = i
	}
	l.next = l.start
	return l, true
}

// take adds the object at an index unless the page is full; it returns false when it is.
func (l *listing) take(index int, object any) bool {
	if len(l.items) >= l.limit {
		l.more = true
		return false
	}
	b, err := json.Marshal(object)
	if err != nil {
		panic(fmt.Sprintf("oktatest: a profile can't be written as JSON: %v", err))
	}
	l.items = append(l.items, b)
	l.next = index + 1
	return true
}

// send writes the answer. Okta sends one Link header line per link.
func (l *listing) send() {
	h := l.w.Header()
	h.Add("Link", l.link("self", l.r.URL.Query().Get("after")))
	full := l.org.trailing && len(l.items) == l.limit
	if l.more || l.always || full {
		h.Add("Link", l.link("next", sealCursor(l.next)))
	}
	h.Set("Content-Type", "application/json")
	body := make([]byte, 0, 2+len(l.items)*1024)
	body = append(body, '[')
	for i, item := range l.items {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, item...)
	}
	_, _ = l.w.Write(append(body, ']'))
}

func (l *listing) link(rel, after string) string {
	q := l.r.URL.Query()
	q.Del("after")
	if after != "" {
		q.Set("after", after)
		q.Del("since")
	}
	return fmt.Sprintf("<%s%s?%s>; rel=%q", baseOf(l.r), l.r.URL.EscapedPath(), q.Encode(), rel)
}

func baseOf(r *http.Request) string {
	u := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// Cursors are opaque to clients.
func sealCursor(i int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("after:" + strconv.Itoa(i)))
}

func openCursor(s string) (int, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return 0, fmt.Errorf("decode cursor: %w", err)
	}
	i, err := strconv.Atoi(strings.TrimPrefix(string(b), "after:"))
	if err != nil {
		return 0, fmt.Errorf("decode cursor: %w", err)
	}
	return i, nil
}

// send writes one object.
func send(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// fail writes Okta's error object.
func fail(w http.ResponseWriter, status int, code, summary string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"errorCode": code, "errorSummary": summary, "errorLink": code,
		"errorId": "oaeEmulated" + code, "errorCauses": []any{},
	})
}

func notFound(w http.ResponseWriter, id, kind string) {
	fail(w, http.StatusNotFound, "E0000007", "Not found: Resource not found: "+id+" ("+kind+")")
}
