package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits: how many events are kept, and the size of a text in bytes.
const (
	maxEvents    = 50
	maxEventText = 400
)

// events are the last events, which the dashboard shows: the tenant's side of each login.
// They contain claims but no tokens. The methods may be called from any goroutine.
type events struct {
	now func() time.Time

	mu      sync.Mutex    // protects the fields below
	last    []Event       // the newest last
	version int           // number of changes so far
	changed chan struct{} // closed at the next change; nil if nobody waits
}

// next returns the number of changes so far, and a channel that is closed at the next one.
func (e *events) next() (version int, changed <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changed == nil {
		e.changed = make(chan struct{})
	}
	return e.version, e.changed
}

// wake tells those who wait of a change. The caller holds mu.
func (e *events) wake() {
	e.version++
	if e.changed != nil {
		close(e.changed)
		e.changed = nil
	}
}

// JSON returns the claims as indented JSON.
func (t IssuedToken) JSON() (string, error) {
	text, err := json.MarshalIndent(t.Claims, "", "  ")
	return string(text), err
}

// clear removes all events.
func (e *events) clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = nil
	e.wake()
}

// add adds an event of the request with ctx.
func (e *events) add(ctx context.Context, format string, args ...any) {
	e.append(observerOf(ctx), Event{Text: fmt.Sprintf(format, args...), Tokens: []IssuedToken{}})
}

// rejected adds an event about something that was rejected.
func (e *events) rejected(ctx context.Context, format string, args ...any) {
	e.append(observerOf(ctx), Event{Text: fmt.Sprintf(format, args...), Rejected: true, Tokens: []IssuedToken{}})
}

// issued adds an event about tokens that were issued.
func (e *events) issued(ctx context.Context, tokens []IssuedToken, format string, args ...any) {
	e.append(observerOf(ctx), Event{Text: fmt.Sprintf(format, args...), Tokens: tokens})
}

// append adds one, and tells observe unless that is nil.
func (e *events) append(observe func(Event), one Event) {
	one.At = e.now()
	if len(one.Text) > maxEventText {
		one.Text = strings.ToValidUTF8(one.Text[:maxEventText], "") + "…"
	}
	if observe != nil {
		observe(one)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last = append(e.last, one); len(e.last) > maxEvents {
		e.last = slices.Delete(e.last, 0, 1)
	}
	e.wake()
}

// list returns the events, the newest first.
func (e *events) list() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := slices.Clone(e.last)
	slices.Reverse(list)
	return list
}
