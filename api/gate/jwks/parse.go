package jwks

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"calling-an-api.example/api/gate/internal/alg"
)

// maxReasons is how many of the reasons for ignored keys are logged.
const maxReasons = 5

// members are those of a JSON object, by their exact names: encoding/json would take
// "KID" for kid. Of equal names the last is used.
type members map[string]json.RawMessage

// text returns the string name, "" if it is absent. It returns an error if it is no string.
func (m members) text(name string) (string, error) {
	raw, ok := m[name]
	if !ok {
		return "", nil
	}
	var text string
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return "", fmt.Errorf("its %s is not text", name)
	}
	return text, nil
}

// publicKey is the part of a JWK (RFC 7517 §4) that matters for verification. x5c and x5t
// are ignored: the key is what its own members say, and the connection to the issuer
// authenticates them.
type publicKey struct {
	kid string
	alg string // the only algorithm that it may be used with; "" for all of its type
	key equaler
}

// equaler is what the public keys of the standard library can do.
type equaler interface {
	Equal(other crypto.PublicKey) bool
}

func (k *publicKey) equal(other *publicKey) bool { return k.alg == other.alg && k.key.Equal(other.key) }

// parse reads a JWK Set (RFC 7517 §5) and returns the keys in it that can verify
// signatures by algorithms. Any other key is skipped, with the reason in skipped, and so
// are different keys with the same kid. A key that is there twice counts once. It returns
// an error if body is not a JWK Set, or has no usable key.
func parse(body []byte, algorithms []string) (keys map[string]*publicKey, skipped []string, err error) {
	var set members
	if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &set); err != nil { // a byte order mark
		return nil, nil, fmt.Errorf("the response is not a JWK Set: %w", err)
	}
	var list []json.RawMessage
	if raw, ok := set["keys"]; ok {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, nil, fmt.Errorf("the response is not a JWK Set: %w", err)
		}
	}
	var reasons reasons
	keys = map[string]*publicKey{}
	ambiguous := map[string]bool{}
	for i, raw := range list {
		key, err := parseKey(raw, algorithms)
		if err != nil {
			reasons.add(fmt.Sprintf("key %d: %v", i+1, err))
			continue
		}
		switch other := keys[key.kid]; {
		case other == nil:
			keys[key.kid] = key
		case other.key.Equal(key.key):
			if other.alg != key.alg {
				other.alg = "" // it is published for both
			}
		case !ambiguous[key.kid]:
			ambiguous[key.kid] = true
			reasons.add(fmt.Sprintf("different keys share the kid %.64q, so none of them is used", key.kid))
		}
	}
	for kid := range ambiguous {
		delete(keys, kid)
	}
	if len(keys) == 0 {
		return nil, reasons.list(), errors.New("the key set has no key that can verify " + strings.Join(algorithms, " or "))
	}
	return keys, reasons.list(), nil
}

// reasons are the first of many.
type reasons struct {
	first []string
	more  int
}

func (r *reasons) add(reason string) {
	if len(r.first) < maxReasons {
		r.first = append(r.first, reason)
	} else {
		r.more++
	}
}

func (r *reasons) list() []string {
	if r.more == 0 {
		return r.first
	}
	return append(r.first, fmt.Sprintf("and %d more", r.more))
}

// parseKey returns the key in raw if it can verify signatures by one of algorithms, or an
// error with the reason.
func parseKey(raw json.RawMessage, algorithms []string) (*publicKey, error) {
	var m members
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return nil, errors.New("it is not a JSON Web Key")
	}
	values := map[string]string{}
	for _, name := range []string{"kty", "use", "alg", "kid", "crv", "n", "e", "x", "y"} {
		var err error
		if values[name], err = m.text(name); err != nil {
			return nil, err
		}
	}
	var operations []string
	if list, ok := m["key_ops"]; ok && json.Unmarshal(list, &operations) != nil {
		return nil, errors.New("its key_ops are not a list of texts")
	}
	named := values["alg"]
	switch {
	case values["kid"] == "":
		return nil, errors.New("it has no kid")
	case named != "" && !slices.Contains(algorithms, named):
		return nil, fmt.Errorf("its alg is %.16q, not %s", named, strings.Join(algorithms, " or "))
	case values["use"] != "" && values["use"] != "sig":
		return nil, fmt.Errorf("its use is %.16q, not sig", values["use"])
	case operations != nil && !slices.Contains(operations, "verify"):
		return nil, errors.New("its key_ops do not include verify")
	}
	key, err := parseNumbers(values)
	if err != nil {
		return nil, err
	}
	fits := func(name string) bool { return (named == "" || named == name) && alg.Fits(name, key) }
	if !slices.ContainsFunc(algorithms, fits) {
		return nil, fmt.Errorf("its kty is %.16q, which %s does not use", values["kty"], strings.Join(algorithms, " or "))
	}
	return &publicKey{values["kid"], named, key}, alg.Check(key)
}

// parseNumbers returns the key that the members of its type describe (RFC 7518 §6,
// RFC 8037 §2).
func parseNumbers(values map[string]string) (equaler, error) {
	switch kty, crv := values["kty"], values["crv"]; {
	case kty == "RSA":
		modulus, errN := decode(values["n"])
		exponent, errE := decode(values["e"])
		if errN != nil || errE != nil {
			return nil, errors.New("its n or e is not base64url")
		}
		e := new(big.Int).SetBytes(exponent)
		if e.BitLen() > 31 {
			return nil, errors.New("its exponent has more than 31 bits")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(e.Int64())}, nil
	case kty == "EC" && crv == "P-256":
		x, errX := decode(values["x"])
		y, errY := decode(values["y"])
		if errX != nil || errY != nil {
			return nil, errors.New("its x or y is not base64url")
		}
		return alg.ParseP256(x, y)
	case kty == "OKP" && crv == "Ed25519":
		x, err := decode(values["x"])
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, errors.New("its x is not 32 bytes of base64url")
		}
		return ed25519.PublicKey(x), nil
	case kty == "EC", kty == "OKP":
		return nil, fmt.Errorf("its crv is %.16q, not P-256 or Ed25519", crv)
	default:
		return nil, fmt.Errorf("its kty is %.16q, not RSA, EC or OKP", kty)
	}
}

// decode reads a Base64urlUInt or a value of base64url (RFC 7518 §2). Some issuers pad it.
func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}
