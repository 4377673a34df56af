package gate

import (
	"context"
	"errors"
	"net/http"
	"time"

	"calling-an-api.example/api/gate/dpop"
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
	// DPoP verifies the proofs of tokens that are bound to a key (RFC 9449). The default,
	// nil, accepts bearer tokens only; a bound token is rejected then, because possession of
	// it is not enough.
	DPoP *dpop.Verifier
	// RequireDPoP accepts bound tokens only. It needs DPoP. For single routes, use [Bound].
	RequireDPoP bool
	// Rejected writes the response to a rejected request. p is never nil; it may be
	// shared between requests, so it must not be modified. The default is
	// [Gate.WriteProblem].
	Rejected func(w http.ResponseWriter, r *http.Request, p *Problem)
}

// New returns a Gate that accepts the tokens that are valid under policy. Its errors are
// those of [NewVerifier].
func New(policy Policy) (*Gate, error) {
	v, err := NewVerifier(policy)
	if err != nil {
		return nil, err
	}
	return &Gate{Verifier: v}, nil
}

// Check returns the verified token of r's Authorization header, if it meets all
// requirements. For a bound token, it also verifies r's DPoP proof, and uses it up: call
// Check once for each request. The error is always a *[Problem]: get it with errors.As, and
// pass it to [Gate.WriteProblem]. Check writes nothing.
func (g *Gate) Check(r *http.Request, requirements ...Requirement) (Token, error) {
	c, p := credential(r, g.DPoP != nil)
	if p != nil {
		return Token{}, p
	}
	if g.Verifier == nil || g.RequireDPoP && g.DPoP == nil {
		return Token{}, problemNoVerifier
	}
	token, err := g.Verifier.VerifyBound(r.Context(), c.token)
	if err != nil {
		return Token{}, c.problem(err)
	}
	proof, p := g.checkProof(r, c, token)
	if p != nil {
		return Token{}, p
	}
	if err := token.Require(requirements...); err != nil {
		return Token{}, c.unmet(err, token)
	}
	if proof == nil {
		return token, nil
	}
	if err := g.DPoP.Use(r.Context(), *proof); err != nil {
		return Token{}, g.proofProblem(err, token)
	}
	token.nonce = g.DPoP.NextNonce(*proof)
	return token, nil
}

// HandlerFunc handles a request with a valid token. The token is an argument, so
// that a handler cannot forget to ask for it.
type HandlerFunc func(w http.ResponseWriter, r *http.Request, token Token)

// Handle returns a handler that calls next for requests with a valid token that meets
// all requirements, and rejects all others.
func (g *Gate) Handle(next HandlerFunc, requirements ...Requirement) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := g.Check(r, requirements...)
		if err != nil {
			g.reject(w, r, err)
			return
		}
		if token.nonce != "" {
			w.Header().Set(nonceHeader, token.nonce)
		}
		next(w, r, token)
	})
}

// Protect is middleware: it returns a handler that calls next for requests with a valid
// token, and rejects all others. next gets the token with [FromContext].
func (g *Gate) Protect(next http.Handler) http.Handler { return g.Require()(next) }

// Require returns middleware that requires a valid token which meets all requirements.
// Handlers behind it get the token with [FromContext].
func (g *Gate) Require(requirements ...Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return g.Handle(func(w http.ResponseWriter, r *http.Request, token Token) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, token)))
		}, requirements...)
	}
}

var problemNoVerifier = unavailable("The API is not configured to verify tokens", time.Minute, errors.New("gate: no Verifier"))

type contextKey struct{}

// FromContext returns the verified token of a request that came through
// [Gate.Protect] or [Gate.Require]. ok is false for the context of any other request.
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
