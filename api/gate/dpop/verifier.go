package dpop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"calling-an-api.example/api/gate/internal/alg"
	"calling-an-api.example/api/gate/internal/jws"
)

// Options are the settings of a Verifier. URLs are required; the zero value of every other
// field is a safe default.
type Options struct {
	// URLs are those under which clients reach the API, like https://api.acme.com. A proof
	// is for one of them, followed by the request's path. If a proxy replaces the beginning
	// of the path, write what the API gets after an equals sign:
	// https://shop.acme.com/backend=/ for a proxy that removes /backend.
	URLs []string
	// Algorithms are the accepted signature algorithms. The default is all: ES256, EdDSA,
	// Ed25519 (another name of that, RFC 9864 §2.2), PS256 and RS256.
	Algorithms []string
	// RequireNonce accepts only proofs with a nonce of [Verifier.Nonce] (RFC 9449 §9). The
	// client's clock does not matter then.
	RequireNonce bool
	// Store remembers which proofs were used, and has the secret of the nonces. The default is
	// a [Memory]. Several processes need a shared one, as in package valkeystore.
	Store Store
	// Past and Future are how old a proof may be, and how far ahead its clock. The defaults
	// are 60 s and 5 s. A proof with a nonce may have any time.
	Past, Future time.Duration
	// Now is the clock. It is called from many goroutines. The default is time.Now.
	Now func() time.Time
}

// supported are the algorithms of proofs.
var supported = []string{alg.ES256, alg.EdDSA, ed25519Name, alg.PS256, alg.RS256}

// ed25519Name is the name that newer clients use for EdDSA with Ed25519.
const ed25519Name = "Ed25519"

// Verifier verifies proofs. Create it with [New]. Its methods may be called from any
// goroutine.
type Verifier struct {
	opts Options
	urls []publicURL
	keys *keyCache
}

// New returns a Verifier. It returns an error for a URL or an algorithm that is not
// supported.
func New(opts Options) (*Verifier, error) {
	if len(opts.URLs) == 0 {
		return nil, errors.New("dpop: Options.URLs are required")
	}
	v := &Verifier{keys: newKeyCache()}
	for _, text := range opts.URLs {
		u, err := parsePublicURL(text)
		if err != nil {
			return nil, fmt.Errorf("dpop: Options.URLs: %w", err)
		}
		v.urls = append(v.urls, u)
	}
	if len(opts.Algorithms) == 0 {
		opts.Algorithms = slices.Clone(supported)
	}
	for _, name := range opts.Algorithms {
		if !slices.Contains(supported, name) {
			return nil, fmt.Errorf("dpop: Options.Algorithms has %q; supported are %s", name, strings.Join(supported, ", "))
		}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Past <= 0 {
		opts.Past = time.Minute
	}
	if opts.Future <= 0 {
		opts.Future = 5 * time.Second
	}
	if opts.Store == nil {
		opts.Store = NewMemory(0, opts.Now)
	}
	v.opts = opts
	return v, nil
}

// Algorithms returns the accepted signature algorithms, for challenges (RFC 9449 §7.1) and
// metadata.
func (v *Verifier) Algorithms() []string { return slices.Clone(v.opts.Algorithms) }

// URLs returns the URLs under which clients reach the API, as they were given.
func (v *Verifier) URLs() []string { return slices.Clone(v.opts.URLs) }

// Nonce returns the nonce that proofs should have now, "" if the Store was never reached.
func (v *Verifier) Nonce() string { return nonceAt(v.opts.Store.Epoch().Secret, v.opts.Now()) }

// NextNonce returns the nonce to announce with the answer to a request with p, "" for none:
// if nonces are required and p has an older one than [Verifier.Nonce], which is valid for
// some minutes more.
func (v *Verifier) NextNonce(p Proof) string {
	now := v.opts.Now()
	if v.opts.RequireNonce && p.secret != nil && p.until.Before(validUntil(window(now))) {
		return v.Nonce()
	}
	return ""
}

// Request is what a proof must be for.
type Request struct {
	Method     string
	Path       string // percent-encoded, without the query
	Token      string // the access token, as it was sent
	Thumbprint string // of the key that the token is bound to, its claim cnf.jkt
}

// Proof is a proof that fits its request. It still has to be used up: see [Verifier.Use].
type Proof struct {
	id       ID
	until    time.Time // when it is no longer valid, so that it can be forgotten
	issuedAt time.Time
	secret   []byte // of its nonce; nil if it has none
}

// buffers hold the decoded parts of proofs. Nothing that outlives Check may point into one.
var buffers = sync.Pool{New: func() any { return new([maxProof]byte) }}

// Check verifies the values of a request's header DPoP (RFC 9449 §4.3), all but that the
// proof was not used before. The error is a *[Problem], or an *[UnavailableError] if a nonce
// cannot be checked because the Store was never reached.
func (v *Verifier) Check(headers []string, request Request) (Proof, error) {
	switch {
	case len(headers) == 0:
		return Proof{}, invalid(ReasonMissing, "The request has no DPoP proof; send one in the header DPoP")
	case len(headers) > 1:
		return Proof{}, invalid(ReasonForm, "The request has more than one DPoP header")
	case len(headers[0]) > maxProof:
		return Proof{}, invalid(ReasonForm, "The DPoP proof is larger than 4 KiB")
	}
	buffer := buffers.Get().(*[maxProof]byte) //nolint:forcetypeassert // the pool holds only these
	defer buffers.Put(buffer)
	parts, ok := jws.Split(headers[0], buffer[:])
	if !ok {
		return Proof{}, invalid(ReasonForm, "The DPoP proof is not three parts of base64url")
	}
	var c claims
	parse := func(jwk jws.Value) (publicKey, error) { return v.keys.parse(jwk, request.Thumbprint) }
	if p := c.header(parts.Header, v.opts.Algorithms, parse); p != nil {
		return Proof{}, p
	}
	if !alg.Fits(c.alg, c.key.key) {
		return Proof{}, invalid(ReasonKey, "The DPoP proof's key is not one for its alg")
	}
	if p := c.payload(parts.Payload); p != nil {
		return Proof{}, p
	}
	proof, err := v.compare(c, request)
	if err != nil {
		return Proof{}, err
	}
	if err := alg.Verify(c.alg, parts.Signed, parts.Signature, c.key.key); err != nil {
		return Proof{}, invalid(ReasonKey, "The DPoP proof's signature is invalid")
	}
	v.keys.add(c.jwk, c.key)
	return proof, nil
}

// compare compares what a proof says with the request.
func (v *Verifier) compare(c claims, request Request) (Proof, error) {
	if c.method != request.Method {
		return Proof{}, invalid(ReasonMethod, "The DPoP proof is for another method")
	}
	if !v.isExpected(c.url, request.Path) {
		return Proof{}, invalid(ReasonURL, "The DPoP proof's htu is not a URL of this resource")
	}
	digest := sha256.Sum256([]byte(request.Token))
	if !equal(c.ath, jws.Encoding.EncodeToString(digest[:])) {
		return Proof{}, invalid(ReasonToken, "The DPoP proof is for another access token, or has no ath")
	}
	if !equal(c.key.thumbprint, request.Thumbprint) {
		return Proof{}, invalid(ReasonBinding, "The DPoP proof is by another key than the one that the access token is bound to")
	}
	proof, err := v.checkTime(c)
	if err != nil {
		return Proof{}, err
	}
	id := sha256.Sum256([]byte(c.key.thumbprint + c.id)) // a thumbprint has a fixed length
	copy(proof.id[:], id[:])
	return proof, nil
}

// isExpected reports whether htu is a URL of path.
func (v *Verifier) isExpected(htu, path string) bool {
	got, err := normalURL(htu)
	return err == nil && slices.ContainsFunc(v.urls, func(u publicURL) bool {
		want, ok := u.expected(path)
		return ok && got == want
	})
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// checkTime checks the nonce, or iat if there is none.
func (v *Verifier) checkTime(c claims) (Proof, error) {
	now := v.opts.Now()
	proof := Proof{issuedAt: time.UnixMilli(int64(c.issuedAt * 1000))}
	if c.nonce != "" || v.opts.RequireNonce {
		secret := v.opts.Store.Epoch().Secret
		until, ok := checkNonce(secret, c.nonce, now)
		switch {
		case secret == nil:
			return Proof{}, &UnavailableError{errNotReached}
		case c.nonce == "":
			return Proof{}, &Problem{ReasonNonce, "The DPoP proof has no nonce; send another one with the nonce of the header DPoP-Nonce", true}
		case !ok:
			return Proof{}, &Problem{ReasonNonce, "The DPoP proof's nonce is not valid, or no longer", true}
		}
		proof.until, proof.secret = until, secret
		return proof, nil
	}
	switch {
	case proof.issuedAt.Before(now.Add(-v.opts.Past)):
		return Proof{}, invalid(ReasonTime, "The DPoP proof is too old, by its iat")
	case proof.issuedAt.After(now.Add(v.opts.Future)):
		return Proof{}, invalid(ReasonTime, "The DPoP proof was made in the future, by its iat; is the client's clock right?")
	}
	proof.until = proof.issuedAt.Add(v.opts.Past + v.opts.Future)
	return proof, nil
}

// Use uses p up. Call it last, when everything else about the request is known to be right,
// because the client cannot send the same proof again. The error is a *[Problem] if p was
// used before, or may have been before the store's [Epoch], and an *[UnavailableError] if the
// Store cannot say.
func (v *Verifier) Use(ctx context.Context, p Proof) error {
	fresh, epoch, err := v.opts.Store.Use(ctx, p.id, p.until)
	switch {
	case err != nil:
		return &UnavailableError{err}
	case !fresh:
		return &Problem{ReasonReplayed, "The DPoP proof was used before; send another one with the nonce of the header DPoP-Nonce", true}
	case p.secret == nil && p.issuedAt.Before(epoch.Since.Add(v.opts.Future)), p.secret != nil && !bytes.Equal(p.secret, epoch.Secret):
		return &Problem{ReasonReplayed, "The API does not know any more which proofs were used before; send another one with the nonce of the header DPoP-Nonce", true}
	}
	return nil
}
