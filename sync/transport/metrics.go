package transport

import (
	"net/http"
	"strconv"
	"sync"
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

// series are the metrics of one client. Each is looked up by its labels once, since that
// costs more than to count. Nil measures nothing.
type series struct {
	metrics    *Metrics
	peer, name string
	wait       prometheus.Counter

	mu       sync.Mutex
	attempts map[sentLabels]sentSeries // by what labels them; a peer gives few answers
}

type sentLabels struct {
	method string
	status int // 0: no answer came
}

type sentSeries struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

func (m *Metrics) seriesFor(peer Peer, name string) *series {
	if m == nil {
		return nil
	}
	return &series{
		metrics: m, peer: peer.String(), name: name, attempts: map[sentLabels]sentSeries{},
		wait: m.wait.WithLabelValues(peer.String(), name),
	}
}

func (s *series) waited(d time.Duration) {
	if s != nil {
		s.wait.Add(d.Seconds())
	}
}

// sent records one attempt; status 0 means that no answer came.
func (s *series) sent(method string, status int, took time.Duration) {
	if s == nil {
		return
	}
	a := s.attempt(sentLabels{methodLabel(method), status})
	a.requests.Inc()
	a.duration.Observe(took.Seconds())
}

func (s *series) attempt(l sentLabels) sentSeries {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.attempts[l]
	if !ok {
		code := codeError
		if l.status != 0 {
			code = strconv.Itoa(l.status)
		}
		a = sentSeries{
			requests: s.metrics.requests.WithLabelValues(s.peer, s.name, l.method, code),
			duration: s.metrics.duration.WithLabelValues(s.peer, s.name, l.method),
		}
		s.attempts[l] = a
	}
	return a
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
