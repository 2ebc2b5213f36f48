package config

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"time"
)

var errDuration = errors.New("not a duration such as 40m, 1h30m or 30d")

// dayPart is the number of days that a duration may start with. Days are not in Go's own
// notation because a calendar day may have 23 or 25 hours; here a day is 24 hours.
var dayPart = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)d(.*)$`)

// parseDuration reads Go's notation, with days in front ("30d", "1d12h"), and plain "0".
// The values of the configuration are never negative.
func parseDuration(text string) (time.Duration, error) {
	days, rest := 0.0, text
	if m := dayPart.FindStringSubmatch(text); m != nil {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, errDuration
		}
		days, rest = n*float64(24*time.Hour), m[2]
		if rest == "" {
			rest = "0"
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, errDuration
	}
	if d < 0 {
		return 0, errors.New("a duration here can't be negative")
	}
	if days+float64(d) >= math.MaxInt64 {
		return 0, errors.New("a duration can't be longer than 290 years")
	}
	return time.Duration(days) + d, nil
}
