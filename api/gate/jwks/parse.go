package jwks

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/MicahParks/jwkset"
)

const (
	minModulus = 2048 // bits, RFC 7518 §3.3
	maxModulus = 8192 // bits; verifying with larger ones takes too long
	maxReasons = 5    // of skipped keys, in the log
)

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

// publicKey is the part of a JWK (RFC 7517 §4) that matters for RS256. x5c and x5t
// are ignored: the key is n and e, and the connection to the issuer authenticates them.
type publicKey struct {
	kid string
	rsa rsa.PublicKey
}

// parse reads a JWK Set (RFC 7517 §5) and returns the keys in it that can verify RS256
// signatures. Any other key is skipped, with the reason in skipped, and so are different
// keys with the same kid. A key that is there twice counts once. It returns an error if
// body is not a JWK Set, or has no usable key.
func parse(body []byte) (keys []jwkset.JWK, skipped []string, err error) {
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
	var order []string // kids
	byKID := map[string]*publicKey{}
	ambiguous := map[string]bool{}
	for i, raw := range list {
		key, err := parseKey(raw)
		if err != nil {
			reasons.add(fmt.Sprintf("key %d: %v", i+1, err))
			continue
		}
		switch other := byKID[key.kid]; {
		case other == nil:
			byKID[key.kid] = key
			order = append(order, key.kid)
		case !other.rsa.Equal(&key.rsa) && !ambiguous[key.kid]:
			ambiguous[key.kid] = true
			reasons.add(fmt.Sprintf("different keys share the kid %.64q, so none of them is used", key.kid))
		}
	}
	for _, kid := range order {
		if ambiguous[kid] {
			continue
		}
		jwk, err := jwkset.NewJWKFromKey(&byKID[kid].rsa, jwkset.JWKOptions{
			Metadata: jwkset.JWKMetadataOptions{ALG: jwkset.AlgRS256, KID: kid, USE: jwkset.UseSig},
		})
		if err != nil {
			return nil, reasons.list(), err
		}
		keys = append(keys, jwk)
	}
	if len(keys) == 0 {
		return nil, reasons.list(), errors.New("the key set has no key that can verify RS256")
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

// parseKey returns the key in raw if it can verify RS256 signatures, or an error with the
// reason.
func parseKey(raw json.RawMessage) (*publicKey, error) {
	var m members
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return nil, errors.New("it is not a JSON Web Key")
	}
	values := map[string]string{}
	for _, name := range []string{"kty", "use", "alg", "kid", "n", "e"} {
		var err error
		if values[name], err = m.text(name); err != nil {
			return nil, err
		}
	}
	var operations []string
	if list, ok := m["key_ops"]; ok && json.Unmarshal(list, &operations) != nil {
		return nil, errors.New("its key_ops are not a list of texts")
	}
	switch {
	case values["kty"] != "RSA":
		return nil, fmt.Errorf("its kty is %.16q, not RSA", values["kty"])
	case values["kid"] == "":
		return nil, errors.New("it has no kid")
	case values["alg"] != "" && values["alg"] != "RS256":
		return nil, fmt.Errorf("its alg is %.16q, not RS256", values["alg"])
	case values["use"] != "" && values["use"] != "sig":
		return nil, fmt.Errorf("its use is %.16q, not sig", values["use"])
	case operations != nil && !slices.Contains(operations, "verify"):
		return nil, errors.New("its key_ops do not include verify")
	}
	modulus, errN := number(values["n"])
	exponent, errE := number(values["e"])
	if errN != nil || errE != nil {
		return nil, errors.New("its n or e is not base64url")
	}
	if bits := modulus.BitLen(); bits < minModulus || bits > maxModulus {
		return nil, fmt.Errorf("its modulus has %d bits, not %d to %d", bits, minModulus, maxModulus)
	}
	if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0 {
		return nil, errors.New("its exponent is not an odd number of at least 3 and at most 31 bits")
	}
	return &publicKey{values["kid"], rsa.PublicKey{N: modulus, E: int(exponent.Int64())}}, nil
}

// number reads a Base64urlUInt (RFC 7518 §2). Some issuers pad it.
func number(text string) (*big.Int, error) {
	value, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	return new(big.Int).SetBytes(value), err
}
