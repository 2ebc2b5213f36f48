package sourcetest

import (
	"fmt"
	"testing"

	"github.com/idpbridge/idpbridge/sources"
)

// faults meets each fault at every page of a full and of an incremental round.
func faults(t *testing.T, open func(*testing.T) Harness) {
	t.Helper()
	expected := open(t).Faults
	for _, fault := range AllFaults() {
		class, stated := expected[fault]
		if !stated {
			t.Errorf("the harness says nothing about %v: give its class, or 0 if it can't happen", fault)
		}
		if class == 0 {
			continue
		}
		t.Run(fault.String(), func(t *testing.T) {
			faultInFull(t, open, fault)
			faultInIncremental(t, open, fault)
		})
	}
}

func faultInFull(t *testing.T, open func(*testing.T) Harness, fault Fault) {
	t.Helper()
	total := len(seeded(t, open).round(""))
	for stop := range total {
		w := seeded(t, open)
		at := sources.Cursor("")
		for range stop {
			at = w.read(at).Cursor
		}
		at = w.meet(fault, at)
		w.round(at)
		w.equal(fmt.Sprintf("full round, %v at page %d of %d, healed", fault, stop+1, total))
	}
}

// faultInIncremental also proves that a fault never takes the place of a watermark: the
// mirror holds people who must still be there afterwards.
func faultInIncremental(t *testing.T, open func(*testing.T) Harness, fault Fault) {
	t.Helper()
	stop := 0
	for total := 1; stop < total; stop++ {
		w := seeded(t, open)
		at := w.watermark("")
		w.settle()
		w.changeALot()
		total = len(w.dry(at))
		for range stop {
			at = w.read(at).Cursor
		}
		at = w.meet(fault, at)
		w.round(at)
		w.equal(fmt.Sprintf("incremental round, %v at page %d of %d, healed", fault, stop+1, total))
	}
}

// changeALot changes enough for an incremental round of several pages.
func (w *world) changeALot() {
	for _, id := range w.users[:8] {
		p := w.people[id]
		p.Title = "Changed"
		w.put(p)
	}
	w.remove(w.users[9])
	g := w.teams[w.groups[0]]
	g.Members = g.Members[3:]
	w.team(g)
}

// dry reads a round without taking it in.
func (w *world) dry(at sources.Cursor) []*sources.Page {
	kept := w.mirror
	w.mirror = NewMirror()
	defer func() { w.mirror = kept }()
	return w.round(at)
}

// meet makes the next Read fail and returns the cursor to go on from. Only the class
// Expired may send the caller back to the beginning. An endless chain may look right for
// some pages before it must be recognised.
func (w *world) meet(fault Fault, at sources.Cursor) sources.Cursor {
	w.t.Helper()
	heal := w.Fail(fault)
	page, err := w.Source.Read(w.t.Context(), w.Query, at)
	for range maxReads {
		if fault != Endless || err != nil || page.Done {
			break
		}
		w.mirror.Apply(page)
		at = page.Cursor
		page, err = w.Source.Read(w.t.Context(), w.Query, at)
	}
	if err == nil {
		w.t.Fatalf("%v: Read gave no error, and a page with Done=%v", fault, page.Done)
	}
	if page != nil && page.Done {
		w.t.Fatalf("%v: Read gave an error and a Done page", fault)
	}
	class, want := sources.ClassOf(err), w.Faults[fault]
	if class != want {
		w.t.Fatalf("%v: class %v, want %v: %v", fault, class, want, err)
	}
	if class == sources.Denied && sources.HintOf(err) == "" {
		w.t.Errorf("%v: a refusal must say what the administrator can do: %v", fault, err)
	}
	heal()
	if class == sources.Expired {
		w.mirror.Restart()
		return ""
	}
	return at
}
