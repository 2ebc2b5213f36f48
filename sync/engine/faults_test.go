package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/file"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sources/graph/graphtest"
	"github.com/idpbridge/idpbridge/sources/okta"
	"github.com/idpbridge/idpbridge/sources/okta/oktatest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/provlog"
)

// faultyPeople is the size of the directories here: three pages of four.
const faultyPeople = 12

// badAnswer is what a source's list may answer instead of the truth.
type badAnswer struct {
	name   string
	status int
	body   string // of okta; graph has its lists in an object
	cut    bool   // the right answer, of which half arrives
	loop   bool   // the right answer, whose next link leads back to itself
	code   provlog.Code
}

func badAnswers() []badAnswer {
	return []badAnswer{
		{name: "200 and an empty list", status: 200, body: "[]", code: provlog.CodeIncompleteSource},
		{name: "503 without a body", status: 503, code: provlog.CodeIncompleteSource},
		{name: "502 with a web page", status: 502, body: "<html><body>Bad gateway</body></html>", code: provlog.CodeIncompleteSource},
		{name: "cut body", cut: true, code: provlog.CodeIncompleteSource},
		{name: "401", status: 401, body: "{}", code: provlog.CodeSourceDenied},
		{name: "403", status: 403, body: "{}", code: provlog.CodeSourceDenied},
		{name: "410", status: 410, body: "{}", code: provlog.CodeIncompleteSource},
		{name: "endless next link", loop: true, code: provlog.CodeIncompleteSource},
	}
}

// provider is a source that is asked over HTTP.
type provider struct {
	open   func(t *testing.T, hc *http.Client) engine.Source
	list   string // the path of the list of users
	wrap   string // how an empty list is written
	next   func(resp *http.Response, body []byte) []byte
	tables mapping.Defaults
	remove func(i int) // a user, for good
}

// TestFaultMatrix: whatever the source's list of users answers on its first, second or
// last page, nobody is disabled or deleted, although nothing else would hold it back: the
// guard is switched off, the source can't be asked for single people, and one user has
// really left. When the source is well again, that one is deleted and nobody else.
func TestFaultMatrix(t *testing.T) {
	for name, made := range map[string]func(*testing.T) provider{"graph": graphProvider, "okta": oktaProvider} {
		for page, at := range map[string]int{"page 1": 1, "page 2": 2, "last page": 3} {
			for _, bad := range badAnswers() {
				t.Run(name+"/"+page+"/"+bad.name, func(t *testing.T) {
					p := made(t)
					spoiler := &spoiler{p: p, bad: bad, at: at, next: http.DefaultTransport.(*http.Transport).Clone()}
					t.Cleanup(spoiler.next.CloseIdleConnections)
					r := newRig(t, options{
						source: struct{ engine.Source }{p.open(t, &http.Client{Transport: spoiler})}, tables: &p.tables,
						policy: func(p *plan.Policy) { p.Deleted, p.MaxCount, p.MaxPercent = plan.Delete, 1000, 100 },
					})
					faultCase(t, r, p, spoiler)
				})
			}
		}
	}
}

func faultCase(t *testing.T, r *rig, p provider, s *spoiler) {
	t.Helper()
	r.run("succeeded", engine.Request{})
	equal(t, "accounts", active(r), faultyPeople)
	p.remove(5)
	s.arm(true)
	c := r.run("failed", engine.Request{Full: true, AllowDeletions: true})
	equal(t, "code", c.Error.Code, string(s.bad.code))
	equal(t, "quarantined", c.Quarantined, s.bad.code == provlog.CodeSourceDenied)
	equal(t, "disabled and deleted", []int{c.Users.Disabled, c.Users.Deleted}, []int{0, 0})
	equal(t, "accounts", active(r), faultyPeople)
	if s.hits == 0 {
		t.Fatal("the fault met no request")
	}
	s.arm(false)
	c = r.run("succeeded", engine.Request{Full: true, AllowDeletions: true})
	equal(t, "deleted", c.Users.Deleted, 1)
	equal(t, "accounts", active(r), faultyPeople-1)
}

func active(r *rig) int {
	n := 0
	for _, u := range r.app.Users() {
		if u.Active {
			n++
		}
	}
	return n
}

// spoiler is the way to a source: from the at-th request for a list of users on, the
// answer is a bad one.
type spoiler struct {
	p    provider
	bad  badAnswer
	at   int
	next *http.Transport

	mu         sync.Mutex
	armed      bool
	seen, hits int
}

func (s *spoiler) arm(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.seen, s.hits = on, 0, 0
}

// RoundTrip implements http.RoundTripper.
func (s *spoiler) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.armed || !strings.HasSuffix(req.URL.Path, s.p.list) {
		return s.next.RoundTrip(req)
	}
	if s.seen++; s.seen < s.at {
		return s.next.RoundTrip(req)
	}
	s.hits++
	if s.bad.cut || s.bad.loop {
		return s.altered(req)
	}
	body := s.bad.body
	if body == "[]" {
		body = s.p.wrap
	}
	return &http.Response{
		Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, StatusCode: s.bad.status, Status: strconv.Itoa(s.bad.status),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// altered spoils the right answer.
func (s *spoiler) altered(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if s.bad.loop {
		body = s.p.next(resp, body)
		resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
		return resp, nil
	}
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(body[:len(body)/2])), broken{}))
	return resp, nil
}

// broken is a connection that breaks.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func graphProvider(t *testing.T) provider {
	t.Helper()
	tenant := graphtest.New(graphtest.Options{Token: "token", PageSize: 4})
	ids := []string{}
	for i := range faultyPeople {
		name := fmt.Sprintf("user%d@example.com", i)
		ids = append(ids, tenant.AddUser(graphtest.Props{"userPrincipalName": name, "mail": name, "displayName": name}))
	}
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	return provider{
		list: "/users/delta", wrap: `{"value":[]}`, remove: func(i int) { tenant.PurgeUser(ids[i]) },
		tables: mapping.Defaults{Users: graph.DefaultUserMapping(), Groups: graph.DefaultGroupMapping()},
		next: func(resp *http.Response, body []byte) []byte {
			var page map[string]any
			if err := json.Unmarshal(body, &page); err != nil {
				panic(err)
			}
			delete(page, "@odata.deltaLink")
			page["@odata.nextLink"] = resp.Request.URL.String()
			out, _ := json.Marshal(page)
			return out
		},
		open: func(t *testing.T, hc *http.Client) engine.Source {
			t.Helper()
			cfg := graph.Config{BaseURL: server.URL + "/v1.0", Auth: graph.Auth{Type: graph.AuthToken, Token: "token"}}
			s, err := graph.New(cfg, plainGraph{cfg, hc}, slog.New(slog.DiscardHandler))
			must(t, err)
			return s
		},
	}
}

// plainGraph sends Graph's requests without an SDK.
type plainGraph struct {
	cfg  graph.Config
	http *http.Client
}

func (c plainGraph) Get(ctx context.Context, r graph.Request) (graph.Answer, error) {
	link := r.Link
	if link == "" {
		query := url.Values{}
		for name, value := range map[string]string{"$select": strings.Join(r.Select, ","), "$filter": r.Filter, "$expand": r.Expand} {
			if value != "" {
				query.Set(name, value)
			}
		}
		path := strings.ReplaceAll(strings.TrimPrefix(r.Op.String(), "GET "), "{id}", url.PathEscape(r.ID))
		link = c.cfg.Base() + path + "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return graph.Answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.cfg.Auth.Token.Reveal())
	resp, err := c.http.Do(req) //nolint:bodyclose // ReadAnswer closes it
	if err != nil {
		return graph.Answer{}, err
	}
	return graph.ReadAnswer(resp)
}

func oktaProvider(t *testing.T) provider {
	t.Helper()
	org := oktatest.New(oktatest.Options{Token: "token", PageSize: 4})
	ids := []string{}
	for i := range faultyPeople {
		name := fmt.Sprintf("user%d@example.com", i)
		ids = append(ids, org.AddUser(map[string]any{"login": name, "email": name, "displayName": name}))
	}
	server := httptest.NewServer(org)
	t.Cleanup(server.Close)
	cfg := okta.Config{BaseURL: server.URL, Auth: okta.Auth{Type: okta.AuthAPIToken, Token: "token"}}
	return provider{
		list: "/api/v1/users", wrap: `[]`, remove: func(i int) { org.DeleteUser(ids[i]) },
		tables: mapping.Defaults{Users: okta.DefaultUserMapping(), Groups: okta.DefaultGroupMapping()},
		next: func(resp *http.Response, body []byte) []byte {
			u := *resp.Request.URL
			q := u.Query()
			if q.Get("after") == "" {
				q.Set("after", "first")
				u.RawQuery = q.Encode()
			}
			resp.Header["Link"] = []string{fmt.Sprintf("<%s>; rel=%q", &u, "next")}
			return body
		},
		open: func(t *testing.T, hc *http.Client) engine.Source {
			t.Helper()
			rt, err := okta.Transport(cfg, hc.Transport)
			must(t, err)
			return okta.New(cfg, plainOkta{cfg.Base(), &http.Client{Transport: rt}}, slog.New(slog.DiscardHandler))
		},
	}
}

// plainOkta sends Okta's requests without an SDK.
type plainOkta struct {
	base string
	http *http.Client
}

func (c plainOkta) Get(ctx context.Context, r okta.Request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+r.URL(), nil)
	if err != nil {
		return nil, err
	}
	return c.http.Do(req)
}

// TestFaultyFiles is the matrix for files: damage at the beginning, in the middle and at
// the end, and what has no place in a file at all.
func TestFaultyFiles(t *testing.T) {
	lines := func(n int) []string {
		out := []string{}
		for i := range n {
			out = append(out, fmt.Sprintf(`{"id":"%d","userName":"user%d@example.com","displayName":"User %d","active":true}`, i, i, i))
		}
		return out
	}
	text := func(l []string) string { return strings.Join(l, "\n") + "\n" }
	gone := func() []string { l := lines(faultyPeople); return append(l[:5], l[6:]...) } // number 5 has really left
	cases := map[string]struct {
		damage func(t *testing.T, path string)
		status string
		code   provlog.Code
	}{
		"empty":      {write(""), "failed", provlog.CodeIncompleteSource},
		"missing":    {func(t *testing.T, path string) { t.Helper(); must(t, os.Remove(path)) }, "failed", provlog.CodeSourceUnreachable},
		"a web page": {write("<html><body>Bad gateway</body></html>\n"), "failed", provlog.CodeIncompleteSource},
		"no people":  {write("[]\n"), "failed", provlog.CodeIncompleteSource},
		"a directory": {func(t *testing.T, path string) {
			t.Helper()
			must(t, errors.Join(os.Remove(path), os.Mkdir(path, 0o700)))
		}, "failed", provlog.CodeIncompleteSource},
		"other names": {write(strings.ReplaceAll(text(gone()), `"id"`, `"number"`)), "failed", provlog.CodeIncompleteSource},
	}
	for name, at := range map[string]int{"page 1": 1, "page 2": 5, "last page": 11} {
		l := gone()
		cut := text(l[:at-1]) + l[at-1][:20]
		l[at-1] = "<html>"
		page := text(l)
		cases["cut on "+name] = struct {
			damage func(t *testing.T, path string)
			status string
			code   provlog.Code
		}{write(cut), "failed", provlog.CodeIncompleteSource}
		cases["a line of a web page on "+name] = struct {
			damage func(t *testing.T, path string)
			status string
			code   provlog.Code
		}{write(page), "partial", ""} // that line alone is bad, so nobody is missed
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "people.jsonl")
			write(text(lines(faultyPeople)))(t, path)
			r := newRig(t, options{
				source: file.New(file.Config{Users: path, PageSize: 4}, slog.New(slog.DiscardHandler)),
				tables: &mapping.Defaults{Users: file.DefaultUserMapping(), Groups: file.DefaultGroupMapping()},
				policy: func(p *plan.Policy) { p.Deleted, p.MaxCount, p.MaxPercent = plan.Delete, 1000, 100 },
			})
			r.run("succeeded", engine.Request{})
			c.damage(t, path)
			cycle := r.run(c.status, engine.Request{Full: true, AllowDeletions: true})
			if c.code != "" {
				equal(t, "code", cycle.Error.Code, string(c.code))
			}
			equal(t, "says that somebody is unknown", cycle.Nameless > 0, c.status == "partial")
			equal(t, "accounts", active(r), faultyPeople)
			must(t, os.RemoveAll(path))
			write(text(gone()))(t, path)
			r.run("succeeded", engine.Request{Full: true, AllowDeletions: true})
			equal(t, "accounts", active(r), faultyPeople-1)
		})
	}
}

func write(text string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		must(t, os.WriteFile(path+".new", []byte(text), 0o600))
		must(t, os.Rename(path+".new", path))
	}
}

// TestFileThatChangesForEver: a file that is another one on every page never makes a
// complete read.
func TestFileThatChangesForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "people.jsonl")
	rewrite := func(n int) {
		text := ""
		for i := range n {
			text += fmt.Sprintf("{\"id\":\"%d\",\"userName\":\"user%d@example.com\",\"active\":true}\n", i, i)
		}
		write(text)(t, path)
	}
	rewrite(faultyPeople)
	src := &restless{Source: file.New(file.Config{Users: path, PageSize: 4}, slog.New(slog.DiscardHandler))}
	r := newRig(t, options{source: src, tables: &mapping.Defaults{Users: file.DefaultUserMapping(), Groups: file.DefaultGroupMapping()}})
	r.run("succeeded", engine.Request{})
	n := faultyPeople
	src.before = func() { n--; rewrite(n) }
	c := r.run("failed", engine.Request{Full: true, AllowDeletions: true})
	equal(t, "code", c.Error.Code, string(provlog.CodeIncompleteSource))
	equal(t, "accounts", active(r), faultyPeople)
}

// restless does something before each page.
type restless struct {
	engine.Source
	before func()
}

func (s *restless) Read(ctx context.Context, q sources.Query, at sources.Cursor) (*sources.Page, error) {
	if s.before != nil {
		s.before()
	}
	return s.Source.Read(ctx, q, at)
}
