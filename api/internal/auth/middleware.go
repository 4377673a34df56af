package auth

import (
	"context"
	"net/http"
	"strings"
)

// Fail answers a request that is refused. The error is always an *Error.
type Fail func(w http.ResponseWriter, r *http.Request, err *Error)

type contextKey struct{}

// FromContext returns the verified token of the request that ctx belongs to, or
// nil if RequireToken didn't pass it.
func FromContext(ctx context.Context) *Token {
	token, _ := ctx.Value(contextKey{}).(*Token)
	return token
}

// RequireToken passes on requests that bring a good access token, with what it
// says in their context, and hands all others to fail.
func RequireToken(v *Verifier, fail Fail) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw, err := credential(r)
			if err != nil {
				fail(w, r, err)
				return
			}
			token, verr := v.Verify(r.Context(), raw)
			if verr != nil {
				fail(w, r, verr)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, token)))
		})
	}
}

// RequireScope passes on requests whose token grants scope. It goes inside
// RequireToken.
func RequireScope(scope string, fail Fail) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if token := FromContext(r.Context()); token == nil || !token.Has(scope) {
				fail(w, r, &Error{
					Status: http.StatusForbidden, Code: codeInsufficientScope, Scope: scope,
					Description: "The access token does not grant " + scope,
				})
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// credential returns the bearer token of the Authorization header (RFC 6750
// §2.1). Tokens in the query or the body are not looked for: both leave traces
// in logs and histories.
func credential(r *http.Request) (string, *Error) {
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) == 0:
		return "", &Error{
			Status: http.StatusUnauthorized, Code: codeNoToken,
			Description: "The request has no access token; send one as Authorization: Bearer <token>",
		}
	case len(headers) > 1:
		return "", invalidRequest("The request has more than one Authorization header")
	}
	scheme, token, found := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", &Error{
			Status: http.StatusUnauthorized, Code: codeNoToken,
			Description: "The Authorization header's scheme is not Bearer",
		}
	}
	if !found || token == "" || strings.ContainsAny(token, " \t,") {
		return "", invalidRequest("The Authorization header is not Bearer, one space and one token")
	}
	return token, nil
}
