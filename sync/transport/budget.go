package transport

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// Budget is a rate that a peer publishes for some of its requests: N in Per, with bursts
// of at most Burst (0: N).
type Budget struct {
	// Covers reports whether a request spends the budget.
	Covers func(*http.Request) bool
	N      int
	Per    time.Duration
	Burst  int
}

// meter keeps one Budget.
type meter struct {
	covers func(*http.Request) bool
	bucket *rate.Limiter
}

func newMeters(budgets []Budget) []meter {
	out := make([]meter, 0, len(budgets))
	for _, b := range budgets {
		burst := b.Burst
		if burst == 0 {
			burst = b.N
		}
		perSecond := rate.Limit(float64(b.N) / b.Per.Seconds())
		out = append(out, meter{b.Covers, rate.NewLimiter(perSecond, burst)})
	}
	return out
}

// afford waits until every budget that covers the request allows it. It stands before the
// queue, so that a write that waits for its budget holds up nothing that has none.
func (l *Limiter) afford(ctx context.Context, req *http.Request) error {
	for _, m := range l.meters {
		if !m.covers(req) {
			continue
		}
		if err := m.bucket.Wait(ctx); err != nil {
			return &UnsentError{Err: err}
		}
	}
	return nil
}
