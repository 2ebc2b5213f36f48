package engine_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sync/engine"
)

// crash is a process that dies at a request: the state is copied at that very moment, and
// nothing is sent from then on. What follows works on the copy, as the next process would
// on the file.
type crash struct {
	r    *rig
	next http.RoundTripper

	mu     sync.Mutex
	method string // dies at the first request with this method; empty: lives
	late   bool   // when the request has had its effect
	dead   bool
	file   string
}

var errDead = errors.New("the process is dead")

func newCrash(t *testing.T, o options) (*rig, *crash) {
	t.Helper()
	c := &crash{}
	o.clients = func(next http.RoundTripper) http.RoundTripper { c.next = next; return c }
	c.r = newRig(t, o)
	return c.r, c
}

// RoundTrip implements http.RoundTripper.
func (c *crash) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return nil, errDead
	}
	if c.method != req.Method {
		return c.next.RoundTrip(req)
	}
	c.dead = true
	if c.late {
		resp, err := c.next.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
	}
	if err := c.r.store.Backup(req.Context(), c.file); err != nil {
		c.r.t.Error(err)
	}
	return nil, errDead
}

// before runs a cycle that dies before the first request with a method is sent.
func (c *crash) before(method string) { c.die(method, false) }

// after runs a cycle that dies when the app has carried out the first such request.
func (c *crash) after(method string) { c.die(method, true) }

func (c *crash) die(method string, late bool) {
	c.r.t.Helper()
	c.mu.Lock()
	c.method, c.late, c.file = method, late, filepath.Join(c.r.t.TempDir(), "crashed.db")
	c.mu.Unlock()
	_, err := c.r.eng.Run(c.r.t.Context(), c.r.job, engine.Request{Trigger: "manual"})
	must(c.r.t, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dead {
		c.r.t.Fatalf("no %s was sent", method)
	}
	c.dead, c.method, c.r.file = false, "", c.file
	c.r.open()
	c.r.now = c.r.now.Add(time.Minute) // the dead one's lease runs out
}
