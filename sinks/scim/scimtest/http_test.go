package scimtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// client sends requests to a server under test.
type client struct {
	t    *testing.T
	s    *Server
	base string
	http *http.Client
}

// serve starts a server. Its client gets connections of its own, so that one test's dropped
// connections are no concern of another's.
func serve(t *testing.T, opts Options) *client {
	t.Helper()
	s := New(opts)
	tr := &http.Transport{MaxIdleConnsPerHost: 32}
	t.Cleanup(tr.CloseIdleConnections)
	return &client{t: t, s: s, base: s.Start(t), http: &http.Client{Transport: tr}}
}

// result is an answer; doc is nil when the body is no JSON object.
type result struct {
	status int
	header http.Header
	raw    string
	doc    map[string]any
}

func (r result) text(name string) string {
	s, _ := r.doc[name].(string)
	return s
}

// flat is the document by path.
func (r result) flat() map[string]any { return flatten(r.doc) }

func (r result) ids() []string {
	var out []string
	list, _ := r.doc["Resources"].([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		id, _ := m["id"].(string)
		out = append(out, id)
	}
	return out
}

// try sends a request; err is set when there was no whole answer.
func (c *client) try(method, path, body string, header ...string) (result, error) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", scimJSON)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return result{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	out := result{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &out.doc) // not every answer is JSON
	return out, err
}

// do sends a request that must be answered.
func (c *client) do(method, path, body string, header ...string) result {
	c.t.Helper()
	r, err := c.try(method, path, body, header...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// must sends a request that must be answered with status.
func (c *client) must(status int, method, path, body string, header ...string) result {
	c.t.Helper()
	r := c.do(method, path, body, header...)
	if r.status != status {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, path, r.status, status, r.raw)
	}
	return r
}

// user creates a user with a POST; rest is more JSON, beginning with a comma.
func (c *client) user(name, rest string) string {
	c.t.Helper()
	return c.must(201, "POST", "/Users", `{"schemas":["`+userURN+`"],"userName":`+quote(name)+rest+`}`).text("id")
}

// group creates a group with a POST.
func (c *client) group(name string, members ...string) string {
	c.t.Helper()
	return c.must(201, "POST", "/Groups", groupBody(name, members...)).text("id")
}

func groupBody(name string, members ...string) string {
	return `{"schemas":["` + groupURN + `"],"displayName":` + quote(name) + `,"members":` + memberValues(members...) + `}`
}

func memberValues(ids ...string) string {
	list := []map[string]string{}
	for _, id := range ids {
		list = append(list, map[string]string{"value": id})
	}
	raw, _ := json.Marshal(list)
	return string(raw)
}

func quote(s string) string { return string(quoted(s)) }

// patchBody wraps operations.
func patchBody(ops ...string) string {
	return `{"schemas":["` + patchURN + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
}

func jsonText(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// record asks the handler without a network, for tests on a fake clock.
func record(s *Server, method, path, body string, header ...string) result {
	return recordURL(s, method, s.opts.BasePath+path, body, header...)
}

func recordURL(s *Server, method, url, body string, header ...string) result {
	req := httptest.NewRequest(method, url, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", scimJSON)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	out := result{status: w.Code, header: w.Header(), raw: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &out.doc) // not every answer is JSON
	return out
}
