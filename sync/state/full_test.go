package state_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/sourcetest"
	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/mapping"
	"github.com/idpbridge/idpbridge/sync/plan"
	"github.com/idpbridge/idpbridge/sync/state"
)

// app holds user names and finds them, and nothing else.
type app struct {
	accounts atomic.Int64
	names    chan map[string]sinks.ID // one, handed round
	made     func(n int64)            // called after each account, outside the lock
}

func newApp() *app {
	a := &app{names: make(chan map[string]sinks.ID, 1)}
	a.names <- map[string]sinks.ID{}
	return a
}

func (a *app) Find(_ context.Context, _ sinks.Query, path, value string) ([]sinks.Object, error) {
	names := <-a.names
	defer func() { a.names <- names }()
	if id, ok := names[value]; ok {
		return []sinks.Object{{ID: id, Values: map[string]any{path: value}}}, nil
	}
	return nil, nil
}

func (a *app) Get(context.Context, sinks.Query, sinks.ID) (*sinks.Object, error) {
	return nil, &sinks.Error{Class: sinks.Missing}
}

func (a *app) Do(_ context.Context, op sinks.Op) (sinks.Receipt, error) {
	if op.Action != sinks.Create {
		return sinks.Receipt{}, nil
	}
	n := a.accounts.Add(1)
	id := sinks.ID(fmt.Sprintf("account-%d", n))
	names := <-a.names
	for _, at := range op.Attributes {
		if name, ok := at.Value.(string); ok && at.Path == sinks.PathUserName {
			names[name] = id
		}
	}
	a.names <- names
	if a.made != nil {
		a.made(n)
	}
	return sinks.Receipt{ID: id, MembersDone: true}, nil
}

func (a *app) List(context.Context, sinks.Query, string) (*sinks.Page, error) {
	return nil, &sinks.Error{Class: sinks.Rejected} // is asked for each object
}

func (a *app) Limits() sinks.Limits        { return sinks.Limits{Members: 100, Concurrency: 4} }
func (a *app) Probe(context.Context) error { return nil }

// TestFullDisk: a cycle whose state can't be stored ends with an error and without having
// sent much that it could not note; when there is room again, the next one goes on, and
// nobody has two accounts. The disk is full at the first page, or in the middle of the
// sending.
func TestFullDisk(t *testing.T) {
	for name, at := range map[string]int64{"while reading": 0, "while sending": 700} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			sink := newApp()
			e := engine.New(engine.Options{Store: r.s, Now: func() time.Time { return r.now }})
			job := fullDiskJob(t, sink)
			const n = 3000
			if at == 0 {
				must(t, r.s.LimitPages(t.Context(), 4))
			} else {
				sink.made = func(have int64) {
					if have == at {
						if err := r.s.LimitPages(context.WithoutCancel(t.Context()), 2); err != nil {
							t.Error(err)
						}
					}
				}
			}
			c, err := e.Run(t.Context(), job, engine.Request{Trigger: "manual"})
			message := fmt.Sprint(err)
			if c != nil && c.Error != nil {
				message += c.Error.Message
			}
			if !strings.Contains(message, "full") {
				t.Fatalf("the cycle ended with %v, %+v", err, c)
			}
			if sent := sink.accounts.Load(); sent > at+2000 {
				t.Errorf("%d accounts were made of which nothing could be stored", sent-at)
			}
			must(t, r.s.LimitPages(t.Context(), -1))
			r.now = r.now.Add(time.Minute) // a lease that could not be given back runs out
			for range 2 {
				c, err = e.Run(t.Context(), job, engine.Request{Trigger: "manual"})
				must(t, err)
			}
			equal(t, "status", c.Status, "succeeded")
			equal(t, "accounts", sink.accounts.Load(), int64(n))
		})
	}
}

func fullDiskJob(t *testing.T, sink *app) *engine.Job {
	t.Helper()
	m, err := mapping.Compile(mapping.Spec{}, mapping.Scope{}, mapping.Defaults{
		Users:  []sources.DefaultRow{{To: sinks.PathUserName, From: "user.userName", Match: 1}},
		Groups: []sources.DefaultRow{{To: sinks.PathDisplayName, From: "group.displayName", Match: 1}},
	})
	must(t, err)
	dir := &sourcetest.Directory{PageSize: 200, CrowdSize: 3000, Crowd: func(i int) sources.User {
		e := person(i)
		return sources.User{ID: e.SourceID, UserName: e.UserName, Active: true, Attributes: map[string]any{"userName": e.UserName}}
	}}
	return &engine.Job{
		Name: "full disk", Source: dir, Sink: sink, DrySink: sink, Mapping: m, Policy: plan.Default(), Quarantine: quarantine.Default(),
		Requests: func() state.Requests { return state.Requests{} },
	}
}
