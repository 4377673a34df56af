package gate

import (
	"strings"
	"sync"
)

// This file checks the serialization of a token (JWS compact form, RFC 7515 §3.1).

// maxToken is the maximum size of a token, in bytes.
const maxToken = 8 << 10

// checkForm returns a problem if raw is too large or does not have three parts. It
// decodes nothing.
func checkForm(raw string) *Problem {
	if len(raw) > maxToken {
		return problemTooLarge
	}
	switch strings.Count(raw, ".") {
	case 2:
		return nil
	case 4: // RFC 7516 §3.1
		return problemEncrypted
	}
	return problemOpaque
}

// These problems are allocated once, because garbage is cheap to send in large numbers.
// They must not be modified.
var (
	problemTooLarge  = invalidToken(ReasonTooLarge, "The access token is larger than 8 KiB", nil)
	problemEncrypted = invalidToken(ReasonNotJWT, "The access token is encrypted; configure the issuer to sign this API's tokens instead", nil)
	problemOpaque    = invalidToken(ReasonNotJWT, "The access token is not a JWT; was it requested with this API's audience?", nil)
)

// decodeBuffers hold the decoded parts of tokens. Nothing that outlives
// Verifier.verify may point into one.
var decodeBuffers = sync.Pool{New: func() any { return new([maxToken]byte) }}
