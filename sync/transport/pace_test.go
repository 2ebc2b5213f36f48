package transport

import (
	"math"
	"testing"
	"time"
)

// TestFirstToldPauseIsNoRate refuses one of a handful of requests: the pause is sat out,
// and no rate is made of it. A second time is no accident.
func TestFirstToldPauseIsNoRate(t *testing.T) {
	p, now := newPace(), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for range 2 {
		p.accepted(now, now)
	}
	p.throttled(now.Add(time.Millisecond), now.Add(time.Millisecond), time.Second)
	if !math.IsInf(p.limit, 1) {
		t.Errorf("after one refusal among two requests the rate is %g/s, want none", p.limit)
	}
	now = now.Add(2 * time.Second)
	p.accepted(now, now)
	p.throttled(now.Add(time.Millisecond), now.Add(time.Millisecond), time.Second)
	if math.IsInf(p.limit, 1) {
		t.Error("a second refusal taught no rate")
	}
}
