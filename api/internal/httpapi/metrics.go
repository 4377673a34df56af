package httpapi

import (
	"maps"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"calling-an-api.example/api/gate"
)

// Keys is the state of the keys of one issuer, for /readyz, /metrics and the API's metadata.
// Its methods are called from many goroutines.
type Keys interface {
	// Issuer returns the issuer's name, as its tokens have it.
	Issuer() string
	// Ready reports whether its tokens can be verified now.
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
	tokens  counters[outcome] // requests at the gate
}

// outcome is what the gate has decided about a request.
type outcome struct {
	name   string // accepted, accepted_cached, or the reason for the rejection
	issuer string // of the token, as it is configured; "" if it is none of those
}

// values returns the values of the labels outcome and issuer.
func (o outcome) values() []string { return []string{o.name, o.issuer} }

// newMetrics registers the collectors in a registry of their own, so that several
// handlers can exist in one process.
func newMetrics(opts Options) *metrics {
	registry := prometheus.NewRegistry()
	byRoute := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "api_requests_total", Help: "Requests by route and status.",
	}, []string{"route", "code"})
	tokens := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "api_tokens_total", Help: "Requests at the gate by outcome: accepted, accepted_cached, or the reason for rejection; and by the token's issuer.",
	}, []string{"outcome", "issuer"})
	registry.MustRegister(byRoute, tokens,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, issuer := range opts.Issuers {
		registry.MustRegister(keyMetrics(issuer)...)
	}
	if opts.ReplayStore != nil {
		registry.MustRegister(opts.ReplayStore.collectors()...)
	}
	if opts.DroppedLines != nil {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "api_log_lines_dropped_total", Help: "Lines of the log that were dropped because nobody reads them.",
		}, func() float64 { return float64(opts.DroppedLines()) }))
	}
	return &metrics{
		handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		byRoute: byRoute,
		tokens:  counters[outcome]{vec: tokens},
	}
}

// keyMetrics returns the collectors for the keys of one issuer.
func keyMetrics(issuer Issuer) []prometheus.Collector {
	fetches := func(outcome string, count func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "api_jwks_fetches_total", Help: "Fetches of an issuer's keys by outcome: ok or failed.",
			ConstLabels: prometheus.Labels{"outcome": outcome, "issuer": issuer.URL},
		}, func() float64 { return float64(count()) })
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: name, Help: help, ConstLabels: prometheus.Labels{"issuer": issuer.URL},
		}, value)
	}
	return []prometheus.Collector{
		fetches("ok", func() int64 { ok, _ := issuer.Keys.Fetches(); return ok }),
		fetches("failed", func() int64 { _, failed := issuer.Keys.Fetches(); return failed }),
		gauge("api_jwks_age_seconds", "Time since an issuer's keys were last fetched, -1 before the first time.", func() float64 {
			if age, ok := issuer.Keys.Age(); ok {
				return age.Seconds()
			}
			return -1
		}),
		gauge("api_jwks_ready", "1 if the tokens of an issuer can be verified, otherwise 0.", func() float64 {
			if issuer.Keys.Ready() {
				return 1
			}
			return 0
		}),
	}
}

// accepted counts a request with a valid token.
func (m *metrics) accepted(token gate.Token) {
	name := "accepted"
	if token.Cached() {
		name = "accepted_cached"
	}
	m.tokens.count(outcome{name, token.Issuer()})
}

// rejected counts a request that the gate rejected.
func (m *metrics) rejected(p *gate.Problem) { m.tokens.count(outcome{p.Reason, p.Issuer}) }

// requests returns the counters of a route's requests, by status.
func (m *metrics) requests(route string) *counters[status] {
	return &counters[status]{vec: m.byRoute.MustCurryWith(prometheus.Labels{"route": route})}
}

// status is the HTTP status of a response.
type status int

// values returns the value of the label code.
func (s status) values() []string { return []string{strconv.Itoa(int(s))} }

// counters caches the counters of some labels by their values, because finding a counter
// takes longer than counting.
type counters[L interface {
	comparable
	values() []string
}] struct {
	vec *prometheus.CounterVec

	adding sync.Mutex                               // held while used is replaced
	used   atomic.Pointer[map[L]prometheus.Counter] // never modified; nil if there is none yet
}

func (c *counters[L]) count(labels L) {
	if used := c.used.Load(); used != nil {
		if counter, ok := (*used)[labels]; ok {
			counter.Inc()
			return
		}
	}
	c.add(labels).Inc()
}

// add returns the counter of labels, and adds it to used.
func (c *counters[L]) add(labels L) prometheus.Counter {
	counter := c.vec.WithLabelValues(labels.values()...)
	c.adding.Lock()
	defer c.adding.Unlock()
	more := map[L]prometheus.Counter{labels: counter}
	if used := c.used.Load(); used != nil {
		maps.Copy(more, *used)
	}
	c.used.Store(&more)
	return counter
}
