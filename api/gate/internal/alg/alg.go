// Package alg is the signature algorithms that packages gate and jwks accept, each with
// the keys that it may be used with. golang-jwt verifies the signatures.
//
// A key and an algorithm must agree (RFC 8725 §3.1), so this is the one place that says
// which keys are strong enough, and for what.
package alg

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"filippo.io/edwards25519"
	"github.com/golang-jwt/jwt/v5"
)

// The names of the algorithms (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	RS256 = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256
	PS256 = "PS256" // RSASSA-PSS with SHA-256 and a salt of 32 bytes
	ES256 = "ES256" // ECDSA with P-256 and SHA-256
	EdDSA = "EdDSA" // Ed25519; Ed448 is not supported
)

const (
	minModulus = 2048 // bits, RFC 7518 §3.3
	maxModulus = 8192 // bits; verifying with larger ones takes too long
)

// methods are golang-jwt's implementations. Its own PS256 accepts salts of any length;
// RFC 7518 §3.5 requires that of the hash.
var methods = map[string]jwt.SigningMethod{
	RS256: jwt.SigningMethodRS256,
	PS256: &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: jwt.SigningMethodPS256.SigningMethodRSA,
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	},
	ES256: jwt.SigningMethodES256,
	EdDSA: jwt.SigningMethodEdDSA,
}

// Names returns the names of all algorithms.
func Names() []string { return []string{RS256, PS256, ES256, EdDSA} }

// Known reports whether name is the name of an algorithm of this package. Case matters.
func Known(name string) bool { return methods[name] != nil }

// Fits reports whether key has the type, and for ES256 the curve, of the algorithm name.
func Fits(name string, key crypto.PublicKey) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return name == RS256 || name == PS256
	case *ecdsa.PublicKey:
		return name == ES256 && key.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return name == EdDSA
	}
	return false
}

// Verify returns an error unless signature is one of signed by key with the algorithm
// name. An ES256 signature is the 64 bytes of RFC 7518 §3.4, never DER.
func Verify(name, signed string, signature []byte, key crypto.PublicKey) error {
	if !Fits(name, key) {
		return fmt.Errorf("the key is not one for %s", name)
	}
	return methods[name].Verify(signed, signature, key)
}

// Check returns an error if signatures by key cannot be trusted: it is too weak, too
// large, or of a type that no algorithm of this package uses.
func Check(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N == nil {
			return errors.New("it has no modulus")
		}
		if bits := key.N.BitLen(); bits < minModulus || bits > maxModulus {
			return fmt.Errorf("its modulus has %d bits, not %d to %d", bits, minModulus, maxModulus)
		}
		if key.E < 3 || key.E%2 == 0 {
			return errors.New("its exponent is not an odd number of at least 3")
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return errors.New("its curve is not P-256")
		}
		if _, err := key.Bytes(); err != nil {
			return errors.New("its point is not on the curve")
		}
		return nil
	case ed25519.PublicKey:
		return checkEd25519(key)
	}
	return errors.New("its type is not RSA, EC or OKP")
}

// checkEd25519 rejects points of small order: under such a key, one signature is valid
// for many messages.
func checkEd25519(key ed25519.PublicKey) error {
	point, err := new(edwards25519.Point).SetBytes(key)
	if err != nil {
		return errors.New("it is not a point of Ed25519")
	}
	if !slices.Equal(point.Bytes(), key) {
		return errors.New("its point is not in the canonical encoding")
	}
	if new(edwards25519.Point).MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return errors.New("its point has a small order, so that anybody can make its signatures")
	}
	return nil
}

// ParseP256 returns the public key with the coordinates x and y, 32 bytes each (RFC 7518
// §6.2.1). It returns an error if the point is not on the curve.
func ParseP256(x, y []byte) (*ecdsa.PublicKey, error) {
	const size = 32
	if len(x) != size || len(y) != size {
		return nil, fmt.Errorf("its x and y do not have %d bytes", size)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, errors.New("its point is not on the curve")
	}
	return key, nil
}
