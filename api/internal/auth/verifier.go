// Package auth decides whether a request may pass: it takes the bearer token
// from the request (RFC 6750), verifies it (RFC 7519, RFC 8725, RFC 9068) and
// checks its scopes. It knows keys only by the Keyfunc it is given.
package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxToken = 8 << 10 // bytes
	maxKID   = 256     // bytes
)

// Keys finds the key that a token's signature is checked with. An error that
// has a method RetryAfter() time.Duration means that keys can't be had now, so
// that nothing can be said of any token.
type Keys interface {
	KeyfuncCtx(ctx context.Context) jwt.Keyfunc
}

// Options say which tokens are good. All but Leeway and Now are required.
type Options struct {
	Issuer   string // exact value of iss
	Audience string // a value that aud must hold
	Leeway   time.Duration
	Now      func() time.Time // nil means time.Now
}

// Verifier verifies access tokens.
type Verifier struct {
	parser *jwt.Parser
	keys   Keys
}

// NewVerifier returns a Verifier. It refuses an empty issuer or audience, as
// the parser would take either for "don't check".
func NewVerifier(keys Keys, opts Options) (*Verifier, error) {
	if opts.Issuer == "" || opts.Audience == "" {
		return nil, errors.New("auth: an issuer and an audience are required")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Verifier{keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithIssuer(opts.Issuer),
		jwt.WithAudience(opts.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(opts.Leeway),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(opts.Now),
	)}, nil
}

// Token is what a verified access token says.
type Token struct {
	Subject string
	scopes  []string // of the claims scope and permissions together
}

// Has reports whether the token grants scope, by its claim scope (RFC 9068
// §2.2.3) or by permissions, where Auth0 puts what a user's roles allow.
func (t *Token) Has(scope string) bool { return slices.Contains(t.scopes, scope) }

// Verify returns what the access token raw says. The error has the status 401
// for a token that is not good, 503 if that can't be told for want of keys.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, *Error) {
	if len(raw) > maxToken {
		return nil, invalidToken("The access token is too large", nil)
	}
	if strings.Count(raw, ".") != 2 {
		return nil, invalidToken("The access token is not a JWT; was it requested with this API's audience?", nil)
	}
	claims := jwt.MapClaims{}
	find := v.keys.KeyfuncCtx(ctx)
	_, err := v.parser.ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) {
		if err := checkHeader(t.Header); err != nil {
			return nil, err
		}
		return find(t)
	})
	if err != nil {
		return nil, refusal(ctx, err)
	}
	subject, _ := claims["sub"].(string)
	if subject == "" {
		return nil, invalidToken("The access token has no subject", nil)
	}
	return &Token{Subject: subject, scopes: scopes(claims)}, nil
}

var errHeader = errors.New("unacceptable header")

// checkHeader accepts a JOSE header of the parameters that a plain RS256 access
// token needs. Everything else could change what the signature means, or point
// to a key of the sender's choice (RFC 8725 §3.1, §3.10), and is refused before any key
// is looked for.
func checkHeader(header map[string]any) error {
	for name, value := range header {
		switch name {
		case "alg", "x5t": // alg is the parser's to check; x5t says nothing that kid doesn't
		case "kid":
			if kid, ok := value.(string); !ok || kid == "" || len(kid) > maxKID {
				return fmt.Errorf("%w: kid is not a string of 1 to %d bytes", errHeader, maxKID)
			}
		case "typ":
			typ, _ := value.(string)
			switch strings.ToLower(typ) {
			case "jwt", "at+jwt", "application/at+jwt": // RFC 9068 §2.1, and what tenants send by default
			default:
				return fmt.Errorf("%w: typ is not that of an access token", errHeader)
			}
		default:
			return fmt.Errorf("%w: a parameter that access tokens don't have", errHeader)
		}
	}
	if _, ok := header["kid"]; !ok {
		return fmt.Errorf("%w: no kid", errHeader)
	}
	return nil
}

// refusal turns the parser's error into what the caller is told. The order is
// the parser's: header and key first, then signature, then claims.
func refusal(ctx context.Context, err error) *Error {
	var wait interface{ RetryAfter() time.Duration }
	switch {
	case errors.As(err, &wait):
		return &Error{
			Status: http.StatusServiceUnavailable, Code: codeUnavailable, RetryAfter: wait.RetryAfter(), Cause: err,
			Description: "The issuer's keys are not loaded, so no token can be checked; try again shortly",
		}
	case ctx.Err() != nil:
		return &Error{
			Status: http.StatusServiceUnavailable, Code: codeUnavailable, RetryAfter: time.Second, Cause: err,
			Description: "The request ended before its token was checked",
		}
	case errors.Is(err, errHeader):
		return invalidToken("The access token's header is not that of an access token of this issuer", err)
	case errors.Is(err, jwt.ErrTokenMalformed):
		return invalidToken("The access token is malformed", err)
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return invalidToken("The access token is signed with a key that the issuer does not publish", err)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return invalidToken("The access token's signature is invalid", err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return invalidToken("The access token expired", err)
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return invalidToken("The access token is not valid yet", err)
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return invalidToken("The access token is from another issuer", err)
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return invalidToken("The access token is for another audience", err)
	}
	return invalidToken("The access token's claims are invalid", err)
}

// scopes collects what the claims scope and permissions grant. A claim of
// another type grants nothing.
func scopes(claims jwt.MapClaims) []string {
	granted, _ := claims["scope"].(string)
	all := strings.Fields(granted)
	permissions, _ := claims["permissions"].([]any)
	for _, p := range permissions {
		if p, ok := p.(string); ok {
			all = append(all, p)
		}
	}
	return all
}
