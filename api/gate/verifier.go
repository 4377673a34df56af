package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate/internal/alg"
	"calling-an-api.example/api/gate/internal/jws"
)

// Issuer is an authorization server whose access tokens are accepted.
type Issuer struct {
	// URL is the exact value that the claim iss must have, unless Keys is a [Discoverer].
	// Auth0's issuers end with a slash; those of most other providers do not.
	URL string
	// Keys are the keys of this issuer alone: they verify no token of another one.
	Keys Keys
}

// Policy says which tokens are valid. Issuers and Audiences are required; the zero
// value of every other field is a safe default.
type Policy struct {
	// Issuers are the authorization servers whose tokens are accepted. The claim iss
	// selects one of them before any key is looked up. They must have different URLs.
	Issuers []Issuer
	// Audiences are the values of which the claim aud must contain one. Without any,
	// every token of an issuer would be accepted, ID tokens among them. The access tokens
	// of Amazon Cognito have no aud: for them it is the client ID.
	Audiences []string
	// Algorithms are the accepted signature algorithms: RS256, PS256, ES256 and EdDSA
	// (with Ed25519). The default is RS256 alone. A key is used for the algorithms of its
	// type only (RFC 8725 §3.1). Keys of package jwks need the same list.
	Algorithms []string
	// Leeway is how far the issuer's clock may differ, for exp and nbf. The default is 0;
	// a few seconds are usual. For iat it is at least a minute.
	Leeway time.Duration
	// StrictRFC9068 also requires typ at+jwt and the claims client_id, iat and jti
	// (RFC 9068 §2). Auth0's default access tokens lack some of them.
	StrictRFC9068 bool
	// CacheSize is the maximum number of cached tokens, rounded up to a multiple of 4.
	// The signature of a cached token is not verified again. The default, 0, disables
	// the cache. An entry has a digest of the token, and its subject, client, scopes,
	// permissions and key ID; it takes about 130 bytes more than these.
	CacheSize int
	// Now is the clock. It is called from many goroutines. The default is time.Now.
	Now func() time.Time
}

// Verifier verifies access tokens. Create it with [NewVerifier]. Its methods may be
// called from any goroutine.
type Verifier struct {
	policy     Policy
	algorithms algorithms
	issuers    issuers
	validator  *jwt.Validator
	cache      *cache // nil if Policy.CacheSize is 0
}

// NewVerifier returns a Verifier. It returns an error if the policy has no issuer, no
// audience, or an empty one; if an issuer has no keys, or the URL of another one; for an
// algorithm that is not supported; for a key among [StaticKeys] that is weak or not for one of
// the algorithms; and if there is a
// CacheSize, but the keys of an issuer are neither StaticKeys nor a [Snapshotter].
func NewVerifier(policy Policy) (*Verifier, error) {
	algorithms, err := newAlgorithms(policy.Algorithms)
	if err != nil {
		return nil, err
	}
	issuers, err := newIssuers(policy, algorithms)
	if err != nil {
		return nil, err
	}
	if len(policy.Audiences) == 0 || slices.Contains(policy.Audiences, "") { // golang-jwt does not check an empty value
		return nil, errors.New("gate: Policy.Audiences are required, and none may be empty")
	}
	policy.Audiences = slices.Clone(policy.Audiences)
	if policy.Now == nil {
		policy.Now = time.Now
	}
	v := &Verifier{policy: policy, algorithms: algorithms, issuers: issuers, validator: jwt.NewValidator(
		jwt.WithAudience(policy.Audiences...),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(policy.Leeway),
		jwt.WithTimeFunc(policy.Now),
	)}
	if policy.CacheSize > 0 {
		v.cache = newCache(policy.CacheSize)
	}
	return v, nil
}

// Verify verifies the access token raw. The error is a *[Problem]: status 401 for an
// invalid token, 503 if no keys of its issuer are available or ctx ended. Only valid
// tokens are cached. A token that is bound to a key is invalid here, because possession of
// it is not enough: see [Verifier.VerifyBound].
func (v *Verifier) Verify(ctx context.Context, raw string) (Token, error) {
	token, err := v.VerifyBound(ctx, raw)
	if err == nil && token.Thumbprint() != "" {
		return Token{}, boundAsBearer(token)
	}
	return token, err
}

// VerifyBound is [Verifier.Verify], but also accepts tokens that are bound to a key by their
// claim cnf.jkt (RFC 9449 §6.1). The caller must verify that the sender holds the key of
// [Token.Thumbprint], unless that is "".
func (v *Verifier) VerifyBound(ctx context.Context, raw string) (Token, error) {
	if p := checkForm(raw); p != nil {
		return Token{}, p
	}
	if len(v.issuers) == 0 {
		return Token{}, problemNoVerifier
	}
	if v.cache == nil {
		verified, p := v.verify(ctx, raw)
		if p != nil {
			return Token{}, p
		}
		return Token{raw: raw, issuer: verified.source.url, facts: verified.facts}, nil
	}
	id, expiredBefore := digest(raw), v.policy.Now().Add(-v.policy.Leeway).Unix()
	if found, ok := v.cache.get(id, expiredBefore); ok && found.isCurrent() {
		return Token{raw: raw, issuer: found.source.url, facts: found.facts, cached: true}, nil
	}
	verified, p := v.verify(ctx, raw)
	if p != nil {
		return Token{}, p
	}
	v.cache.put(id, expiredBefore, verified)
	return Token{raw: raw, issuer: verified.source.url, facts: verified.facts}, nil
}

// verified is a token that was valid in an epoch of its issuer's keys.
type verified struct {
	facts  facts
	source *source
	epoch  int64
}

// isCurrent reports whether no key of the issuer has been removed since.
func (f verified) isCurrent() bool {
	_, epoch, usable := f.source.snapshot()
	return usable && epoch == f.epoch
}

// verify does the cheap checks first, so that no key is fetched for a token that
// cannot be valid. If no keys of the issuer are usable, it returns 503 without checking
// the other claims.
func (v *Verifier) verify(ctx context.Context, raw string) (verified, *Problem) {
	buffer := decodeBuffers.Get().(*[maxToken]byte) //nolint:forcetypeassert // the pool holds only these
	defer decodeBuffers.Put(buffer)
	parts, ok := jws.Split(raw, buffer[:])
	if !ok {
		return verified{}, invalidToken(ReasonMalformed, "The access token is not three parts of base64url", nil)
	}
	h, err := parseHeader(parts.Header, v.algorithms)
	if err != nil {
		return verified{}, invalidToken(ReasonHeader, "The access token's header is not that of an access token that this API accepts", err)
	}
	c, err := parseClaims(parts.Payload)
	if err != nil {
		return verified{}, invalidToken(ReasonMalformed, "The access token's claims are malformed", err)
	}
	iss, p := v.issuers.find(c)
	if p != nil {
		return verified{}, p
	}
	key, epoch, usable := iss.snapshot()
	p = nil
	if !usable {
		if _, err := key(ctx, h.kid, h.alg); err != nil {
			p = keyProblem(ctx, err, usable)
		}
	}
	if p == nil {
		p = v.verifyBy(ctx, iss, key, parts, h, c)
	}
	if p != nil {
		p.Issuer = iss.url
		return verified{}, p
	}
	return verified{newFacts(c, h.kid), iss, epoch}, nil
}

// verifyBy checks the claims of a token of iss, and then its signature.
func (v *Verifier) verifyBy(ctx context.Context, iss *source, key KeyFunc, parts jws.Parts, h header, c *claims) *Problem {
	if p := iss.checkSpelling(c.issuer); p != nil {
		return p
	}
	if err := v.validator.Validate(c); err != nil {
		return claimsProblem(c, err)
	}
	if p := c.check(v.policy.Now(), v.policy.Leeway, h.atJWT, v.policy.StrictRFC9068); p != nil {
		return p
	}
	public, err := key(ctx, h.kid, h.alg)
	if err != nil {
		return keyProblem(ctx, err, true)
	}
	if err := alg.Verify(h.alg, parts.Signed, parts.Signature, public); err != nil {
		return invalidToken(ReasonSignature, "The access token's signature is invalid", err)
	}
	return nil
}

// claimsProblem returns the Problem for an error of golang-jwt's validator.
func claimsProblem(c *claims, err error) *Problem {
	switch {
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return invalidToken(ReasonAudience, "The access token is for another audience", err)
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return invalidToken(ReasonClaims, lacksClaim+c.missing(), err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return invalidToken(ReasonExpired, "The access token has expired", err)
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return invalidToken(ReasonNotYet, "The access token is not valid yet", err)
	}
	return invalidToken(ReasonClaims, "The access token's claims are invalid", err)
}

// keyProblem returns the Problem for an error of [Keys]. usable says that other keys of the
// issuer can be used.
func keyProblem(ctx context.Context, err error, usable bool) *Problem {
	var wait interface{ RetryAfter() time.Duration }
	switch {
	case errors.As(err, &wait) && usable:
		return unavailable("The access token's key is not known yet, and the issuer was asked too often; try again later", wait.RetryAfter(), err)
	case errors.As(err, &wait):
		return unavailable("The issuer's keys are not available, so tokens cannot be verified; try again later", wait.RetryAfter(), err)
	case ctx.Err() != nil:
		return unavailable("The request ended before its token was verified", time.Second, err)
	}
	return invalidToken(ReasonKey, "The access token is signed with a key that the issuer does not publish", err)
}
