// Package jws reads signed JWTs strictly: their serialization (RFC 7515 §3.1) and the JSON of
// their header and payload. It verifies nothing.
package jws

import (
	"encoding/base64"
	"strings"
)

// Encoding is base64url as JWS uses it (RFC 7515 §2): no padding, and unused bits
// must be zero, so that a token has exactly one encoding.
var Encoding = base64.RawURLEncoding.Strict()

// Parts are the three parts of a JWS. All but Signed are decoded and point into a buffer.
type Parts struct {
	Header, Payload, Signature []byte
	Signed                     string // the signing input (RFC 7515 §2)
}

// Split decodes the three parts of raw into buffer. ok is false if there are not three, if
// one is empty or not base64url, and if raw is longer than buffer.
func Split(raw string, buffer []byte) (p Parts, ok bool) {
	if len(raw) > len(buffer) || strings.Count(raw, ".") != 2 || strings.ContainsAny(raw, "\r\n") { // encoding/base64 ignores line breaks
		return Parts{}, false
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	used := 0
	ok = true
	decode := func(part string) []byte {
		n, err := Encoding.Decode(buffer[used:], []byte(part))
		ok = ok && err == nil && n > 0
		used += n
		return buffer[used-n : used]
	}
	p = Parts{Header: decode(raw[:first]), Payload: decode(raw[first+1 : last]), Signature: decode(raw[last+1:]), Signed: raw[:last]}
	return p, ok
}
