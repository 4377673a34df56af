package auth

import (
	"encoding/base64"
	"strings"
	"sync"
)

// What a token looks like from outside is judged here, before anything in it is read.

// maxToken is how long a token may be, in bytes.
const maxToken = 8 << 10

// checkForm refuses what can't be a token, before anything is computed of it.
func checkForm(raw string) *Error {
	if len(raw) > maxToken {
		return errTooLarge
	}
	switch strings.Count(raw, ".") {
	case 2:
		return nil
	case 4: // RFC 7516 §3.1
		return errEncrypted
	}
	return errOpaque
}

// The refusals of what is cheap to send in masses are made once.
var (
	errTooLarge  = invalidToken(reasonTooLarge, "The access token is larger than 8 KiB", nil)
	errEncrypted = invalidToken(reasonNotJWT, "The access token is encrypted; the API must be registered at the issuer for signed ones", nil)
	errOpaque    = invalidToken(reasonNotJWT, "The access token is not a JWT; was it requested with this API's audience?", nil)
)

// encoding is that of a JWS's parts (RFC 7515 §2): no padding, and no bits that
// say nothing, so that one token has one spelling.
var encoding = base64.RawURLEncoding.Strict()

// spaces are for the decoded parts of tokens. Nothing that outlives verify may
// point into one.
var spaces = sync.Pool{New: func() any { return new([maxToken]byte) }}

// split decodes the three parts of raw into space. signed is what the signature is
// of.
func split(raw string, space *[maxToken]byte) (signed string, signature, payload, head []byte, ok bool) {
	if strings.ContainsAny(raw, "\r\n") { // which the decoder passes over
		return "", nil, nil, nil, false
	}
	dot, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	used := 0
	decode := func(part string) []byte {
		n, err := encoding.Decode(space[used:], []byte(part))
		ok = ok && err == nil && n > 0
		used += n
		return space[used-n : used]
	}
	ok = true
	head, payload, signature = decode(raw[:dot]), decode(raw[dot+1:last]), decode(raw[last+1:])
	return raw[:last], signature, payload, head, ok
}
