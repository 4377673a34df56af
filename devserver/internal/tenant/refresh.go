package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Auth0's defaults for rotating refresh tokens, and the overlap that it can have.
const (
	refreshLifetime = 30 * 24 * time.Hour // of a family, from the login
	refreshIdle     = 15 * 24 * time.Hour // without use
	refreshOverlap  = 5 * time.Second     // in which a token may be used again: two tabs at the same time
	maxTokens       = 32                  // of a family that are remembered, for the overlap
)

// family is the refresh tokens that come of one login, each used once to get the
// next (RFC 9700 §4.14.2). One that is used again was stolen from whoever used it
// first, or by whoever uses it now, so the whole family ends.
type family struct {
	ID        string    `json:"id"`
	Client    string    `json:"client"`
	User      string    `json:"user"`
	Audience  string    `json:"audience,omitempty"`
	Scopes    []string  `json:"scopes"`
	SessionID string    `json:"sid"`
	LoggedIn  time.Time `json:"loggedIn"`
	Org       string    `json:"organization,omitempty"`
	Used      time.Time `json:"used"`   // last
	Tokens    []token   `json:"tokens"` // the newest last
}

// token is one of a family, of which only the digest is kept.
type token struct {
	Digest   string    `json:"digest"`
	Replaced time.Time `json:"replaced,omitzero"` // when it was used; zero is not yet
}

// families are those of all logins.
type families struct {
	mu   sync.Mutex
	byID *expiring[*family]
}

// digest stands for a secret where it is kept.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// start returns the first refresh token for g, and the ID of its family.
func (fs *families) start(g *grant, now time.Time) (value, id string) {
	f := &family{
		ID: randomID(), Client: g.request.client.id, User: g.session.user.id, Scopes: g.scopes,
		SessionID: g.session.id, LoggedIn: g.session.loggedIn, Org: g.request.organization,
	}
	if g.request.api != nil {
		f.Audience = g.request.api.audience
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	value = f.next(now)
	fs.byID.put(f.ID, f)
	return value, f.ID
}

// next adds a token to f and returns it.
func (f *family) next(now time.Time) string {
	value := f.ID + "." + randomID() + randomID()
	f.Tokens = append(f.Tokens, token{Digest: digest(value)})
	if len(f.Tokens) > maxTokens {
		f.Tokens = slices.Delete(f.Tokens, 0, 1)
	}
	f.Used = now
	return value
}

// use takes value, of the client called clientID, and returns its family and the
// token that replaces it, or nil and why not. What objection has something against
// is left as it is.
func (fs *families) use(value, clientID string, now time.Time, objection func(*family) string) (f *family, next, why string) {
	id, _, _ := strings.Cut(value, ".")
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f = fs.byID.get(id)
	if f == nil || f.Client != clientID {
		return nil, "", "it is unknown, or its family has ended"
	}
	at := slices.IndexFunc(f.Tokens, func(t token) bool { return t.Digest == digest(value) })
	// Whoever knows a family's ID has had one of its tokens. One that isn't
	// remembered any more was used long ago.
	var replaced time.Time
	if at >= 0 {
		replaced = f.Tokens[at].Replaced
	}
	ago := now.Sub(replaced) // less than 0 if the clock was put back
	if at < 0 || !replaced.IsZero() && (ago >= refreshOverlap || ago < 0) {
		fs.byID.take(f.ID)
		return nil, "", "it was used before, so all that came of its login have ended"
	}
	if now.Sub(f.Used) >= refreshIdle {
		fs.byID.take(f.ID)
		return nil, "", "it was not used for too long"
	}
	if why := objection(f); why != "" {
		return nil, "", why
	}
	if replaced.IsZero() {
		f.Tokens[at].Replaced = now
	}
	next = f.next(now)
	copied := *f
	return &copied, next, ""
}

// end ends the family of value, if it is one of clientID's.
func (fs *families) end(value, clientID string) {
	id, _, _ := strings.Cut(value, ".")
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.byID.get(id); f != nil && f.Client == clientID {
		fs.byID.take(id)
	}
}

// RefreshToken implements op.Server. The description of a refusal is one that the
// SDK knows: it then asks silently, by the session.
func (s *server) RefreshToken(_ context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	t := s.tenant
	now := t.opts.Now()
	var u *user
	var app *client
	f, next, why := t.refresh.use(r.Data.RefreshToken, r.Client.GetID(), now, func(f *family) string {
		u, app = t.userByID(f.User), t.client(f.Client) // as the configuration has them now
		switch {
		case u == nil || u.blocked:
			return "its user is blocked or gone"
		case app == nil || f.Audience != "" && t.api(f.Audience) == nil:
			return "its client or its API is gone"
		}
		return ""
	})
	defer t.save()
	if f == nil {
		t.events.refused("A refresh token was refused: %s", why)
		return nil, invalidGrant("Unknown or invalid refresh token.")
	}
	g := &grant{
		request: &authRequest{AuthRequest: &oidc.AuthRequest{}, client: app, api: t.api(f.Audience), organization: f.Org},
		session: &session{id: f.SessionID, user: u, loggedIn: f.LoggedIn},
		scopes:  grantable(f.Scopes, u, t.api(f.Audience)),
	}
	// Fewer than were granted may be asked for (RFC 6749 §6). More is no error, as the
	// SDK asks for what it asked at first.
	if len(r.Data.Scopes) > 0 {
		g.scopes = slices.DeleteFunc(g.scopes, func(name string) bool { return !slices.Contains(r.Data.Scopes, name) })
	}
	return s.tokens(g, "a refresh token", next)
}

// Revocation implements op.Server (RFC 7009): what is no token of the client's is
// no error.
func (s *server) Revocation(_ context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	s.tenant.refresh.end(r.Data.Token, r.Client.GetID())
	s.tenant.save()
	return noStore(nil), nil
}
