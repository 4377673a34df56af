package httpapi

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the numbers that /metrics shows.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	fetches  *prometheus.CounterVec

	fresh, cached prometheus.Counter // of tokens, the two on the fast path
}

// NewMetrics returns Metrics at zero. keyAge is the time since the issuer's keys
// were last fetched; ok is false before that.
func NewMetrics(keyAge func() (age time.Duration, ok bool)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_requests_total", Help: "Requests by route and status.",
		}, []string{"route", "code"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_tokens_total", Help: "Requests at the gate by outcome: accepted, accepted_cached, or why it was refused.",
		}, []string{"outcome"}),
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_jwks_fetches_total", Help: "Fetches of the issuer's keys by outcome: ok or failed.",
		}, []string{"outcome"}),
	}
	m.fresh, m.cached = m.tokens.WithLabelValues("accepted"), m.tokens.WithLabelValues("accepted_cached")
	m.registry.MustRegister(m.requests, m.tokens, m.fetches,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "api_jwks_age_seconds", Help: "Time since the issuer's keys were last fetched, -1 before the first time.",
		}, func() float64 {
			if age, ok := keyAge(); ok {
				return age.Seconds()
			}
			return -1
		}))
	return m
}

// Fetched counts a fetch of the issuer's keys.
func (m *Metrics) Fetched(err error) {
	if err != nil {
		m.fetches.WithLabelValues("failed").Inc()
		return
	}
	m.fetches.WithLabelValues("ok").Inc()
}

func (m *Metrics) accepted(cached bool) {
	if cached {
		m.cached.Inc()
		return
	}
	m.fresh.Inc()
}

func (m *Metrics) refused(reason string) { m.tokens.WithLabelValues(reason).Inc() }

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// routeCounter counts the requests of one route. It keeps the counters that it
// has used, as to look one up by its labels costs more than to count.
type routeCounter struct {
	requests *prometheus.CounterVec
	byStatus sync.Map // of prometheus.Counter, by int
}

// route returns the counter of a route.
func (m *Metrics) route(name string) *routeCounter {
	return &routeCounter{requests: m.requests.MustCurryWith(prometheus.Labels{"route": name})}
}

func (c *routeCounter) count(status int) {
	counter, ok := c.byStatus.Load(status)
	if !ok {
		counter, _ = c.byStatus.LoadOrStore(status, c.requests.WithLabelValues(strconv.Itoa(status)))
	}
	counter.(prometheus.Counter).Inc()
}
