package acceptance_test

import (
	"net/http"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sync/engine"
)

const latency = 20 * time.Millisecond

// TestThroughput creates accounts in an app that takes 100 requests a second and answers
// after 20 ms: the job must reach 95 % of that, and be refused in the first second at most.
// With a limit that halves half way it must reach 90 % of the lower one, and lose nobody.
//
// The app does not say how long to wait: where it does, nothing may be sent meanwhile, and
// no client can use the limit whole.
//
// A busy machine is slower than any limit. So the yardstick is a bare loop that sends at
// exactly the limit to a server of its own at the same time, and time spans are measured
// at the server.
func TestThroughput(t *testing.T) {
	for _, c := range []struct {
		name   string
		people int
		limits []scimtest.Limit
		share  float64
		from   time.Duration   // of the span that counts
		rate   float64         // allowed in it
		halved []time.Duration // when
	}{
		{"steady", 1200, []scimtest.Limit{{Rate: 100, Burst: 10, Tell: scimtest.TellNothing}}, 0.95, time.Second, 100, nil},
		{
			"halved half way", 1000,
			[]scimtest.Limit{
				{Rate: 100, Burst: 10, Until: 5 * time.Second, Tell: scimtest.TellNothing},
				{Rate: 50, Burst: 5, From: 5 * time.Second, Tell: scimtest.TellNothing},
			},
			0.90, 7 * time.Second, 50,
			[]time.Duration{5 * time.Second},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			app := scimtest.New(scimtest.Options{Auth: scimtest.Auth{Bearer: "scim-token"}, Latency: latency, Limits: c.limits})
			dir := newExport(t)
			w := newWorld(dir)
			w.populate(c.people, 1)
			for i := range c.people { // no hierarchy: everybody at once
				w.edit(i, func(p *person) { p.manager = -1 })
			}
			to := sinkAt{url: app.Start(t), token: "scim-token"}
			stop := bareLoop(t, c.rate)
			newBridge(t, dir, to, "").succeed(engine.Request{})
			ideal := stop(c.from)
			got := rateAfter(app, c.from, http.StatusCreated)
			refused := refusals(app, c.halved...)
			t.Logf("%.1f accounts a second; the bare loop reaches %.1f of %.0f; answers by status: %v", got, ideal, c.rate, app.Statuses())
			if got < c.share*min(ideal, c.rate) {
				t.Errorf("%.1f accounts a second, less than %.0f %% of %.1f", got, 100*c.share, min(ideal, c.rate))
			}
			// None where nothing but the client and the app takes time (sync/transport,
			// TestNoRefusalAfterASecond and TestHalvedLimit). On a crowded machine requests
			// arrive in heaps that neither made.
			allowed := c.people / 200
			if ideal < 0.99*c.rate {
				allowed = c.people / 20
			}
			t.Logf("%d requests were refused later than a second after a limit was met", refused)
			if refused > allowed {
				t.Errorf("%d requests were refused later than a second after a limit was met, want at most %d", refused, allowed)
			}
			app.SetLimits()
			w.check(t, reader{t, to})
		})
	}
}

// bareLoop sends at exactly the rate to an unlimited server until it is stopped, and then
// says what rate it reached after the beginning.
func bareLoop(t *testing.T, perSecond float64) (stop func(from time.Duration) float64) {
	t.Helper()
	app := scimtest.New(scimtest.Options{Latency: latency})
	url := app.Start(t) + "/Users?count=1"
	turns := rate.NewLimiter(rate.Limit(perSecond), 1)
	end, done := make(chan struct{}), make(chan struct{}, 8)
	for range cap(done) {
		go func() {
			defer func() { done <- struct{}{} }()
			for turns.Wait(t.Context()) == nil {
				select {
				case <-end:
					return
				default:
				}
				if resp, err := http.Get(url); err == nil { //nolint:noctx // ends with the server
					_ = resp.Body.Close()
				}
			}
		}()
	}
	return func(from time.Duration) float64 {
		close(end)
		for range cap(done) {
			<-done
		}
		return rateAfter(app, from, http.StatusOK)
	}
}

// rateAfter is how many answers of a status a server gave per second, counted from some
// time after its first request to its last such answer.
func rateAfter(app *scimtest.Server, from time.Duration, status int) float64 {
	log := app.Requests()
	if len(log) == 0 {
		return 0
	}
	begin, n := log[0].Time.Add(from), 0
	last := begin
	for _, r := range log {
		if r.Status == status && !r.Time.Before(begin) {
			n++
			last = r.Time
		}
	}
	if n < 2 {
		return 0
	}
	return float64(n-1) / last.Sub(begin).Seconds()
}

// refusals counts what was refused outside of the spans of a second (and a half, for the
// later ones) that begin with a limit being met: the first refusal, and the first refusal
// after each of the changes, told as time since the server's first request.
func refusals(app *scimtest.Server, changes ...time.Duration) int {
	log := app.Requests()
	n, calm := 0, time.Time{}
	for _, r := range log {
		if r.Status != http.StatusTooManyRequests {
			continue
		}
		switch age := r.Time.Sub(log[0].Time); {
		case calm.IsZero():
			calm = r.Time.Add(time.Second)
		case len(changes) > 0 && age >= changes[0]:
			calm, changes = r.Time.Add(1500*time.Millisecond), changes[1:]
		case r.Time.After(calm):
			n++
		}
	}
	return n
}
