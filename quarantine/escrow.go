package quarantine

import "time"

// escrowLife is how long an object is retried: as long as a job may be in quarantine.
const escrowLife = 28 * day

// NextAttempt says when an object in escrow is tried again after it failed for the given
// number of times: in the next cycle after the first failure, then after 6, 12 and 24
// hours, then daily, until 28 days after the first failure. The zero time means that it
// is due at once; false means that it is given up, until the object changes in the source
// or a person restarts the job or provisions the object on demand.
func NextAttempt(attempts int, first, now time.Time) (time.Time, bool) {
	if attempts <= 1 {
		return time.Time{}, true
	}
	wait := day
	switch attempts {
	case 2:
		wait = 6 * time.Hour
	case 3:
		wait = 12 * time.Hour
	}
	next := now.Add(wait)
	if next.After(first.Add(escrowLife)) {
		return time.Time{}, false
	}
	return next, true
}
