// Package auth decides whether a request may pass: it takes the bearer token
// from the request (RFC 6750), verifies it (RFC 7519, RFC 8725, RFC 9068) and
// checks its scopes. It knows keys only by the interface it is given.
package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Keys finds the key that a token's signature is checked with. An error that
// has a method RetryAfter() time.Duration means that keys can't be had now, so
// that nothing can be said of any token.
type Keys interface {
	KeyfuncCtx(ctx context.Context) jwt.Keyfunc
}

// Options say which tokens are good. Issuer, Audience and Epoch are required.
type Options struct {
	Issuer        string // exact value of iss
	Audience      string // a value that aud must hold
	Leeway        time.Duration
	StrictRFC9068 bool             // also require what RFC 9068 §2 does: typ, client_id, iat and jti
	Now           func() time.Time // nil means time.Now

	// Epoch returns a number that changes when a key stops being good, and whether
	// keys can be used at all now. CacheSize is how many tokens that were verified in
	// one epoch are remembered, 0 for none.
	Epoch     func() (n int64, usable bool)
	CacheSize int
}

// Verifier verifies access tokens. Its methods may be called from any goroutine.
type Verifier struct {
	opts      Options
	keys      Keys
	validator *jwt.Validator
	cache     *cache // nil for none
}

// NewVerifier returns a Verifier. It refuses an empty issuer or audience, as
// the validator would take either for "don't check".
func NewVerifier(keys Keys, opts Options) (*Verifier, error) {
	if opts.Issuer == "" || opts.Audience == "" {
		return nil, errors.New("auth: an issuer and an audience are required")
	}
	if opts.Epoch == nil {
		return nil, errors.New("auth: an epoch is required")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	v := &Verifier{opts: opts, keys: keys, validator: jwt.NewValidator(
		jwt.WithIssuer(opts.Issuer),
		jwt.WithAudience(opts.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(opts.Leeway),
		jwt.WithTimeFunc(opts.Now),
	)}
	if opts.CacheSize > 0 {
		v.cache = newCache(opts.CacheSize)
	}
	return v, nil
}

// Token is what a verified access token says.
type Token struct {
	texts   string // the subject, and then words of the claims scope and permissions together
	subject int    // length of the subject in it
	expires int64  // Unix time in milliseconds (nanoseconds end in 2262), leeway included
}

// Subject is the claim sub.
func (t Token) Subject() string { return t.texts[:t.subject] }

// Has reports whether the token grants scope, by its claim scope (RFC 9068
// §2.2.3) or by permissions, where Auth0 puts what a user's roles allow.
func (t Token) Has(scope string) bool {
	for granted := range strings.FieldsSeq(t.texts[t.subject:]) {
		if granted == scope {
			return true
		}
	}
	return false
}

// Verify returns what the access token raw says, and whether it was remembered
// from before. The error has the status 401 for a token that is not good, 503 if
// that can't be told for want of keys. Refusals are never remembered.
func (v *Verifier) Verify(ctx context.Context, raw string) (token Token, cached bool, err *Error) {
	if err := checkForm(raw); err != nil {
		return Token{}, false, err
	}
	// The epoch is read before the key, so that a key which goes meanwhile takes
	// with it what is stored below.
	epoch, usable := v.opts.Epoch()
	if v.cache == nil {
		token, err = v.verify(ctx, raw, usable)
		return token, false, err
	}
	key := digest(raw)
	if usable {
		if token, ok := v.cache.get(key, epoch, v.opts.Now()); ok {
			return token, true, nil
		}
	}
	if token, err = v.verify(ctx, raw, usable); err != nil {
		return Token{}, false, err
	}
	v.cache.put(key, epoch, v.opts.Now(), token)
	return token, false, nil
}

// verify judges a token from its outside inwards: what costs little comes
// first, so that no key is looked for on behalf of a token that can't be good.
// While keys can't be used, nothing is said of what a token claims.
func (v *Verifier) verify(ctx context.Context, raw string, usable bool) (Token, *Error) {
	space := spaces.Get().(*[maxToken]byte)
	defer spaces.Put(space)
	signed, signature, payload, head, ok := split(raw, space)
	if !ok {
		return Token{}, invalidToken(reasonMalformed, "The access token is not three parts of base64url", nil)
	}
	h, err := parseHeader(head)
	if err != nil {
		return Token{}, invalidToken(reasonHeader, "The access token's header is not that of an RS256 access token", err)
	}
	if !usable {
		if _, err := v.key(ctx, h.kid); err != nil {
			return Token{}, keyRefusal(ctx, err)
		}
	}
	c, err := parseClaims(payload)
	if err != nil {
		return Token{}, invalidToken(reasonMalformed, "The access token's claims are malformed", err)
	}
	if err := v.validator.Validate(c); err != nil {
		return Token{}, v.refusal(c, err)
	}
	if err := c.check(h.profile, v.opts.StrictRFC9068); err != nil {
		return Token{}, err
	}
	key, err := v.key(ctx, h.kid)
	if err != nil {
		return Token{}, keyRefusal(ctx, err)
	}
	if err := jwt.SigningMethodRS256.Verify(signed, signature, key); err != nil {
		return Token{}, invalidToken(reasonSignature, "The access token's signature is invalid", err)
	}
	return Token{
		texts: c.subject + c.scopes, subject: len(c.subject), expires: c.expires.Add(v.opts.Leeway).UnixMilli(),
	}, nil
}

// key returns the key with the ID kid, fit for RS256.
func (v *Verifier) key(ctx context.Context, kid string) (any, error) {
	method := jwt.SigningMethodRS256
	return v.keys.KeyfuncCtx(ctx)(&jwt.Token{Method: method, Header: map[string]any{"alg": method.Alg(), "kid": kid}})
}

// refusal turns the validator's error into what the caller is told.
func (v *Verifier) refusal(c *claims, err error) *Error {
	switch {
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		if strings.TrimSuffix(c.issuer, "/") == strings.TrimSuffix(v.opts.Issuer, "/") { // so both may be in the log
			err = &slashError{want: v.opts.Issuer, got: c.issuer}
		}
		return invalidToken(reasonIssuer, "The access token is from another issuer", err)
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return invalidToken(reasonAudience, "The access token is for another audience", err)
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return invalidToken(reasonClaims, "The access token lacks a claim that it must have", err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return invalidToken(reasonExpired, "The access token expired", err)
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return invalidToken(reasonNotYet, "The access token is not valid yet", err)
	}
	return invalidToken(reasonClaims, "The access token's claims are invalid", err)
}

// slashError says that two issuers differ by the slash at their end, the most
// common mistake of a configuration.
type slashError struct{ want, got string }

func (e *slashError) Error() string {
	return "the issuer differs by its trailing slash: expected " + e.want + ", got " + e.got
}

// keyRefusal turns the error of looking for a key into what the caller is told.
func keyRefusal(ctx context.Context, err error) *Error {
	var wait interface{ RetryAfter() time.Duration }
	switch {
	case errors.As(err, &wait):
		return unavailable("The issuer's keys are not loaded, so no token can be checked; try again shortly", wait.RetryAfter(), err)
	case ctx.Err() != nil:
		return unavailable("The request ended before its token was checked", time.Second, err)
	}
	return invalidToken(reasonKey, "The access token is signed with a key that the issuer does not publish", err)
}
