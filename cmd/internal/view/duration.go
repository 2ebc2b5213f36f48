package view

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Duration writes a duration as the configuration does: "40m", "1h30m", "7d". Zero is "0".
func Duration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	out := ""
	if days := d / day; days > 0 {
		out = fmt.Sprintf("%dd", days)
		d -= days * day
	}
	if d == 0 {
		return out
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return out + text
}

var dayPart = regexp.MustCompile(`^([0-9]+)d(.*)$`)

// ParseDuration reads what Duration writes: Go's notation with days in front. It is never
// negative.
func ParseDuration(text string) (time.Duration, error) {
	var days time.Duration
	rest := text
	if m := dayPart.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n > 100_000 {
			return 0, fmt.Errorf("%q is not a duration such as 90m, 12h or 30d", text)
		}
		days, rest = time.Duration(n)*day, m[2]
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 90m, 12h or 30d", text)
	}
	return days + d, nil
}
