package tenant

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"calling-an-api.example/devserver/internal/directory"
)

// Limits: how many events are kept, how many of them the dashboard shows, and the sizes of a text and
// of a token's claims in bytes.
const (
	maxEvents      = 5000
	maxShownEvents = 50
	maxEventText   = 400
	maxEventClaims = 8 << 10
)

// Types of events: what they are about.
const (
	EventLogin       = "login"       // at /authorize, the login page, or by a test
	EventConsent     = "consent"     // the user has agreed
	EventLogout      = "logout"      // of one browser
	EventTokens      = "tokens"      // at /oauth/token, or an ID token of a login
	EventUserinfo    = "userinfo"    // a request that was rejected
	EventControl     = "control"     // by a test or the dashboard
	EventUnsupported = "unsupported" // a request for what the tenant does not have
)

// Event is something that the tenant has done, as the dashboard shows it. Text is for people, and
// changes; tests can rely on the other fields.
type Event struct {
	At   time.Time `json:"at"`
	Type string    `json:"type"` // one of the constants
	// User is the user's email address, "" if no user of the tenant is known.
	User string `json:"user"`
	// Client is the client's ID, "" if no client of the tenant is known.
	Client string `json:"client_id"`
	// Error is the code of the error that was sent to the client (RFC 6749 §4.1.2.1, §5.2), "" for
	// none.
	Error string `json:"error"`
	// Rejected is whether something is wrong. It is false if a client has asked silently whether
	// a user is logged in and none is, whose Error is "login_required".
	Rejected bool   `json:"rejected"`
	Text     string `json:"text"`
	// Tokens are those that were issued. It is never nil.
	Tokens []IssuedToken `json:"tokens"`
}

// IssuedToken is the claims of a token that was issued. Claims of more than 8 KiB are left out, which
// the claim "too_large" says.
type IssuedToken struct {
	Kind   string         `json:"kind"` // "Access token", "Access token, which is opaque to clients" or "ID token"
	Claims map[string]any `json:"claims"`
}

// newIssuedToken returns one with a copy of claims, which are a struct or a map. The error is
// json.Marshal's.
func newIssuedToken(kind string, claims any) (IssuedToken, error) {
	one := IssuedToken{Kind: kind}
	data, err := json.Marshal(claims)
	if err != nil {
		return one, err
	}
	if len(data) > maxEventClaims {
		one.Claims = map[string]any{"too_large": len(data)}
		return one, nil
	}
	return one, json.Unmarshal(data, &one.Claims)
}

// JSON returns the claims as indented JSON.
func (t IssuedToken) JSON() (string, error) {
	text, err := json.MarshalIndent(t.Claims, "", "  ")
	return string(text), err
}

// events are the last events: the tenant's side of each login. They contain claims but no
// tokens. The methods may be called from any goroutine.
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

// touch tells those who wait that something has changed that is no event.
func (e *events) touch() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wake()
}

// clear removes all events.
func (e *events) clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = nil
	e.wake()
}

// add adds an event of the request with ctx, and tells the request's observer.
func (e *events) add(ctx context.Context, one Event) { e.record(observerOf(ctx), one) }

// record adds an event, and tells observe unless that is nil. It sets one.At.
func (e *events) record(observe func(Event), one Event) {
	one.At = e.now()
	if len(one.Text) > maxEventText {
		one.Text = strings.ToValidUTF8(one.Text[:maxEventText], "") + "…"
	}
	if one.Tokens == nil {
		one.Tokens = []IssuedToken{}
	}
	if observe != nil {
		observe(one)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last = append(e.last, one); len(e.last) > maxEvents+maxEvents/4 { // rarely, because it moves all
		e.last = slices.Delete(e.last, 0, len(e.last)-maxEvents)
	}
	e.wake()
}

// reject adds an event of the request with ctx about something that was rejected.
func (e *events) reject(ctx context.Context, one Event) {
	one.Rejected = true
	e.add(ctx, one)
}

// list returns at most limit events, the newest first.
func (e *events) list(limit int) []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := slices.Clone(e.last[max(0, len(e.last)-limit):])
	slices.Reverse(list)
	return list
}

// copied returns a copy of claims, which share nothing that can be changed.
func copied(claims map[string]any) map[string]any {
	if claims == nil {
		return nil
	}
	all := make(map[string]any, len(claims))
	for name, value := range claims {
		all[name] = copiedValue(value)
	}
	return all
}

func copiedValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return copied(value)
	case []any:
		list := make([]any, len(value))
		for i, one := range value {
			list[i] = copiedValue(one)
		}
		return list
	}
	return value
}

// emailOf returns the email address of u, "" if that is nil.
func emailOf(u *directory.User) string {
	if u == nil {
		return ""
	}
	return u.Email
}
