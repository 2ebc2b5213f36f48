package engine

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/apply"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// Metrics measures cycles and changes. A nil *Metrics measures nothing. What a job's state
// tells is shown by sync/schedule, which reads it from there.
type Metrics struct {
	cycles   *prometheus.CounterVec
	duration *prometheus.HistogramVec
	changes  *prometheus.CounterVec
	entries  *prometheus.CounterVec
}

// NewMetrics registers the engine's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	return &Metrics{
		cycles: f.NewCounterVec(prometheus.CounterOpts{
			Name: "idpbridge_cycles_total", Help: "Cycles that ended, by kind and status.",
		}, []string{"job", "kind", "status"}),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "idpbridge_cycle_duration_seconds", Help: "How long cycles took.",
			Buckets: []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 2400, 7200, 28800},
		}, []string{"job", "kind"}),
		changes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "idpbridge_changes_total", Help: "Changes sent to the app, by what they did and how they ended.",
		}, []string{"job", "resource", "action", "status"}),
		entries: f.NewCounterVec(prometheus.CounterOpts{
			Name: "idpbridge_job_quarantine_entries_total", Help: "How often a job entered quarantine or changed its reason there.",
		}, []string{"job", "reason"}),
	}
}

// InitializeFor makes every series of a job at zero, so that rates work from its start.
func (m *Metrics) InitializeFor(job string) {
	if m == nil {
		return
	}
	for _, kind := range []string{"initial", "incremental", "reconcile"} {
		for _, status := range []string{"succeeded", "partial", "held", "failed", "aborted"} {
			m.cycles.WithLabelValues(job, kind, status)
		}
		m.duration.WithLabelValues(job, kind)
	}
	for _, resource := range []string{"user", "group"} {
		for _, action := range []string{"create", "update", "disable", "delete"} {
			for _, status := range []string{"success", "failure"} {
				m.changes.WithLabelValues(job, resource, action, status)
			}
		}
	}
	for _, r := range quarantine.Reasons() {
		m.entries.WithLabelValues(job, r.String())
	}
}

func (m *Metrics) changed(job string, o *apply.Outcome) {
	if m == nil {
		return
	}
	for i := range o.Result.Records {
		r := &o.Result.Records[i]
		if r.Action != provlog.ActionNone {
			m.changes.WithLabelValues(job, r.Resource, r.Action.String(), r.Status.String()).Inc()
		}
	}
}

func (m *Metrics) ended(c *state.Cycle) {
	if m == nil || c.DryRun {
		return
	}
	m.cycles.WithLabelValues(c.Job, c.Kind, c.Status).Inc()
	m.duration.WithLabelValues(c.Job, c.Kind).Observe(c.EndedAt.Sub(c.StartedAt).Seconds())
}

func (m *Metrics) quarantined(job string, event quarantine.Event, s quarantine.Status) {
	if m == nil {
		return
	}
	if event == quarantine.EventEntered || event == quarantine.EventReasonChanged {
		m.entries.WithLabelValues(job, s.Reason.String()).Inc()
	}
}
