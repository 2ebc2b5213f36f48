// Package sinktest is the conformance suite of sinks: what the engine relies on, tried
// against a sink and the application behind it.
//
// The suite judges by what the application holds afterwards, told by a second way in
// (Application.Held), never by what the sink says of itself. It needs a fresh, empty
// application per test and no knowledge of the protocol between the two. Deviations that
// an application can't help are declared in Traits, so that nothing is left out in
// silence.
package sinktest

import (
	"context"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/sinks"
)

// Reader is the reading half of a sink.
type Reader interface {
	List(ctx context.Context, q sinks.Query, cursor string) (*sinks.Page, error)
	Find(ctx context.Context, q sinks.Query, path, value string) ([]sinks.Object, error)
	Get(ctx context.Context, q sinks.Query, id sinks.ID) (*sinks.Object, error)
}

// Writer is the writing half of a sink.
type Writer interface {
	Do(ctx context.Context, op sinks.Op) (sinks.Receipt, error)
	Limits() sinks.Limits
}

// Sink is what the suite tries.
type Sink interface {
	Reader
	Writer
}

// Application is a sink and the application behind it.
type Application struct {
	Sink Sink
	// Held returns what the application really has: all users or all groups, values by
	// path, members by id.
	Held func() []sinks.Object
	// HeldGroups is the same for groups.
	HeldGroups func() []sinks.Object
	// Seed puts an account into the application behind the sink's back, where that is
	// quicker than through it; nil: through the sink.
	Seed func(values map[string]any) sinks.ID
	// Disturb changes a user's nickName behind the sink's back, as another client of the
	// application does; nil: it can't be done.
	Disturb func(id sinks.ID)
	// Exchange returns the requests for one user and how they were answered, e.g.
	// "PATCH 412", in the order of their arrival; nil: nobody knows.
	Exchange func(id sinks.ID) []string
	// Traits are what the application can't help.
	Traits Traits
}

// Traits are properties of an application that change what can be expected.
type Traits struct {
	// NamesNotUnique is set when a second account of one userName is taken.
	NamesNotUnique bool
	// CaseSensitiveSearch is set when a search finds a userName in its own letter case only.
	CaseSensitiveSearch bool
	// Overtaken is what Exchange shows of an update that another client's change came
	// before; nil: that is not looked at.
	Overtaken []string
	// Unsupported are paths that the application has no place for.
	Unsupported []string
}

// Harness makes a fresh, empty application for each test.
type Harness func(t *testing.T) Application

// Run tries everything.
func Run(t *testing.T, fresh Harness) {
	t.Run("users", func(t *testing.T) { runUsers(t, fresh) })
	t.Run("groups", func(t *testing.T) { runGroups(t, fresh) })
	t.Run("reading", func(t *testing.T) { runReading(t, fresh) })
	t.Run("errors", func(t *testing.T) { runErrors(t, fresh) })
}

// bench is one test's application with helpers that end the test on failure.
type bench struct {
	Application
	t *testing.T
}

func begin(t *testing.T, fresh Harness) bench {
	t.Helper()
	return bench{Application: fresh(t), t: t}
}

func (b bench) do(op sinks.Op) sinks.Receipt {
	b.t.Helper()
	receipt, err := b.Sink.Do(b.t.Context(), op)
	if err != nil {
		b.t.Fatalf("%s %s: %v (%s)", op.Action, op.Resource, err, sinks.HintOf(err))
	}
	return receipt
}

// create makes an object and returns its id.
func (b bench) create(r sinks.Resource, values map[string]any) sinks.ID {
	b.t.Helper()
	receipt := b.do(sinks.Op{Action: sinks.Create, Resource: r, Attributes: attributes(values)})
	if receipt.ID == "" {
		b.t.Fatalf("create %s: no id", r)
	}
	return receipt.ID
}

func (b bench) update(r sinks.Resource, id sinks.ID, values map[string]any) {
	b.t.Helper()
	b.do(sinks.Op{Action: sinks.Update, Resource: r, ID: id, Attributes: attributes(values)})
}

// held returns the object as the application has it.
func (b bench) held(r sinks.Resource, id sinks.ID) (sinks.Object, bool) {
	b.t.Helper()
	all := b.Held
	if r == sinks.Group {
		all = b.HeldGroups
	}
	for _, o := range all() {
		if o.ID == id {
			return o, true
		}
	}
	return sinks.Object{}, false
}

// wantHeld compares the given paths with what the application has; nil: no value.
func (b bench) wantHeld(r sinks.Resource, id sinks.ID, want map[string]any) {
	b.t.Helper()
	o, ok := b.held(r, id)
	if !ok {
		b.t.Fatalf("the application has no %s %s", r, id)
	}
	got := make(map[string]any, len(want))
	for path := range want {
		got[path] = o.Values[path]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("%s %s in the application (-want +got):\n%s", r, id, diff)
	}
}

// supported leaves out what the application has no place for.
func (b bench) supported(values map[string]any) map[string]any {
	out := maps.Clone(values)
	for _, path := range b.Traits.Unsupported {
		delete(out, path)
	}
	return out
}
