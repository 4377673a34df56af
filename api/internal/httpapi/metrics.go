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

// Keys is the state of the issuer's keys, for /readyz and /metrics. Its methods are called
// from many goroutines.
type Keys interface {
	// Ready reports whether tokens can be verified now.
	Ready() bool
	// Fetches returns how many fetches succeeded and failed since the start.
	Fetches() (ok, failed int64)
	// Age is the time since the last successful fetch. ok is false before the first.
	Age() (age time.Duration, ok bool)
}

// metrics holds the Prometheus collectors.
type metrics struct {
	handler http.Handler
	byRoute *prometheus.CounterVec
	tokens  *counters[string] // requests at the gate, by outcome

	fresh, cached prometheus.Counter // the two outcomes that are counted most
}

// newMetrics registers the collectors in a registry of their own, so that several
// handlers can exist in one process.
func newMetrics(keys Keys) *metrics {
	registry := prometheus.NewRegistry()
	byRoute := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "api_requests_total", Help: "Requests by route and status.",
	}, []string{"route", "code"})
	tokens := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "api_tokens_total", Help: "Requests at the gate by outcome: accepted, accepted_cached, or the reason for rejection.",
	}, []string{"outcome"})
	fetches := func(outcome string, count func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "api_jwks_fetches_total", Help: "Fetches of the issuer's keys by outcome: ok or failed.",
			ConstLabels: prometheus.Labels{"outcome": outcome},
		}, func() float64 { return float64(count()) })
	}
	registry.MustRegister(byRoute, tokens,
		fetches("ok", func() int64 { ok, _ := keys.Fetches(); return ok }),
		fetches("failed", func() int64 { _, failed := keys.Fetches(); return failed }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "api_jwks_age_seconds", Help: "Time since the issuer's keys were last fetched, -1 before the first time.",
		}, func() float64 {
			if age, ok := keys.Age(); ok {
				return age.Seconds()
			}
			return -1
		}),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &metrics{
		handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		byRoute: byRoute,
		tokens:  &counters[string]{vec: tokens},
	}
	m.fresh, m.cached = m.tokens.of("accepted"), m.tokens.of("accepted_cached")
	return m
}

// accepted counts a request with a valid token.
func (m *metrics) accepted(cached bool) {
	if cached {
		m.cached.Inc()
		return
	}
	m.fresh.Inc()
}

// requests returns the counters of a route's requests, by status.
func (m *metrics) requests(route string) *counters[int] {
	return &counters[int]{vec: m.byRoute.MustCurryWith(prometheus.Labels{"route": route})}
}

// counters caches the counters of one label by its values, because finding a counter
// takes longer than counting.
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
	return counter.(prometheus.Counter) //nolint:forcetypeassert // the map holds no other
}
