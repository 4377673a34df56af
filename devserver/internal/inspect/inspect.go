// Package inspect records the requests that go through the dev server and the local tenant,
// receives the spans of the API, and shows both as one flow, at /@dev/.
//
// A request that is recorded takes part in W3C Trace Context: its traceparent is continued, or
// begun, so that the spans of every other party with the same trace ID belong to it. Requests
// without a trace in common, such as those of a login, are joined into a flow by what only they
// know: the state, the code and the tokens that one of them hands to the next. Only hashes of
// these are kept.
//
// Everything is kept in memory and bounded: the number of requests, of spans, and all bytes.
// Tokens, codes, cookies and passwords are masked before they are kept (mask.go).
package inspect

import (
	"context"
	"hash/maphash"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Limits of what is kept.
const (
	maxExchanges = 200
	maxBytes     = 8 << 20  // of all exchanges and spans
	maxBody      = 16 << 10 // of a body that is kept; more is counted only
	maxHeaders   = 64       // of a request or a response
	maxValue     = 2 << 10  // bytes of a header, an attribute or a URL
	maxSpans     = 64       // of a trace
	maxTraces    = 400

	// Requests that come faster are passed on unrecorded: nobody can read that many, and the
	// proxy stays as fast as without a recorder.
	ratePerSecond = 50
	burst         = 200
)

// Party is who handles a request that is recorded.
type Party string

// The parties that record their requests themselves. Others send spans.
const (
	DevServer Party = "dev server"
	Tenant    Party = "tenant"
)

// Recorder keeps the last requests and spans. Its methods may be called from any goroutine.
type Recorder struct {
	now  func() time.Time
	seed maphash.Seed // of links

	mu        sync.Mutex // protects the fields below, and the fields of all exchanges
	exchanges []*exchange
	traces    map[string]*trace // spans by trace ID
	order     []string          // keys of traces, the oldest first
	links     map[uint64]string // flow by the hash of a value that its requests share
	bytes     int
	serial    int
	skipped   int // requests that came too fast
	version   int
	changed   chan struct{} // closed at the next change; nil if nobody waits
	tokens    float64       // that the rate allows now
	filled    time.Time     // when tokens was right
	closed    bool
}

// New returns an empty Recorder. now is the clock.
func New(now func() time.Time) *Recorder {
	r := &Recorder{now: now, seed: maphash.MakeSeed(), tokens: burst, filled: now()}
	r.reset()
	return r
}

// reset removes everything that is kept. The caller holds mu, or is the only one.
func (r *Recorder) reset() {
	r.exchanges, r.traces, r.order, r.links, r.bytes, r.skipped = nil, map[string]*trace{}, nil, map[uint64]string{}, 0, 0
}

// Close ends the requests that wait for a change. r may be nil.
func (r *Recorder) Close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.wake()
}

// wake tells those who wait of a change. The caller holds mu.
func (r *Recorder) wake() {
	r.version++
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// begin adds an exchange for req, or returns nil if requests come too fast.
func (r *Recorder) begin(party Party, req *http.Request, replayOf string) *exchange {
	now := r.now()
	x := &exchange{recorder: r, Party: party, Start: now, ReplayOf: replayOf}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens = min(burst, r.tokens+now.Sub(r.filled).Seconds()*ratePerSecond)
	r.filled = now
	if r.tokens < 1 {
		if r.skipped++; r.skipped == 1 {
			r.wake()
		}
		return nil
	}
	r.tokens--
	r.serial++
	x.ID = strconv.Itoa(r.serial)
	x.Flow = x.ID
	x.traceID, x.parentID = traceparent(req.Header)
	x.spanID = newSpanID()
	x.Trace = x.traceID
	x.Request = newRequest(req)
	r.exchanges = append(r.exchanges, x)
	r.grow(x, x.size())
	r.wake()
	return x
}

// grow accounts for n more bytes of x, and removes the oldest exchanges and traces while there
// is too much. The caller holds mu.
func (r *Recorder) grow(x *exchange, n int) {
	if x != nil {
		x.bytes += n
	}
	r.bytes += n
	for len(r.exchanges) > maxExchanges || r.bytes > maxBytes && len(r.exchanges) > 1 {
		oldest := r.exchanges[0]
		r.exchanges = r.exchanges[1:]
		r.bytes -= oldest.bytes
		oldest.gone = true
		for link, flow := range r.links {
			if flow == oldest.Flow && !r.hasFlow(flow) {
				delete(r.links, link)
			}
		}
	}
	for len(r.order) > maxTraces || r.bytes > maxBytes && len(r.order) > 0 {
		r.bytes -= r.traces[r.order[0]].bytes
		delete(r.traces, r.order[0])
		r.order = r.order[1:]
	}
}

// hasFlow reports whether an exchange belongs to flow. The caller holds mu.
func (r *Recorder) hasFlow(flow string) bool {
	for _, x := range r.exchanges {
		if x.Flow == flow {
			return true
		}
	}
	return false
}

// join puts x into the flow of the exchanges that know one of the values too, and merges flows
// that it connects. The caller holds mu.
func (r *Recorder) join(x *exchange, values []string) {
	for _, value := range values {
		link := maphash.String(r.seed, value)
		flow, known := r.links[link]
		switch {
		case !known:
			r.links[link] = x.Flow
		case flow != x.Flow:
			r.merge(x.Flow, flow)
		}
	}
}

// merge makes from a part of into. The caller holds mu.
func (r *Recorder) merge(from, into string) {
	for _, x := range r.exchanges {
		if x.Flow == from {
			x.Flow = into
		}
	}
	for link, flow := range r.links {
		if flow == from {
			r.links[link] = into
		}
	}
}

// wait returns when there is a newer version than the known one, the recorder is closed, or ctx
// ends.
func (r *Recorder) wait(ctx context.Context, known int) {
	for {
		r.mu.Lock()
		if r.version != known || r.closed {
			r.mu.Unlock()
			return
		}
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
