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
	maxBytes     = 6 << 20  // of all exchanges
	maxSpanBytes = 2 << 20  // of all spans
	maxBody      = 16 << 10 // of a body that is kept; more is counted only
	maxHeaders   = 64       // of a request or a response
	maxValue     = 2 << 10  // bytes of a header, an attribute or a URL
	maxSpans     = 64       // of a trace
	maxTraces    = 400
	maxPast      = 2000 // trace IDs of requests that are not kept any more

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
	rate rate

	mu        sync.Mutex // protects the fields below, and the fields of all exchanges
	exchanges []*exchange
	traces    map[string]*trace // spans by trace ID
	order     []string          // keys of traces, the oldest first
	past      map[string]bool   // trace IDs of requests that are not kept any more
	pastOrder []string
	links     map[uint64]*link // by the hash of a value that requests share
	bytes     int              // of exchanges
	spanBytes int
	serial    int
	version   int
	changed   chan struct{} // closed at the next change; nil if nobody waits
	closed    bool
}

// New returns an empty Recorder. now is the clock.
func New(now func() time.Time) *Recorder {
	r := &Recorder{now: now, seed: maphash.MakeSeed(), rate: rate{tokens: burst, filled: now()}, past: map[string]bool{}}
	r.reset()
	return r
}

// reset removes everything that is kept. The caller holds mu, or is the only one.
func (r *Recorder) reset() {
	for _, x := range r.exchanges {
		x.gone = true
		r.forget(x.traceID)
	}
	r.exchanges, r.traces, r.order, r.links, r.bytes, r.spanBytes = nil, map[string]*trace{}, nil, map[uint64]*link{}, 0, 0
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

// rate is how many requests may be recorded. It has a lock of its own, so that the others do not
// wait for the reader of a long list.
type rate struct {
	mu      sync.Mutex // protects the fields below
	tokens  float64    // that are left
	filled  time.Time  // when that was right
	skipped int        // requests that came too fast
	last    time.Time  // when the last one was skipped
}

// take reports whether a request may be recorded now.
func (r *rate) take(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens = min(burst, r.tokens+now.Sub(r.filled).Seconds()*ratePerSecond)
	r.filled = now
	if r.tokens < 1 {
		r.skipped++
		r.last = now
		return false
	}
	r.tokens--
	return true
}

// state returns how many requests were skipped, and when the last one was.
func (r *rate) state() (skipped int, last time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.skipped, r.last
}

// begin adds an exchange for req, or returns nil if requests come too fast.
func (r *Recorder) begin(party Party, req *http.Request, replayOf string) *exchange {
	now := r.now()
	if !r.rate.take(now) {
		return nil
	}
	x := &exchange{recorder: r, Party: party, Start: now, ReplayOf: replayOf, Request: newRequest(req), header: req.Header, spanID: newSpanID()}
	x.traceID, x.parentID = traceparent(req.Header)
	x.Trace = x.traceID
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serial++
	x.ID = strconv.Itoa(r.serial)
	x.Flow = x.ID
	r.exchanges = append(r.exchanges, x)
	r.grow(x, x.size())
	r.wake()
	return x
}

// grow accounts for n more bytes of x, and removes the oldest exchanges while there are too many.
// The caller holds mu.
func (r *Recorder) grow(x *exchange, n int) {
	x.bytes += n
	r.bytes += n
	for len(r.exchanges) > maxExchanges || r.bytes > maxBytes && len(r.exchanges) > 1 {
		oldest := r.exchanges[0]
		r.exchanges[0] = nil // it must not stay in memory
		r.exchanges = r.exchanges[1:]
		r.bytes -= oldest.bytes
		oldest.gone = true
		r.leave(oldest)
		r.forget(oldest.traceID)
	}
}

// forget removes the spans of a trace if no request of it is kept, and takes no more of them: they
// would look like those of a request that the dev server has not seen. The caller holds mu.
func (r *Recorder) forget(traceID string) {
	for _, x := range r.exchanges {
		if x != nil && x.traceID == traceID && !x.gone {
			return
		}
	}
	if t := r.traces[traceID]; t != nil {
		r.spanBytes -= t.bytes
		delete(r.traces, traceID)
	}
	if !r.past[traceID] {
		r.past[traceID] = true
		if r.pastOrder = append(r.pastOrder, traceID); len(r.pastOrder) > maxPast {
			delete(r.past, r.pastOrder[0])
			r.pastOrder = r.pastOrder[1:]
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
		more := time.NewTimer(settle) // a change rarely comes alone
		select {
		case <-more.C:
		case <-ctx.Done():
		}
		more.Stop()
	}
}

// settle is how long a reader waits for more changes after one.
const settle = 100 * time.Millisecond
