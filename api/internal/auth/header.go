package auth

import (
	"errors"
	"fmt"
	"strings"
)

// maxKID is how long a key ID may be, in bytes.
const maxKID = 256

// header is what a JOSE header (RFC 7515 §4) says that matters: all else about it
// is fixed.
type header struct {
	kid string
	typ string // lower case, "" if absent
}

// parseHeader accepts the header of a plain RS256 access token. It is a list of
// what may be there: any other parameter could change what the signature means,
// or point to a key of the sender's choice (RFC 8725 §3.1, §3.10).
func parseHeader(data []byte) (header, error) {
	var h header
	alg := ""
	err := scanObject(data, func(name []byte, v value) error {
		text, isText := v.text()
		if !isText {
			return errors.New("a parameter is not a string or not one that access tokens have")
		}
		switch string(name) {
		case "alg":
			alg = text
		case "kid":
			h.kid = text
			if text == "" || len(text) > maxKID {
				return fmt.Errorf("kid is not of 1 to %d bytes", maxKID)
			}
		case "typ":
			switch h.typ = strings.ToLower(text); h.typ {
			case "jwt", "at+jwt", "application/at+jwt": // RFC 9068 §2.1, and what tenants send by default
			default:
				return errors.New("typ is not that of an access token")
			}
		case "cty": // RFC 7519 §5.2: JWT there means that the claims are another token
			switch strings.ToLower(text) {
			case "json", "application/json":
			default:
				return errors.New("cty is not JSON")
			}
		case "x5t": // a hint at a certificate; kid says which key
		default:
			return errors.New("a parameter that access tokens don't have")
		}
		return nil
	})
	switch {
	case err != nil:
		return header{}, err
	case alg != "RS256": // none, HMAC with the public key, and all other confusions (RFC 8725 §3.1)
		return header{}, errors.New("alg is not RS256")
	case h.kid == "":
		return header{}, errors.New("no kid")
	}
	return h, nil
}
