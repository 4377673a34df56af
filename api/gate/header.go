package gate

import (
	"bytes"
	"errors"
	"fmt"
)

// maxKID is the maximum size of a key ID, in bytes.
const maxKID = 256

// header is the part of a JOSE header (RFC 7515 §4) that can differ between
// acceptable tokens.
type header struct {
	kid     string
	profile bool // typ is that of RFC 9068 §2.1
}

// parseHeader accepts the header of an RS256 access token. It is an allowlist: any
// other parameter could change what the signature means, or point to a key of the
// sender's choice (RFC 8725 §3.1, §3.10).
func parseHeader(data []byte) (header, error) {
	var h header
	rs256 := false
	err := scanObject(data, func(name []byte, v value) error {
		if v.kind != '"' {
			return errors.New("a parameter is not a string or not one that access tokens have")
		}
		text := v.bytes()
		is := func(word string) bool { return bytes.EqualFold(text, []byte(word)) }
		switch string(name) {
		case "alg":
			rs256 = string(text) == "RS256"
		case "kid":
			if len(text) == 0 || len(text) > maxKID {
				return fmt.Errorf("kid is not of 1 to %d bytes", maxKID)
			}
			h.kid = string(text)
		case "typ":
			h.profile = is("at+jwt") || is("application/at+jwt") // RFC 9068 §2.1
			if !h.profile && !is("JWT") {                        // Auth0's default
				return errors.New("typ is not that of an access token")
			}
		case "cty": // JWT here means a nested token, RFC 7519 §5.2
			if !is("json") && !is("application/json") {
				return errors.New("cty is not JSON")
			}
		case "x5t": // a hint; the key is found by kid
		default:
			return errors.New("a parameter that access tokens don't have")
		}
		return nil
	})
	switch {
	case err != nil:
		return header{}, err
	case !rs256: // none, HMAC with the public key and other confusions, RFC 8725 §3.1
		return header{}, errors.New("alg is not RS256")
	case h.kid == "":
		return header{}, errors.New("no kid")
	}
	return h, nil
}
