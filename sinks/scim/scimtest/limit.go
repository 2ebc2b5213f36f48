package scimtest

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limit is a request limit. A request that several limits cover must pass all of them.
type Limit struct {
	// Methods and Path choose requests: verbs, and a prefix of the path below the base path;
	// empty: all. BodyOver covers only requests with a larger body, in bytes.
	Methods  []string
	Path     string
	BodyOver int
	// Rate (requests per second) and Burst (default 1) are a token bucket.
	Rate  float64
	Burst int
	// Requests in each Window is a fixed window instead; used when Window is set.
	Requests int
	Window   time.Duration
	// From and Until bound the limit in time since the first request the limits saw; zero:
	// from the start, for ever. Two limits that follow each other change midway.
	From, Until time.Duration

	// Status is the refusal's, default 429.
	Status int
	// Tell says how the waiting time is told.
	Tell TellStyle
	// TellWait is told instead of the true waiting time.
	TellWait time.Duration
	// ContentType and Body are the refusal's; default a SCIM error.
	ContentType, Body string
}

// TellStyle is the way to tell a client how long to wait.
type TellStyle int

// The styles. The zero value is Retry-After in seconds, rounded up.
const (
	// TellDate is Retry-After with an HTTP date.
	TellDate TellStyle = iota + 1
	// TellXRetryAfter is X-Retry-After in seconds.
	TellXRetryAfter
	// TellReset is X-RateLimit-Limit, -Remaining and -Reset, the last in Unix seconds.
	TellReset
	// TellNothing tells nothing.
	TellNothing
)

type limiter struct {
	mu     sync.Mutex
	limits []*activeLimit
	begin  time.Time
}

type activeLimit struct {
	Limit
	bucket *rate.Limiter
	opened time.Time // start of the window
	used   int
}

func newLimiter(limits []Limit) *limiter {
	l := &limiter{}
	l.set(limits)
	return l
}

func (l *limiter) set(limits []Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits, l.begin = nil, time.Time{}
	for _, limit := range limits {
		a := &activeLimit{Limit: limit}
		if limit.Window == 0 {
			a.bucket = rate.NewLimiter(rate.Limit(limit.Rate), max(limit.Burst, 1))
		}
		l.limits = append(l.limits, a)
	}
}

// SetLimits replaces all request limits from now on.
func (s *Server) SetLimits(limits ...Limit) { s.limits.set(limits) }

// check returns the refusal for a request over a limit, else nil.
func (l *limiter) check(rec *Request, now time.Time) *reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begin.IsZero() {
		l.begin = now
	}
	for _, a := range l.limits {
		if !a.covers(rec, now.Sub(l.begin)) {
			continue
		}
		if wait := a.take(now); wait > 0 {
			return a.refusal(wait, now)
		}
	}
	return nil
}

func (a *activeLimit) covers(rec *Request, age time.Duration) bool {
	return (len(a.Methods) == 0 || slices.Contains(a.Methods, rec.Method)) &&
		strings.HasPrefix(rec.Path, a.Path) && (a.BodyOver == 0 || rec.Size > a.BodyOver) &&
		age >= a.From && (a.Until == 0 || age < a.Until)
}

// take uses up one request, or returns how long until that is possible.
func (a *activeLimit) take(now time.Time) time.Duration {
	if a.bucket == nil {
		if now.Sub(a.opened) >= a.Window {
			a.opened, a.used = now, 0
		}
		if a.used >= a.Requests {
			return a.opened.Add(a.Window).Sub(now)
		}
		a.used++
		return 0
	}
	if a.bucket.AllowN(now, 1) {
		return 0
	}
	if a.Rate <= 0 {
		return time.Hour
	}
	missing := 1 - a.bucket.TokensAt(now)
	return time.Duration(missing / a.Rate * float64(time.Second))
}

func (a *activeLimit) refusal(wait time.Duration, now time.Time) *reply {
	status := cmp.Or(a.Status, http.StatusTooManyRequests)
	rep := answer(status, map[string]any{"schemas": []any{errorURN}, "status": statusText(status), "detail": "too many requests"})
	if a.Body != "" {
		rep.body = []byte(a.Body)
	}
	if a.ContentType != "" {
		rep.header.Set("Content-Type", a.ContentType)
	}
	wait = cmp.Or(a.TellWait, wait)
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	switch a.Tell {
	case TellDate:
		at := now.Add(wait + time.Second - 1).Truncate(time.Second) // dates have whole seconds: never too early
		rep.header.Set("Retry-After", at.UTC().Format(http.TimeFormat))
	case TellXRetryAfter:
		rep.header["X-Retry-After"] = []string{seconds}
	case TellReset:
		rep.header.Set("X-RateLimit-Limit", strconv.Itoa(max(a.Requests, int(a.Rate))))
		rep.header.Set("X-RateLimit-Remaining", "0")
		rep.header.Set("X-RateLimit-Reset", strconv.FormatInt(now.Add(wait+time.Second-1).Unix(), 10))
	case TellNothing:
	default:
		rep.header.Set("Retry-After", seconds)
	}
	return rep
}

func statusText(status int) string { return strconv.Itoa(status) }
