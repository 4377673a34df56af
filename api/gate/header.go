package gate

import (
	"bytes"
	"errors"
	"fmt"

	"calling-an-api.example/api/gate/internal/jws"
)

// The parameters of the JOSE header (RFC 7515 §4) that could change what the signature
// means are rejected. Others that this package does not use are ignored, as §4 requires:
// issuers add their own.

// maxKID is the maximum size of a key ID, in bytes.
const maxKID = 256

// header holds the parameters that are used after the check.
type header struct {
	alg   string
	kid   string
	atJWT bool // typ is at+jwt (RFC 9068 §2.1)
}

// parseHeader returns an error unless data is the header of an access token that is signed
// with one of accepted. The error names the parameter, and no value.
func parseHeader(data []byte, accepted algorithms) (header, error) {
	var h header
	err := jws.ScanObject(data, func(name []byte, v jws.Value) error {
		switch string(name) {
		case "crit", "b64", "zip", // extensions that this package does not implement (RFC 7515 §4.1.11, RFC 7797)
			"jwk", "jku", "x5u", "x5c": // keys of the sender's choice (RFC 8725 §3.10)
			return errors.New("the parameter " + string(name) + " is not allowed")
		case "alg", "kid", "typ", "cty":
			if v.Kind != '"' {
				return errors.New("the parameter " + string(name) + " is not a string")
			}
		default:
			return nil
		}
		text := v.Bytes()
		is := func(word string) bool { return bytes.EqualFold(text, []byte(word)) }
		switch string(name) {
		case "alg":
			h.alg = accepted.named(text)
		case "kid":
			if len(text) == 0 || len(text) > maxKID {
				return fmt.Errorf("kid must have 1 to %d bytes", maxKID)
			}
			h.kid = string(text)
		case "typ": // the prefix application/ may be left out (RFC 7515 §4.1.9)
			h.atJWT = is("at+jwt") || is("application/at+jwt")    // RFC 9068 §2.1
			if !h.atJWT && !is("JWT") && !is("application/jwt") { // Auth0's default is JWT
				return errors.New("typ is not JWT or at+jwt")
			}
		case "cty": // JWT here means a nested token, RFC 7519 §5.2
			if !is("json") && !is("application/json") {
				return errors.New("cty is not JSON")
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return header{}, err
	case h.alg == "": // algorithm confusion: none, HMAC with the public key, RFC 8725 §3.1
		return header{}, accepted.errAlgorithm()
	case h.kid == "":
		return header{}, errors.New("kid is missing")
	}
	return h, nil
}
