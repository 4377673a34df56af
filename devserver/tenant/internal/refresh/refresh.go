// Package refresh keeps refresh-token families (RFC 9700 §4.14.2): the refresh tokens of
// one login, each of which is used once to get the next. A token that is used again
// was stolen, from whoever used it first or by whoever uses it now, so the whole
// family ends (reuse detection).
package refresh

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"calling-an-api.example/devserver/tenant/internal/expiring"
)

// Auth0's defaults for rotating refresh tokens, and its largest overlap in practice.
const (
	lifetime    = 30 * 24 * time.Hour // of a family, since its login
	idleTimeout = 15 * 24 * time.Hour // of a family, since its last use
	overlap     = 5 * time.Second     // in which a used token may be used again, by another tab
	maxTokens   = 1000                // tokens of a family that can be used
	maxFamilies = 1000
)

// Family is what a login has granted. All fields but ID are the caller's.
type Family struct {
	ID        string    `json:"id"`
	Client    string    `json:"client"`
	User      string    `json:"user"`
	Audience  string    `json:"audience,omitempty"`
	Scopes    []string  `json:"scopes"`
	SessionID string    `json:"sid"`
	LoggedIn  time.Time `json:"loggedIn"`
	Org       string    `json:"organization,omitempty"`

	Thumbprint string `json:"jkt,omitempty"` // of the key that the tokens are bound to (RFC 9449 §5); "" for none
}

// family is a Family with its tokens.
type family struct {
	Family
	Used   time.Time `json:"used"`   // last
	Tokens []token   `json:"tokens"` // the newest last
}

// token is one token of a family. Only its digest is kept.
type token struct {
	Digest   string    `json:"digest"`
	Replaced time.Time `json:"replaced,omitzero"` // when it was used; zero if it was not
}

// Families are the families of all logins. A refresh is [Families.Find], the caller's
// own checks, and [Families.Rotate]. The methods may be called from any goroutine.
type Families struct {
	now func() time.Time

	mu   sync.Mutex // protects the families in byID
	byID *expiring.Map[*family]
}

// Errors of Find and Rotate, for errors.Is.
var (
	ErrUnknown = errors.New("it is unknown, or its family has ended")
	ErrReused  = errors.New("it was used before, so all tokens of its login have ended")
	ErrIdle    = errors.New("it was not used for 15 days")
)

// New returns a Families without any. now is the clock.
func New(now func() time.Time) *Families {
	return &Families{now: now, byID: expiring.New[*family](maxFamilies, lifetime, now)}
}

// Start starts a family and returns its first token and its ID.
func (fs *Families) Start(f Family) (value, id string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.ID = rand.Text()
	made := &family{Family: f}
	value = made.next(fs.now())
	fs.byID.Put(f.ID, made)
	return value, f.ID
}

// next adds a token to f and returns it, and forgets those that can no longer be used. The
// caller holds mu.
func (f *family) next(now time.Time) string {
	value := f.ID + "." + rand.Text()
	f.Tokens = slices.DeleteFunc(f.Tokens, func(t token) bool { return !t.usable(now) })
	f.Tokens = append(f.Tokens, token{Digest: digest(value)})
	if len(f.Tokens) > maxTokens {
		f.Tokens = slices.Delete(f.Tokens, 0, 1)
	}
	f.Used = now
	return value
}

// Find returns the family of the token value if the client may use it now, without
// using it. Reuse ends the family. The error is one of the Err variables.
func (fs *Families) Find(value, client string) (Family, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f, _, err := fs.find(value, client)
	if err != nil {
		return Family{}, err
	}
	return f.Family, nil
}

// Rotate uses the token value and returns the one that replaces it. It rejects what
// Find does: the family may have ended since.
func (fs *Families) Rotate(value, client string) (next string, err error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f, used, err := fs.find(value, client)
	if err != nil {
		return "", err
	}
	now := fs.now()
	if used.Replaced.IsZero() {
		used.Replaced = now
	}
	return f.next(now), nil
}

// find returns a usable token and its family. The caller holds mu.
func (fs *Families) find(value, client string) (*family, *token, error) {
	id, _, _ := strings.Cut(value, ".")
	f := fs.byID.Get(id)
	if f == nil || f.Client != client {
		return nil, nil, ErrUnknown
	}
	// Whoever knows a family's ID has had one of its tokens. A token that is no longer
	// remembered was used long ago.
	at := slices.IndexFunc(f.Tokens, func(t token) bool { return t.Digest == digest(value) })
	now := fs.now()
	if at < 0 || !f.Tokens[at].usable(now) {
		fs.byID.Take(f.ID)
		return nil, nil, ErrReused
	}
	if now.Sub(f.Used) >= idleTimeout {
		fs.byID.Take(f.ID)
		return nil, nil, ErrIdle
	}
	return f, &f.Tokens[at], nil
}

// usable reports whether t was not used, or less than the overlap ago. A negative time
// means that the clock was set back.
func (t token) usable(now time.Time) bool {
	ago := now.Sub(t.Replaced)
	return t.Replaced.IsZero() || 0 <= ago && ago < overlap
}

// End ends the family of the token value, if it is the client's, and reports whether it was.
func (fs *Families) End(value, client string) bool {
	id, _, _ := strings.Cut(value, ".")
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.byID.Get(id)
	if f == nil || f.Client != client {
		return false
	}
	fs.byID.Take(id)
	return true
}

// EndFamily ends the family with that ID.
func (fs *Families) EndFamily(id string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.byID.Take(id)
}

// UserOf returns the ID of the user of the token value, "" if its family is unknown. It does not use
// the token.
func (fs *Families) UserOf(value string) string {
	id, _, _ := strings.Cut(value, ".")
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.byID.Get(id); f != nil {
		return f.User
	}
	return ""
}

// EndThose ends the families that is reports true of.
func (fs *Families) EndThose(is func(Family) bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var ids []string
	fs.byID.Each(func(key string, f *family, _ time.Time) {
		if is(f.Family) {
			ids = append(ids, key)
		}
	})
	for _, key := range ids {
		fs.byID.Take(key)
	}
}

// EndAll ends all families.
func (fs *Families) EndAll() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.byID.Clear()
}

// Row is a family for a person.
type Row struct {
	Family
	Used, Until time.Time
}

// Rows returns all families, the one used last first.
func (fs *Families) Rows() (rows []Row) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.byID.Each(func(_ string, f *family, born time.Time) {
		row := Row{f.Family, f.Used, born.Add(lifetime)}
		if idle := f.Used.Add(idleTimeout); idle.Before(row.Until) {
			row.Until = idle
		}
		rows = append(rows, row)
	})
	slices.SortFunc(rows, func(a, b Row) int { return b.Used.Compare(a.Used) })
	return rows
}

// digest is stored instead of a secret.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
