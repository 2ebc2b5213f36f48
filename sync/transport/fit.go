package transport

import "time"

// fit is the straight line of least squares through a count over time. Its slope is a rate
// that rests on all events, not on the first and last: each is late by up to the gap
// between two requests, and some by a crowded moment. Its zero value is empty.
type fit struct {
	from time.Time
	// The number of events, and sums: of times, their squares, counts, and products.
	n, t, tt, k, kt float64
}

// add counts an event.
func (f *fit) add(at time.Time) {
	if f.n == 0 {
		f.from = at
	}
	t := at.Sub(f.from).Seconds()
	f.k += f.n
	f.kt += f.n * t
	f.t += t
	f.tt += t * t
	f.n++
}

// slope returns the events per second, 0 when there are too few to tell.
func (f *fit) slope() float64 {
	spread := f.n*f.tt - f.t*f.t
	if f.n < 2 || spread <= 0 {
		return 0
	}
	return (f.n*f.kt - f.k*f.t) / spread
}
