package gate

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Policy says which tokens are valid. Issuer and Audience are required; the zero
// value of every other field is a safe default.
type Policy struct {
	// Issuer is the exact value that the claim iss must have. Auth0's issuers end with
	// a slash.
	Issuer string
	// Audience is a value that the claim aud must contain. Without it, any token of
	// the issuer would be accepted, ID tokens among them.
	Audience string
	// Leeway is how far the issuer's clock may differ, for exp, nbf and iat. The
	// default is 0; a few seconds are usual.
	Leeway time.Duration
	// StrictRFC9068 also requires typ at+jwt and the claims client_id, iat and jti
	// (RFC 9068 §2). Auth0's default access tokens lack some of them.
	StrictRFC9068 bool
	// CacheSize is the maximum number of cached tokens, rounded up to a multiple of 4.
	// The signature of a cached token is not verified again. The default, 0, disables
	// the cache. An entry has a digest of the token, and its subject, client, scopes
	// and permissions; it takes about 100 bytes more than these.
	CacheSize int
	// Now is the clock. It is called from many goroutines. The default is time.Now.
	Now func() time.Time
}

// Verifier verifies access tokens. Create it with [NewVerifier]. Its methods may be
// called from any goroutine.
type Verifier struct {
	policy    Policy
	keys      Keys
	validator *jwt.Validator
	cache     *cache // nil if Policy.CacheSize is 0
}

// NewVerifier returns a Verifier. It returns an error if keys is nil, if the policy has
// no issuer or no audience, or if it has a CacheSize and keys are neither [StaticKeys]
// nor a [Snapshotter].
func NewVerifier(keys Keys, policy Policy) (*Verifier, error) {
	switch {
	case keys == nil:
		return nil, errors.New("gate: Keys are required")
	case policy.CacheSize > 0 && !isCacheable(keys):
		return nil, errors.New("gate: Policy.CacheSize needs Keys that are StaticKeys or a Snapshotter")
	case policy.Issuer == "" || policy.Audience == "": // golang-jwt does not check an empty value
		return nil, errors.New("gate: Policy.Issuer and Policy.Audience are required")
	}
	if policy.Now == nil {
		policy.Now = time.Now
	}
	v := &Verifier{policy: policy, keys: keys, validator: jwt.NewValidator(
		jwt.WithIssuer(policy.Issuer),
		jwt.WithAudience(policy.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(policy.Leeway),
		jwt.WithTimeFunc(policy.Now),
	)}
	if policy.CacheSize > 0 {
		v.cache = newCache(policy.CacheSize)
	}
	return v, nil
}

// Verify verifies the access token raw. The error is a *[Problem]: status 401 for an
// invalid token, 503 if no keys are available or ctx ended. Only valid tokens are
// cached.
func (v *Verifier) Verify(ctx context.Context, raw string) (Token, error) {
	if p := checkForm(raw); p != nil {
		return Token{}, p
	}
	if v.keys == nil {
		return Token{}, problemNoVerifier
	}
	key, epoch, usable := snapshot(v.keys)
	if v.cache == nil {
		f, p := v.verify(ctx, raw, key, usable)
		if p != nil {
			return Token{}, p
		}
		return Token{raw: raw, facts: f}, nil
	}
	id, expiredBefore := digest(raw), v.policy.Now().Add(-v.policy.Leeway).Unix()
	if usable {
		if f, ok := v.cache.get(id, epoch, expiredBefore); ok {
			return Token{raw: raw, facts: f, cached: true}, nil
		}
	}
	f, p := v.verify(ctx, raw, key, usable)
	if p != nil {
		return Token{}, p
	}
	v.cache.put(id, epoch, expiredBefore, f)
	return Token{raw: raw, facts: f}, nil
}

// verify does the cheap checks first, so that no key is fetched for a token that
// cannot be valid. If no keys are usable, it returns 503 without checking the claims.
func (v *Verifier) verify(ctx context.Context, raw string, key KeyFunc, usable bool) (facts, *Problem) {
	buffer := decodeBuffers.Get().(*[maxToken]byte) //nolint:forcetypeassert // the pool holds only these
	defer decodeBuffers.Put(buffer)
	parts, ok := split(raw, buffer)
	if !ok {
		return facts{}, invalidToken(ReasonMalformed, "The access token is not three parts of base64url", nil)
	}
	h, err := parseHeader(parts.header)
	if err != nil {
		return facts{}, invalidToken(ReasonHeader, "The access token's header is not that of an RS256 access token", err)
	}
	if !usable {
		if _, err := key(ctx, h.kid, jwt.SigningMethodRS256.Alg()); err != nil {
			return facts{}, keyProblem(ctx, err)
		}
	}
	c, err := parseClaims(parts.payload)
	if err != nil {
		return facts{}, invalidToken(ReasonMalformed, "The access token's claims are malformed", err)
	}
	if err := v.validator.Validate(c); err != nil {
		return facts{}, v.claimsProblem(c, err)
	}
	if p := c.check(h.atJWT, v.policy.StrictRFC9068); p != nil {
		return facts{}, p
	}
	public, err := key(ctx, h.kid, jwt.SigningMethodRS256.Alg())
	if err != nil {
		return facts{}, keyProblem(ctx, err)
	}
	if err := jwt.SigningMethodRS256.Verify(parts.signed, parts.signature, public); err != nil {
		return facts{}, invalidToken(ReasonSignature, "The access token's signature is invalid", err)
	}
	return newFacts(c), nil
}

// claimsProblem returns the Problem for an error of golang-jwt's validator.
func (v *Verifier) claimsProblem(c *claims, err error) *Problem {
	switch {
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		if strings.TrimSuffix(c.issuer, "/") == strings.TrimSuffix(v.policy.Issuer, "/") { // apart from the slash, it is the configured issuer
			err = &slashError{want: v.policy.Issuer, got: c.issuer}
		}
		return invalidToken(ReasonIssuer, "The access token is from another issuer", err)
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return invalidToken(ReasonAudience, "The access token is for another audience", err)
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return invalidToken(ReasonClaims, lacksClaim+c.missing(), err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return invalidToken(ReasonExpired, "The access token has expired", err)
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return invalidToken(ReasonNotYet, "The access token is not valid yet", err)
	}
	return invalidToken(ReasonClaims, "The access token's claims are invalid", err)
}

// slashError is the cause if the token's issuer and the configured one differ only by a
// trailing slash, the most frequent configuration mistake.
type slashError struct{ want, got string }

func (e *slashError) Error() string {
	return "the issuer differs by its trailing slash: expected " + e.want + ", got " + e.got
}

// keyProblem returns the Problem for an error of [Keys].
func keyProblem(ctx context.Context, err error) *Problem {
	var wait interface{ RetryAfter() time.Duration }
	switch {
	case errors.As(err, &wait):
		return unavailable("The issuer's keys are not available, so tokens cannot be verified; try again later", wait.RetryAfter(), err)
	case ctx.Err() != nil:
		return unavailable("The request ended before its token was verified", time.Second, err)
	}
	return invalidToken(ReasonKey, "The access token is signed with a key that the issuer does not publish", err)
}
