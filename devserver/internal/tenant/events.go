package tenant

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// How much is remembered: events, and bytes of what one says.
const (
	maxEvents    = 50
	maxEventText = 400
)

// events are what happened last, for the dashboard: who wonders why a login went
// wrong finds the tenant's side of it there. They hold claims, and no tokens.
type events struct {
	now func() time.Time

	mu   sync.Mutex
	last []event // the newest last
}

type event struct {
	At     time.Time
	Text   string
	Bad    bool
	Tokens []issuedToken
}

// issuedToken is what a token says, not the token.
type issuedToken struct {
	Kind   string
	Claims any
}

// JSON returns the claims as a person reads them.
func (t issuedToken) JSON() (string, error) {
	text, err := json.MarshalIndent(t.Claims, "", "  ")
	return string(text), err
}

// note remembers that something went as it should.
func (e *events) note(format string, args ...any) { e.add(event{Text: fmt.Sprintf(format, args...)}) }

// refused remembers that something was not done.
func (e *events) refused(format string, args ...any) {
	e.add(event{Text: fmt.Sprintf(format, args...), Bad: true})
}

// issued remembers that tokens were.
func (e *events) issued(tokens []issuedToken, format string, args ...any) {
	e.add(event{Text: fmt.Sprintf(format, args...), Tokens: tokens})
}

func (e *events) add(one event) {
	one.At = e.now()
	if len(one.Text) > maxEventText {
		one.Text = strings.ToValidUTF8(one.Text[:maxEventText], "") + "…"
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last = append(e.last, one); len(e.last) > maxEvents {
		e.last = slices.Delete(e.last, 0, 1)
	}
}

// list returns them, the newest first.
func (e *events) list() []event {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := slices.Clone(e.last)
	slices.Reverse(list)
	return list
}
