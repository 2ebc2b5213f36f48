package transport

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestFit: events that come late by up to the gap between two still show their rate.
func TestFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(1, 1000).Draw(t, "rate")
		n := rapid.IntRange(30, 300).Draw(t, "n")
		begin, line := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), fit{}
		for i := range n {
			late := rapid.Float64Range(0, 0.5).Draw(t, "late")
			line.add(begin.Add(time.Duration((float64(i) + late) / rate * float64(time.Second))))
		}
		if off := math.Abs(line.slope()/rate - 1); off > 0.03 {
			t.Errorf("%g/s from %d events at %g/s", line.slope(), n, rate)
		}
	})
}

func TestFitOfNothing(t *testing.T) {
	line, now := fit{}, time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for range 3 {
		if got := line.slope(); got != 0 {
			t.Errorf("%g/s from events at one time", got)
		}
		line.add(now)
	}
}
