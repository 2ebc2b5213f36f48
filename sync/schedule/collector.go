package schedule

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sync/state"
)

// countsLive is how long counted objects are believed while no cycle of this process ends.
const countsLive = 15 * time.Second

// scrapeTimeout bounds the reading of the state for one scrape.
const scrapeTimeout = 5 * time.Second

// collector shows the state of the jobs as gauges. It reads the state when it is scraped,
// so that it also shows what other processes did.
type collector struct {
	store *state.Store
	log   *slog.Logger
	jobs  func() map[string]time.Duration // the interval of each

	interval, quarantined, since, state, success *prometheus.Desc
	escrowed, staged, links                      *prometheus.Desc

	mu    sync.Mutex
	cache map[string]counted
}

type counted struct {
	state.Standing
	at time.Time
}

func newCollector(store *state.Store, log *slog.Logger, jobs func() map[string]time.Duration) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("idpbridge_"+name, help, append([]string{"job"}, labels...), nil)
	}
	return &collector{
		store: store, log: log, jobs: jobs, cache: map[string]counted{},
		interval:    desc("job_interval_seconds", "Time from the start of one automatic cycle to the start of the next, as configured."),
		quarantined: desc("job_quarantined", "1 while the job is in quarantine, also when that has disabled it."),
		since:       desc("job_quarantine_since_timestamp_seconds", "When the job's quarantine began; 0 when it is in none."),
		state:       desc("job_state", "1 for the state that the job is in, 0 for the others.", "state"),
		success:     desc("cycle_last_success_timestamp_seconds", "When a cycle last ended without an error of its own; 0: never."),
		escrowed:    desc("escrowed_objects", "Objects whose change failed and that are tried again.", "resource"),
		staged:      desc("staged_deletions", "Disables and deletes that the deletion guard holds back until a person decides.", "resource"),
		links:       desc("links", "Objects of the source that have an account or group in the sink.", "resource"),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.interval, c.quarantined, c.since, c.state, c.success, c.escrowed, c.staged, c.links} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What can't be read is left out, and logged.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	clocks, err := c.store.Clocks(ctx)
	if err != nil {
		c.log.Error("state can't be read for metrics", "error", err)
		return
	}
	for name, interval := range c.jobs() {
		clock := clocks[name]
		c.gauge(ch, c.interval, interval.Seconds(), name)
		c.status(ch, name, clock)
		n, err := c.count(ctx, name, clock.ID)
		if err != nil {
			c.log.Error("objects can't be counted for metrics", "job", name, "error", err)
			continue
		}
		for _, r := range []sinks.Resource{sinks.User, sinks.Group} {
			c.gauge(ch, c.escrowed, float64(n.Escrowed[r]), name, r.String())
			c.gauge(ch, c.staged, float64(n.Staged[r]), name, r.String())
			c.gauge(ch, c.links, float64(n.Links[r]), name, r.String())
		}
	}
}

func (c *collector) status(ch chan<- prometheus.Metric, name string, clock state.Clock) {
	q := clock.Quarantine
	if q.State == 0 {
		q.State = quarantine.StateActive
	}
	for _, s := range quarantine.States() {
		c.gauge(ch, c.state, truth(s == q.State), name, s.String())
	}
	// A job that its quarantine disabled needs a person more, not less.
	in := q.State == quarantine.StateQuarantined || q.State == quarantine.StateDisabled
	c.gauge(ch, c.quarantined, truth(in), name)
	since := time.Time{}
	if in {
		since = q.Since
	}
	c.gauge(ch, c.since, seconds(since), name)
	c.gauge(ch, c.success, seconds(clock.LastSuccess), name)
}

// count counts a job's objects, at most every countsLive.
func (c *collector) count(ctx context.Context, name string, id state.JobID) (state.Standing, error) {
	c.mu.Lock()
	have, ok := c.cache[name]
	c.mu.Unlock()
	if ok && time.Since(have.at) < countsLive {
		return have.Standing, nil
	}
	n, err := c.store.Standing(ctx, id)
	if err == nil {
		c.mu.Lock()
		c.cache[name] = counted{n, time.Now()}
		c.mu.Unlock()
	}
	return n, err
}

// forget has a job counted anew.
func (c *collector) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.cache, name)
}

func (c *collector) gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
