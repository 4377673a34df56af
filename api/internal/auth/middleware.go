package auth

import (
	"context"
	"net/http"
)

// Gate is what stands before handlers. Refuse answers a request that may not
// pass; Accepted is told of each one that may, and whether its token was
// remembered from before.
type Gate struct {
	Verifier *Verifier
	Refuse   func(w http.ResponseWriter, r *http.Request, err *Error)
	Accepted func(cached bool)
}

type contextKey struct{}

// FromContext returns the verified token of the request that ctx belongs to, or
// nil if no Gate has passed it.
func FromContext(ctx context.Context) *Token {
	token, _ := ctx.Value(contextKey{}).(*Token)
	return token
}

// Token passes on to next the requests that bring a good access token, with what
// it says in their context.
func (g *Gate) Token(next http.Handler) http.Handler {
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
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, token)))
	})
}

// Scope passes on to next the requests whose token is good and grants scope.
func (g *Gate) Scope(scope string, next http.Handler) http.Handler {
	return g.Token(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !FromContext(r.Context()).Has(scope) {
			g.Refuse(w, r, &Error{
				Status: http.StatusForbidden, Code: codeInsufficientScope, Reason: reasonScope, Scope: scope,
				Description: "The access token does not grant " + scope,
			})
			return
		}
		next.ServeHTTP(w, r)
	}))
}
