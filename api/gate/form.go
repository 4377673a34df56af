package gate

import (
	"encoding/base64"
	"strings"
	"sync"
)

// This file checks the serialization of a token (JWS compact form, RFC 7515 §3.1) and
// decodes its parts.

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

// encoding is base64url as JWS uses it (RFC 7515 §2): no padding, and unused bits
// must be zero, so that a token has exactly one encoding.
var encoding = base64.RawURLEncoding.Strict()

// decodeBuffers hold the decoded parts of tokens. Nothing that outlives
// Verifier.verify may point into one.
var decodeBuffers = sync.Pool{New: func() any { return new([maxToken]byte) }}

// parts are the three parts of a JWS. All but signed are decoded and point into a buffer.
type parts struct {
	header, payload, signature []byte
	signed                     string // the signing input (RFC 7515 §2)
}

// split decodes the three parts of raw into buffer. ok is false if one is empty or
// is not base64url.
func split(raw string, buffer *[maxToken]byte) (p parts, ok bool) {
	if strings.ContainsAny(raw, "\r\n") { // encoding/base64 ignores line breaks
		return parts{}, false
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	used := 0
	ok = true
	decode := func(part string) []byte {
		n, err := encoding.Decode(buffer[used:], []byte(part))
		ok = ok && err == nil && n > 0
		used += n
		return buffer[used-n : used]
	}
	p = parts{header: decode(raw[:first]), payload: decode(raw[first+1 : last]), signature: decode(raw[last+1:]), signed: raw[:last]}
	return p, ok
}
