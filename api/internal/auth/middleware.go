package auth

import "net/http"

// Gate is what stands before handlers. Refuse answers a request that may not
// pass; Accepted is told of each one that may, and whether its token was
// remembered from before.
type Gate struct {
	Verifier *Verifier
	Refuse   func(w http.ResponseWriter, r *http.Request, err *Error)
	Accepted func(cached bool)
}

// Handler answers a request whose token is good. What the token says comes as an
// argument, so that no handler can be without it by mistake.
type Handler func(w http.ResponseWriter, r *http.Request, token Token)

// Token passes on to next the requests that bring a good access token.
func (g *Gate) Token(next Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := credential(r)
		if err != nil {
			g.Refuse(w, r, err)
			return
		}
		token, cached, err := g.Verifier.Verify(r.Context(), raw)
		if err != nil {
			g.Refuse(w, r, err)
			return
		}
		g.Accepted(cached)
		next(w, r, token)
	})
}

// Scope passes on to next the requests whose token is good and grants scope.
func (g *Gate) Scope(scope string, next Handler) http.Handler {
	missing := &Error{
		Status: http.StatusForbidden, Code: codeInsufficientScope, Reason: reasonScope, Scope: scope,
		Description: "The access token does not grant " + scope,
	}
	return g.Token(func(w http.ResponseWriter, r *http.Request, token Token) {
		if !token.Has(scope) {
			g.Refuse(w, r, missing)
			return
		}
		next(w, r, token)
	})
}
