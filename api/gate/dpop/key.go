package dpop

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math/big"

	"calling-an-api.example/api/gate/internal/alg"
	"calling-an-api.example/api/gate/internal/jws"
)

// publicKey is the key in a proof's header.
type publicKey struct {
	key        crypto.PublicKey
	thumbprint string // RFC 7638, with SHA-256
}

// privateMembers are members of a JWK that only the owner of the key may know (RFC 7518
// §6.2.2, §6.3.2, §6.4).
var privateMembers = map[string]bool{"d": true, "p": true, "q": true, "dp": true, "dq": true, "qi": true, "oth": true, "k": true}

// parseKey reads the JWK of a proof (RFC 9449 §4.2). It must be public, and strong enough.
// Members that do not belong to the key are ignored; so is what they refer to.
func parseKey(jwk jws.Value) (publicKey, error) {
	members := map[string]string{}
	if jwk.Kind != '{' {
		return publicKey{}, errors.New("jwk is not an object")
	}
	err := jws.ScanObject(jwk.Raw, func(name []byte, v jws.Value) error {
		switch name := string(name); name {
		case "kty", "crv", "x", "y", "n", "e":
			text, ok := v.Text()
			if !ok {
				return errors.New("a member of jwk is not a string")
			}
			members[name] = text
		default:
			if privateMembers[name] {
				return errors.New("jwk has a private member")
			}
		}
		return nil
	})
	if err != nil {
		return publicKey{}, err
	}
	numbers := map[string][]byte{}
	for _, name := range []string{"x", "y", "n", "e"} {
		if numbers[name], err = jws.Encoding.DecodeString(members[name]); err != nil { // one spelling, so that a key has one thumbprint
			return publicKey{}, errors.New("a member of jwk is not base64url")
		}
	}
	key, canonical, err := newKey(members, numbers)
	if err != nil {
		return publicKey{}, err
	}
	if alg.Check(key) != nil { // its reason has numbers of the key, which must not get into a response
		return publicKey{}, errors.New("jwk is too weak, too large or not a point of its curve")
	}
	digest := sha256.Sum256([]byte(canonical))
	return publicKey{key, jws.Encoding.EncodeToString(digest[:])}, nil
}

// newKey returns the key that members describe, and its canonical form (RFC 7638 §3.2,
// RFC 8037 §2). The values in it need no escapes, because they are base64url.
func newKey(members map[string]string, numbers map[string][]byte) (key crypto.PublicKey, canonical string, err error) {
	switch kty, crv := members["kty"], members["crv"]; {
	case kty == "RSA":
		n, e := numbers["n"], new(big.Int).SetBytes(numbers["e"])
		if len(n) == 0 || n[0] == 0 || len(numbers["e"]) == 0 || numbers["e"][0] == 0 || e.BitLen() > 31 { // zeros before would be another thumbprint
			return nil, "", errors.New("n or e of jwk is not a positive number")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(e.Int64())},
			`{"e":"` + members["e"] + `","kty":"RSA","n":"` + members["n"] + `"}`, nil
	case kty == "EC" && crv == "P-256":
		key, err := alg.ParseP256(numbers["x"], numbers["y"])
		return key, `{"crv":"P-256","kty":"EC","x":"` + members["x"] + `","y":"` + members["y"] + `"}`, err
	case kty == "OKP" && crv == "Ed25519":
		return ed25519.PublicKey(numbers["x"]), `{"crv":"Ed25519","kty":"OKP","x":"` + members["x"] + `"}`, nil
	}
	return nil, "", errors.New("the type of jwk is not RSA, EC with P-256 or OKP with Ed25519")
}
