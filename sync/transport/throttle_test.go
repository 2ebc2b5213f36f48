package transport

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadSignal(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 500_000_000, time.UTC)
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	skewed := func(d time.Duration) string { return date(d - 2*time.Hour) }
	for _, c := range []struct {
		name   string
		status int
		header map[string]string
		want   signal
	}{
		{"success", 200, nil, signal{verdict: accepted}},
		{"client error", 409, nil, signal{verdict: accepted}},
		{"500 says nothing of load", 500, nil, signal{verdict: accepted}},
		{"429 tells nothing", 429, nil, signal{verdict: throttled}},
		{"429 seconds", 429, map[string]string{"Retry-After": "7"}, signal{verdict: throttled, pause: 7 * time.Second}},
		{"429 fraction", 429, map[string]string{"Retry-After": " 0.25 "}, signal{verdict: throttled, pause: 250 * time.Millisecond}},
		{"429 zero", 429, map[string]string{"Retry-After": "0"}, signal{verdict: throttled}},
		{"429 negative", 429, map[string]string{"Retry-After": "-5"}, signal{verdict: throttled}},
		{"429 NaN", 429, map[string]string{"Retry-After": "NaN"}, signal{verdict: throttled}},
		{"429 infinite", 429, map[string]string{"Retry-After": "+Inf"}, signal{verdict: throttled, pause: maxPause}},
		{"429 nonsense", 429, map[string]string{"Retry-After": "soon"}, signal{verdict: throttled}},
		{"429 X-Retry-After", 429, map[string]string{"X-Retry-After": "9"}, signal{verdict: throttled, pause: 9 * time.Second}},
		{"429 date, our clock", 429, map[string]string{"Retry-After": date(10 * time.Second)}, signal{verdict: throttled, pause: 9500 * time.Millisecond}},
		{"429 date, its clock", 429, map[string]string{"Retry-After": skewed(10 * time.Second), "Date": skewed(0)}, signal{verdict: throttled, pause: 10 * time.Second}},
		{"429 past date", 429, map[string]string{"Retry-After": date(-time.Hour)}, signal{verdict: throttled}},
		{"429 year 9999", 429, map[string]string{"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, signal{verdict: throttled, pause: maxPause}},
		{"429 epoch", 429, map[string]string{"X-Rate-Limit-Reset": "1767323055"}, signal{verdict: throttled, pause: 9500 * time.Millisecond}},
		{"429 epoch milliseconds", 429, map[string]string{"X-RateLimit-Reset": "1767323055000"}, signal{verdict: throttled, pause: 9500 * time.Millisecond}},
		{"429 reset in seconds", 429, map[string]string{"RateLimit-Reset": "30"}, signal{verdict: throttled, pause: 30 * time.Second}},
		{"Retry-After goes before a reset", 429, map[string]string{"Retry-After": "2", "X-RateLimit-Reset": "60"}, signal{verdict: throttled, pause: 2 * time.Second}},
		{
			"structured quota", 200,
			map[string]string{"RateLimit": `"day";r=900;t=3600, "burst";r=5;t=2`},
			signal{verdict: accepted, left: 5, window: 2 * time.Second, told: true},
		},
		{
			"quota on success", 200,
			map[string]string{"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "12", "X-Rate-Limit-Reset": "60"},
			signal{verdict: accepted, left: 12, window: time.Minute, told: true},
		},
		{"remaining without reset", 200, map[string]string{"X-RateLimit-Remaining": "0"}, signal{verdict: accepted}},
		{"503", 503, nil, signal{verdict: overloaded}},
		{"503 told", 503, map[string]string{"Retry-After": "300"}, signal{verdict: throttled, pause: 5 * time.Minute}},
		{"504", 504, nil, signal{verdict: overloaded}},
		{"403 is a refusal", 403, nil, signal{verdict: accepted}},
		{"403 told", 403, map[string]string{"Retry-After": "60"}, signal{verdict: throttled, pause: time.Minute}},
		{"403 with a reset", 403, map[string]string{"X-RateLimit-Reset": "60"}, signal{verdict: throttled, pause: time.Minute}},
		{
			"403 with nothing left", 403,
			map[string]string{"X-RateLimit-Reset": "60", "X-RateLimit-Remaining": "0"},
			signal{verdict: throttled, pause: time.Minute, window: time.Minute, told: true},
		},
		{
			"403 with much left is a refusal", 403,
			map[string]string{"X-RateLimit-Reset": "60", "X-RateLimit-Remaining": "4000"},
			signal{verdict: accepted, left: 4000, window: time.Minute, told: true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range c.header {
				h.Set(k, v)
			}
			got := readSignal(&http.Response{StatusCode: c.status, Header: h}, now)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(signal{})); diff != "" {
				t.Error("(-want +got):", diff)
			}
		})
	}
}

func FuzzReadSignal(f *testing.F) {
	f.Add("7", "1767323055", "3", `"a";r=1;t=2`)
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "1e308", "-1", ";;r=;t=99999999999999999999")
	f.Fuzz(func(t *testing.T, retry, reset, left, structured string) {
		h := http.Header{"Retry-After": {retry}, "X-Ratelimit-Reset": {reset}, "X-Ratelimit-Remaining": {left}, "Ratelimit": {structured}}
		for _, status := range []int{200, 403, 429, 503} {
			s := readSignal(&http.Response{StatusCode: status, Header: h}, time.Unix(1.7e9, 0))
			if s.pause < 0 || s.pause > maxPause || s.window < 0 || s.window > maxPause || s.left < 0 {
				t.Fatalf("out of bounds: %+v", s)
			}
			if s.verdict != throttled && s.pause != 0 {
				t.Fatalf("a pause without a throttle: %+v", s)
			}
		}
	})
}
