package schedule

import (
	"hash/fnv"
	"time"
)

// marks are the times at which a job's cycles start.
type marks struct{ offset, interval time.Duration }

// newMarks returns the marks of a job. The offset is a whole number of milliseconds, as
// stored times are.
func newMarks(job string, interval time.Duration) marks {
	h := fnv.New64a()
	_, _ = h.Write([]byte(job)) // a hash never fails
	spread := uint64(max(1, interval.Milliseconds()))
	return marks{offset: time.Duration(h.Sum64()%spread) * time.Millisecond, interval: interval}
}

// after returns the first mark after a time.
func (m marks) after(t time.Time) time.Time { return m.upTo(t).Add(m.interval) }

// next returns the mark that follows a cycle started at a time: the first one at least
// half an interval later, so that a late cycle and the next one don't crowd.
func (m marks) next(t time.Time) time.Time {
	mark := m.after(t)
	if mark.Sub(t) < m.interval/2 {
		mark = mark.Add(m.interval)
	}
	return mark
}

// near returns the mark nearest to a time. A timer may fire a little early or late.
func (m marks) near(t time.Time) time.Time { return m.upTo(t.Add(m.interval / 2)) }

// is says whether a time is a mark.
func (m marks) is(t time.Time) bool { return m.upTo(t).Equal(t) }

// upTo returns the last mark that is not after a time.
func (m marks) upTo(t time.Time) time.Time {
	since := time.Duration(t.UnixNano()) - m.offset
	past := since % m.interval
	if past < 0 {
		past += m.interval
	}
	return time.Unix(0, t.UnixNano()-int64(past)).UTC()
}
