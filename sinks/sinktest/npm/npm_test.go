package npm_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/sinks/sinktest/npm"
)

// peer speaks plain HTTP to a server: no client of ours is involved.
type peer struct {
	t *testing.T
	npm.Server
}

func start(t *testing.T, software npm.Software) peer {
	t.Helper()
	return peer{t: t, Server: npm.Start(t, software)}
}

type object = map[string]any

// do sends a request and fails the test unless the answer has one of the statuses.
func (p peer) do(method, path string, body any, statuses ...int) (object, http.Header) {
	p.t.Helper()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			p.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.BaseURL+path, bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.Token)
	if body != nil {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if !slices.Contains(statuses, resp.StatusCode) {
		p.t.Fatalf("%s %s: %d, want %v: %s", method, path, resp.StatusCode, statuses, raw)
	}
	var out object
	_ = json.Unmarshal(raw, &out) // 204 has no body
	return out, resp.Header
}

func (p peer) user(name string) object {
	p.t.Helper()
	out, _ := p.do("POST", "/Users", object{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name, "externalId": "ext-" + name, "active": true,
		"name": object{"givenName": "G", "familyName": "F"}, "emails": []object{{"value": name, "type": "work", "primary": true}},
	}, 201)
	return out
}

func (p peer) group(name string) object {
	p.t.Helper()
	out, _ := p.do("POST", "/Groups", object{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name}, 201)
	return out
}

func patch(ops ...object) object {
	return object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": ops}
}

// find returns the total and the resources of a filtered list.
func (p peer) find(path, filter string) (float64, []any) {
	p.t.Helper()
	out, _ := p.do("GET", path+"?filter="+url.QueryEscape(filter), nil, 200)
	total, _ := out["totalResults"].(float64)
	list, _ := out["Resources"].([]any)
	return total, list
}

func id(o object) string { s, _ := o["id"].(string); return s }

func at(p peer, path string, o object) object {
	p.t.Helper()
	out, _ := p.do("GET", path+"/"+url.PathEscape(id(o)), nil, 200)
	return out
}

// members are the ids in a group as the server shows it.
func members(p peer, g object) []string {
	p.t.Helper()
	list, _ := at(p, "/Groups", g)["members"].([]any)
	out := []string{}
	for _, e := range list {
		m, _ := e.(object)
		s, _ := m["value"].(string)
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// TestServers walks one user's and one group's life on every server.
func TestServers(t *testing.T) {
	for _, software := range []npm.Software{npm.SCIMMY, npm.BetterAuth, npm.Polis} {
		t.Run(software.String(), func(t *testing.T) {
			p := start(t, software)
			users(p)
			groups(p, software != npm.Polis)
			guarded(p)
		})
	}
}

func users(p peer) {
	p.t.Helper()
	alice, bob := p.user("alice@example.com"), p.user("bob@example.com")
	if id(alice) == "" || id(alice) == id(bob) {
		p.t.Fatalf("ids %q and %q", id(alice), id(bob))
	}
	p.do("POST", "/Users", object{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "alice@example.com",
		"emails": []object{{"value": "alice@example.com"}},
	}, 409)
	total, list := p.find("/Users", `userName eq "alice@example.com"`)
	if found, _ := list[0].(object); total != 1 || id(found) != id(alice) {
		p.t.Errorf("filter: %v %v", total, list)
	}
	if total, _ := p.find("/Users", `userName eq "nobody@example.com"`); total != 0 {
		p.t.Errorf("filter for nobody: %v", total)
	}
	out, _ := p.do("PATCH", "/Users/"+id(alice), patch(object{"op": "replace", "path": "active", "value": false}), 200)
	if got := at(p, "/Users", alice); out["active"] != false || got["active"] != false {
		p.t.Errorf("disabled: answered %v, read %v", out["active"], got["active"])
	}
	if got := at(p, "/Users", bob); got["active"] != true {
		p.t.Errorf("bob: %v", got)
	}
	if all, _ := p.do("GET", "/Users?startIndex=1&count=50", nil, 200); all["totalResults"] != 2.0 {
		p.t.Errorf("list: %v", all)
	}
	p.do("DELETE", "/Users/"+id(bob), nil, 200, 204)
	p.do("GET", "/Users/"+id(bob), nil, 404)
}

func groups(p peer, shown bool) {
	p.t.Helper()
	var ids []string
	for i := range 3 {
		ids = append(ids, id(p.user(fmt.Sprintf("member%d@example.com", i))))
	}
	g := p.group("staff")
	value := func(ids ...string) (out []object) {
		for _, s := range ids {
			out = append(out, object{"value": s})
		}
		return out
	}
	p.do("PATCH", "/Groups/"+id(g), patch(object{"op": "add", "path": "members", "value": value(ids...)}), 200)
	p.do("PATCH", "/Groups/"+id(g), patch(object{"op": "remove", "path": `members[value eq "` + ids[1] + `"]`}), 200)
	want := []string{ids[0], ids[2]}
	if !shown {
		want = nil
	}
	slices.Sort(want)
	if got := members(p, g); !slices.Equal(got, want) {
		p.t.Errorf("members %v, want %v", got, want)
	}
	p.do("PATCH", "/Groups/"+id(g), patch(object{"op": "replace", "path": "displayName", "value": "crew"}), 200)
	if got := at(p, "/Groups", g)["displayName"]; got != "crew" {
		p.t.Errorf("renamed group is %v", got)
	}
	if all, _ := p.do("GET", "/Groups", nil, 200); all["totalResults"] != 1.0 {
		p.t.Errorf("list: %v", all)
	}
	p.do("DELETE", "/Groups/"+id(g), nil, 200, 204)
	p.do("GET", "/Groups/"+id(g), nil, 404)
}

func guarded(p peer) {
	p.t.Helper()
	p.Token = "wrong"
	p.do("GET", "/Users", nil, 401)
}

// TestThrottled shows the rate limit of better-auth as clients meet it.
func TestThrottled(t *testing.T) {
	p := start(t, npm.BetterAuthThrottled)
	for range 100 {
		p.do("GET", "/Users?count=1", nil, 200)
	}
	_, header := p.do("GET", "/Users?count=1", nil, 429)
	if header.Get("X-Retry-After") == "" || header.Get("Retry-After") != "" {
		t.Errorf("header %v", header)
	}
}

// TestMissingNode shows that a machine without Node skips and says what was not run.
func TestMissingNode(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	skipped := &recorder{TB: t}
	func() {
		defer func() { _ = recover() }() // recorder leaves the way Skipf does
		npm.Start(skipped, npm.SCIMMY)
	}()
	if !strings.Contains(skipped.message, "SCIMMY") || !strings.Contains(skipped.message, "not run") {
		t.Errorf("message %q", skipped.message)
	}
}

// recorder takes a skip instead of the test.
type recorder struct {
	testing.TB
	message string
}

func (r *recorder) Skipf(format string, args ...any) {
	r.message = fmt.Sprintf(format, args...)
	panic(r.message)
}

// TestLocks checks that the lock files name no place to download from, only versions and
// checksums.
func TestLocks(t *testing.T) {
	for _, dir := range []string{"scimmy", "betterauth", "polis"} {
		raw, err := os.ReadFile(dir + "/package-lock.json")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(`"resolved"`)) || !bytes.Contains(raw, []byte(`"integrity": "sha512-`)) {
			t.Errorf("%s: the lock file has download addresses or no checksums", dir)
		}
	}
}
