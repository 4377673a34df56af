package jwks

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/MicahParks/jwkset"
)

const (
	minModulus = 2048 // bits, RFC 7518 §3.3
	maxModulus = 8192 // bits; verifying with larger ones takes too long
	maxKeys    = 100
)

// publicKey is the part of a JWK (RFC 7517 §4) that matters for RS256. x5c and x5t
// are ignored: the key is n and e, and the connection to the issuer authenticates them.
type publicKey struct {
	KTY    string   `json:"kty"`
	Use    string   `json:"use"`
	Alg    string   `json:"alg"`
	KID    string   `json:"kid"`
	KeyOps []string `json:"key_ops"`
	N      string   `json:"n"`
	E      string   `json:"e"`
}

// parse reads a JWK Set (RFC 7517 §5) and returns the keys in it that can verify RS256
// signatures. Any other key is skipped, with the reason in skipped. It returns an error
// if body is not a JWK Set, or has too many keys or no usable one.
func parse(body []byte) (keys []jwkset.JWK, skipped []string, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, nil, fmt.Errorf("the response is not a JWK Set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, nil, fmt.Errorf("the key set has %d keys, more than %d", len(set.Keys), maxKeys)
	}
	seen := map[string]int{}
	for i, raw := range set.Keys {
		jwk, kid, err := parseKey(raw)
		if err != nil {
			skipped = append(skipped, fmt.Sprintf("key %d: %v", i+1, err))
			continue
		}
		seen[kid]++
		keys = append(keys, jwk)
	}
	keys = slices.DeleteFunc(keys, func(jwk jwkset.JWK) bool { return seen[jwk.Marshal().KID] > 1 })
	for kid, n := range seen {
		if n > 1 {
			skipped = append(skipped, fmt.Sprintf("%d keys share the kid %q, so none of them is used", n, kid))
		}
	}
	if len(keys) == 0 {
		return nil, skipped, errors.New("the key set has no key that can verify RS256")
	}
	return keys, skipped, nil
}

// parseKey returns the key in raw and its ID if it can verify RS256 signatures, or
// an error with the reason.
func parseKey(raw json.RawMessage) (jwkset.JWK, string, error) {
	var k publicKey
	if err := json.Unmarshal(raw, &k); err != nil {
		return jwkset.JWK{}, "", errors.New("it is not a JSON Web Key")
	}
	switch {
	case k.KTY != "RSA":
		return jwkset.JWK{}, "", fmt.Errorf("its kty is %q, not RSA", k.KTY)
	case k.KID == "":
		return jwkset.JWK{}, "", errors.New("it has no kid")
	case k.Alg != "" && k.Alg != "RS256":
		return jwkset.JWK{}, "", fmt.Errorf("its alg is %q, not RS256", k.Alg)
	case k.Use != "" && k.Use != "sig":
		return jwkset.JWK{}, "", fmt.Errorf("its use is %q, not sig", k.Use)
	case k.KeyOps != nil && !slices.Contains(k.KeyOps, "verify"):
		return jwkset.JWK{}, "", errors.New("its key_ops do not include verify")
	}
	n, errN := base64.RawURLEncoding.DecodeString(k.N)
	e, errE := base64.RawURLEncoding.DecodeString(k.E)
	if errN != nil || errE != nil {
		return jwkset.JWK{}, "", errors.New("its n or e is not base64url")
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < minModulus || bits > maxModulus {
		return jwkset.JWK{}, "", fmt.Errorf("its modulus has %d bits, not %d to %d", bits, minModulus, maxModulus)
	}
	if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0 {
		return jwkset.JWK{}, "", errors.New("its exponent is not an odd number of at least 3 and at most 31 bits")
	}
	jwk, err := jwkset.NewJWKFromKey(
		&rsa.PublicKey{N: modulus, E: int(exponent.Int64())},
		jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{ALG: jwkset.AlgRS256, KID: k.KID, USE: jwkset.UseSig}},
	)
	return jwk, k.KID, err
}
