package gate

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Gate is HTTP middleware that requires a valid bearer token. A Gate without a
// Verifier, such as the zero value, accepts no request: one with a token gets 503. The
// fields must not change once requests are served; the methods may be called from any
// goroutine.
type Gate struct {
	// Verifier decides which tokens are valid.
	Verifier *Verifier
	// Realm is sent in challenges (RFC 6750 §3). The default is "api".
	Realm string
	// ResourceMetadata is the URL of the API's protected resource metadata. If it is
	// set, challenges include it as resource_metadata (RFC 9728 §5.1).
	ResourceMetadata string
	// Rejected writes the response to a rejected request. p is never nil; it may be
	// shared between requests, so it must not be modified. The default is
	// [Gate.WriteProblem].
	Rejected func(w http.ResponseWriter, r *http.Request, p *Problem)
}

// New returns a Gate that accepts tokens that are valid under policy and signed
// with one of keys. Its errors are those of [NewVerifier].
func New(keys Keys, policy Policy) (*Gate, error) {
	v, err := NewVerifier(keys, policy)
	if err != nil {
		return nil, err
	}
	return &Gate{Verifier: v}, nil
}

// Check returns the verified token of r's Authorization header. The error is
// always a *[Problem]: get it with errors.As, and pass it to [Gate.WriteProblem]. Check
// writes nothing, and does not check scopes; use [Token.Require].
func (g *Gate) Check(r *http.Request) (Token, error) {
	raw, p := credential(r)
	if p != nil {
		return Token{}, p
	}
	if g.Verifier == nil {
		return Token{}, problemNoVerifier
	}
	return g.Verifier.Verify(r.Context(), raw)
}

// HandlerFunc handles a request with a valid token. The token is an argument, so
// that a handler cannot forget to ask for it.
type HandlerFunc func(w http.ResponseWriter, r *http.Request, token Token)

// Handle returns a handler that calls next for requests with a valid token that
// grants all scopes, and rejects all others.
func (g *Gate) Handle(next HandlerFunc, scopes ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := g.Check(r)
		if err == nil {
			err = token.Require(scopes...)
		}
		if err != nil {
			g.reject(w, r, err)
			return
		}
		next(w, r, token)
	})
}

// Protect is middleware: it returns a handler that calls next for requests with a valid
// token, and rejects all others. next gets the token with [FromContext].
func (g *Gate) Protect(next http.Handler) http.Handler { return g.RequireScope()(next) }

// RequireScope returns middleware that requires a valid token which grants all
// scopes. Handlers behind it get the token with [FromContext].
func (g *Gate) RequireScope(scopes ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return g.Handle(func(w http.ResponseWriter, r *http.Request, token Token) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, token)))
		}, scopes...)
	}
}

var problemNoVerifier = unavailable("The API is not configured to verify tokens", time.Minute, errors.New("gate: no Verifier"))

type contextKey struct{}

// FromContext returns the verified token of a request that came through
// [Gate.Protect] or [Gate.RequireScope]. ok is false for the context of any other request.
func FromContext(ctx context.Context) (token Token, ok bool) {
	token, ok = ctx.Value(contextKey{}).(Token)
	return token, ok
}

// reject writes the response for err, an error of Check or Require.
func (g *Gate) reject(w http.ResponseWriter, r *http.Request, err error) {
	var p *Problem
	if !errors.As(err, &p) {
		p = unavailable("The token could not be verified", time.Second, err)
	}
	if g.Rejected != nil {
		g.Rejected(w, r, p)
		return
	}
	g.WriteProblem(w, p)
}
