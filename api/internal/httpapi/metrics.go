package httpapi

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the numbers that /metrics shows.
type Metrics struct {
	registry *prometheus.Registry
	byRoute  *prometheus.CounterVec
	tokens   *counters[string] // requests at the gate, by outcome
	fetches  *counters[string]

	fresh, cached prometheus.Counter // two of tokens, which are counted most
}

// NewMetrics returns Metrics at zero. keyAge is the time since the issuer's keys
// were last fetched; ok is false before that.
func NewMetrics(keyAge func() (age time.Duration, ok bool)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		byRoute: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_requests_total", Help: "Requests by route and status.",
		}, []string{"route", "code"}),
	}
	tokens := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "api_tokens_total", Help: "Requests at the gate by outcome: accepted, accepted_cached, or why it was refused.",
	}, []string{"outcome"})
	fetches := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "api_jwks_fetches_total", Help: "Fetches of the issuer's keys by outcome: ok or failed.",
	}, []string{"outcome"})
	m.tokens, m.fetches = &counters[string]{vec: tokens}, &counters[string]{vec: fetches}
	m.fresh, m.cached = m.tokens.of("accepted"), m.tokens.of("accepted_cached")
	m.registry.MustRegister(m.byRoute, tokens, fetches,
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
		m.fetches.count("failed")
		return
	}
	m.fetches.count("ok")
}

func (m *Metrics) accepted(cached bool) {
	if cached {
		m.cached.Inc()
		return
	}
	m.fresh.Inc()
}

// requests returns the counters of a route's requests, by status.
func (m *Metrics) requests(route string) *counters[int] {
	return &counters[int]{vec: m.byRoute.MustCurryWith(prometheus.Labels{"route": route})}
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// counters are those of one label. It keeps the ones that it has used, as to look
// one up by its label costs more than to count.
type counters[L comparable] struct {
	vec  *prometheus.CounterVec
	used sync.Map // of prometheus.Counter, by L
}

func (c *counters[L]) count(label L) { c.of(label).Inc() }

func (c *counters[L]) of(label L) prometheus.Counter {
	counter, ok := c.used.Load(label)
	if !ok {
		counter, _ = c.used.LoadOrStore(label, c.vec.WithLabelValues(fmt.Sprint(label)))
	}
	return counter.(prometheus.Counter)
}
