package gate

import (
	"bytes"
	"errors"
	"fmt"
)

// The JOSE header (RFC 7515 §4) is checked against an allowlist.

// maxKID is the maximum size of a key ID, in bytes.
const maxKID = 256

// header holds the parameters that are used after the check.
type header struct {
	kid   string
	atJWT bool // typ is at+jwt (RFC 9068 §2.1)
}

// parseHeader returns an error unless data is the header of an RS256 access token.
// Other parameters are rejected, because they could change what the signature means, or
// point to a key of the sender's choice (RFC 8725 §3.1, §3.10).
func parseHeader(data []byte) (header, error) {
	var h header
	rs256 := false
	err := scanObject(data, func(name []byte, v value) error {
		if v.kind != '"' {
			return errors.New("a parameter is not a string")
		}
		text := v.bytes()
		is := func(word string) bool { return bytes.EqualFold(text, []byte(word)) }
		switch string(name) {
		case "alg":
			rs256 = string(text) == "RS256"
		case "kid":
			if len(text) == 0 || len(text) > maxKID {
				return fmt.Errorf("kid must have 1 to %d bytes", maxKID)
			}
			h.kid = string(text)
		case "typ":
			h.atJWT = is("at+jwt") || is("application/at+jwt") // RFC 9068 §2.1
			if !h.atJWT && !is("JWT") {                        // Auth0's default
				return errors.New("typ is not JWT or at+jwt")
			}
		case "cty": // JWT here means a nested token, RFC 7519 §5.2
			if !is("json") && !is("application/json") {
				return errors.New("cty is not JSON")
			}
		case "x5t": // a hint; the key is found by kid
		default:
			return errors.New("a parameter is not allowed")
		}
		return nil
	})
	switch {
	case err != nil:
		return header{}, err
	case !rs256: // algorithm confusion: none, HMAC with the public key, RFC 8725 §3.1
		return header{}, errors.New("alg is not RS256")
	case h.kid == "":
		return header{}, errors.New("kid is missing")
	}
	return h, nil
}
