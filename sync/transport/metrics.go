package transport

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// codeError is the label code of an attempt without an answer.
const codeError = "error"

// Metrics are the figures of all clients of a process.
type Metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	wait     *prometheus.CounterVec
}

// NewMetrics registers the metrics with reg; nil leaves them unregistered. It panics when
// they are there already, so a registry gets them once.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	return &Metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "idpbridge_requests_total",
			Help: "HTTP requests to sources and sinks by method and status code; code is \"error\" when no answer came.",
		}, []string{"peer", "name", "method", "code"}),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "idpbridge_request_duration_seconds",
			Help:    "Time from sending an HTTP request until the header of its answer, without the wait for the limiter.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"peer", "name", "method"}),
		wait: f.NewCounterVec(prometheus.CounterOpts{
			Name: "idpbridge_limiter_wait_seconds_total",
			Help: "Time that HTTP requests waited for their turn: rate limit, concurrency, and pauses told by the peer.",
		}, []string{"peer", "name"}),
	}
}

// usual are the answers that a healthy peer gives, per method.
var usual = map[string][]string{
	http.MethodGet:    {"200"},
	http.MethodPost:   {"201"},
	http.MethodPatch:  {"200", "204"},
	http.MethodPut:    {"200"},
	http.MethodDelete: {"204"},
}

// InitializeFor makes the series of a source or sink appear at zero, so that the first
// request or failure is an increase and not a new series. Refused credentials are among
// them: after one refusal a job stops asking, and a new series alone alerts nobody.
func (m *Metrics) InitializeFor(peer Peer, name string) {
	if m == nil {
		return
	}
	m.wait.WithLabelValues(peer.String(), name)
	for method, codes := range usual {
		if peer == Source && method != http.MethodGet {
			continue
		}
		m.duration.WithLabelValues(peer.String(), name, method)
		for _, code := range append([]string{codeError, "401", "403", "429"}, codes...) {
			m.requests.WithLabelValues(peer.String(), name, method, code)
		}
	}
}

func (m *Metrics) waited(o *Options, d time.Duration) {
	if m != nil {
		m.wait.WithLabelValues(o.Peer.String(), o.Name).Add(d.Seconds())
	}
}

// sent records one attempt; status 0 means that no answer came.
func (m *Metrics) sent(o *Options, method string, status int, took time.Duration) {
	if m == nil {
		return
	}
	code := codeError
	if status != 0 {
		code = strconv.Itoa(status)
	}
	method = methodLabel(method)
	m.requests.WithLabelValues(o.Peer.String(), o.Name, method, code).Inc()
	m.duration.WithLabelValues(o.Peer.String(), o.Name, method).Observe(took.Seconds())
}

// methodLabel keeps the label's values few.
func methodLabel(method string) string {
	switch method {
	case "":
		return http.MethodGet
	case http.MethodHead, http.MethodOptions:
		return method
	}
	if _, ok := usual[method]; ok {
		return method
	}
	return "other"
}
