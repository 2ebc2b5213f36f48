package engine_test

import (
	"fmt"
	"testing"

	"github.com/idpbridge/idpbridge/sync/engine"
)

// TestVersions: what the app told of its versions is remembered between cycles and
// processes. An update nobody came between is one request that names the version; where
// somebody did, the app is asked once what it has now, and the update arrives all the same.
func TestVersions(t *testing.T) {
	r := newRig(t, options{})
	r.fill(2)
	r.dir.PutGroup(group(0, 0, 1))
	r.run("succeeded", engine.Request{})
	r.open()
	r.dir.PutUser(user(0, "title", "Director"))
	r.dir.PutUser(user(1, "title", "Director"))
	must(t, r.app.Edit(r.account(1).ID, "nickName", "Joe"))
	r.dir.PutGroup(group(0, 0))
	r.run("succeeded", engine.Request{})
	equal(t, "writes and looks", r.exchange(), map[string]int{
		"PATCH /Users/{id} 200 if-match": 2, "PATCH /Users/{id} 412 if-match": 1, "GET /Users/{id} 200": 1, "PATCH /Groups/{id} 200 if-match": 1,
	})
	equal(t, "title", r.account(1).Values["title"], any("Director"))
	equal(t, "what somebody else set", r.account(1).Values["nickName"], any("Joe"))
	r.dir.PutUser(user(1, "title", "Chief"))
	r.run("succeeded", engine.Request{})
	equal(t, "the next time", r.exchange(), map[string]int{"PATCH /Users/{id} 200 if-match": 1})
}

// exchange counts the requests of the last cycle by route and answer.
func (r *rig) exchange() map[string]int {
	out := map[string]int{}
	for _, q := range r.app.Requests() {
		line := fmt.Sprintf("%s %d", q.Route, q.Status)
		if q.Header.Get("If-Match") != "" {
			line += " if-match"
		}
		out[line]++
	}
	return out
}
