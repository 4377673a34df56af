package httpapi

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ReplayStore is the store of used DPoP proofs that several processes share.
type ReplayStore struct {
	State   ReplayState
	Metrics *ReplayMetrics
	Open    bool // proofs are accepted while it does not respond
}

// ReplayState is the state of a ReplayStore, for /readyz and /metrics. Its methods are called
// from many goroutines.
type ReplayState interface {
	// Ready reports whether it can be used now.
	Ready() bool
	// Asked reports whether a first attempt to reach it has ended.
	Asked() bool
}

// ReplayMetrics measures the uses of a ReplayStore.
type ReplayMetrics struct{ seconds *prometheus.HistogramVec }

// NewReplayMetrics returns metrics that [Handler] registers.
func NewReplayMetrics() *ReplayMetrics {
	return &ReplayMetrics{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "api_replay_store_seconds", Help: "Time that the replay store took for a DPoP proof, by outcome: fresh, used, failed or fallback.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
	}, []string{"outcome"})}
}

// Observe counts a use. It may be called from any goroutine.
func (m *ReplayMetrics) Observe(outcome string, took time.Duration) {
	m.seconds.WithLabelValues(outcome).Observe(took.Seconds())
}

// collectors returns the collectors for s.
func (s *ReplayStore) collectors() []prometheus.Collector {
	return []prometheus.Collector{s.Metrics.seconds, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "api_replay_store_ready", Help: "1 if the replay store can be used, otherwise 0.",
	}, func() float64 {
		if s.State.Ready() {
			return 1
		}
		return 0
	})}
}

// replayState is what /readyz says about the replay store.
type replayState struct {
	Ready bool `json:"ready"`
}

// replayStatus returns what /readyz says about the replay store, and why it makes the API not
// ready, "" if it does not: it does before the first attempt to reach it, and while it does not
// respond if every request needs it.
func (a *api) replayStatus() (state *replayState, problem string) {
	if a.ReplayStore == nil {
		return nil, ""
	}
	state = &replayState{a.ReplayStore.State.Ready()}
	switch {
	case !a.ReplayStore.State.Asked():
		return state, "the replay store was not reached yet"
	case !state.Ready && a.RequireDPoP && !a.ReplayStore.Open:
		return state, "the replay store cannot be used"
	}
	return state, ""
}
