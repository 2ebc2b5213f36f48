package okta

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/idpbridge/idpbridge/sources"
)

// TestCircles: a chain of next links that runs into itself is noticed, whatever the way in
// and the circle's length, and a straight one never is.
func TestCircles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tail := rapid.IntRange(0, 200).Draw(t, "tail")
		length := rapid.IntRange(1, 200).Draw(t, "length")
		var p place
		for i := range 10 * (tail + length) {
			at := i
			if i >= tail {
				at = tail + (i-tail)%length
			}
			if err := p.next(fmt.Sprint(at)); err != nil {
				if i < tail+length {
					t.Fatalf("page %d is new and was taken for a circle", i)
				}
				return
			}
		}
		t.Fatal("the circle was not noticed")
	})
}

// TestCursorKept: what a cursor says survives being stored.
func TestCursorKept(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	c := cursor{
		Version: cursorVersion, Full: true, Phase: phaseGroups, Since: at, Mark: at.Add(time.Hour), Clock: at.Add(2 * time.Hour),
		List:  place{After: "a", Pages: 3, Any: true, Before: "b", Size: 7, Rereads: 1, Trap: "t"},
		Queue: []queued{{ID: "00g1", Version: 5}, {ID: "00g2", Named: true}}, Members: place{After: "m"}, Log: "l", NoLog: true,
		Read: readings{"00g3": {Version: 1, At: 2}},
	}
	s, err := c.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseCursor(s)
	if diff := cmp.Diff(c, got); diff != "" || err != nil {
		t.Errorf("%v (-stored +read):\n%s", err, diff)
	}
}

// TestCursorBounded: however many groups change, a cursor stays small.
func TestCursorBounded(t *testing.T) {
	c := cursor{Version: cursorVersion, Phase: phaseLogs, Mark: time.Now(), Clock: time.Now()}
	for i := range 100_000 {
		c.wasRead(queued{ID: sources.ID(fmt.Sprintf("00g%017d", i)), Version: c.Mark.UnixMilli()})
	}
	s, err := c.nextRound().encode()
	if err != nil || len(s) > 100_000 {
		t.Errorf("%d bytes, %v", len(s), err)
	}
}

func TestUntilReset(t *testing.T) {
	date := time.Date(2026, 3, 1, 9, 0, 10, 0, time.UTC)
	for _, c := range []struct {
		name string
		h    map[string]string
		want time.Duration
	}{
		{"reset in 50 s", map[string]string{"X-Rate-Limit-Reset": fmt.Sprint(date.Unix() + 50)}, 51 * time.Second},
		{"reset has passed", map[string]string{"X-Rate-Limit-Reset": fmt.Sprint(date.Unix() - 50)}, time.Second},
		{"Retry-After", map[string]string{"Retry-After": "7", "X-Rate-Limit-Reset": fmt.Sprint(date.Unix() + 50)}, 7 * time.Second},
		{"nothing", nil, 0},
		{"no number", map[string]string{"X-Rate-Limit-Reset": "soon"}, 0},
		{"no date", map[string]string{"X-Rate-Limit-Reset": fmt.Sprint(date.Unix() + 50), "Date": "today"}, 0},
	} {
		h := http.Header{"Date": {date.Format(http.TimeFormat)}}
		for k, v := range c.h {
			h.Set(k, v)
		}
		if got := untilReset(h); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
