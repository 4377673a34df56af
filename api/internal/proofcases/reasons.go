package proofcases

import "calling-an-api.example/api/internal/peers"

// Reasons are why answers of this API differ from those of the others, by the beginning of
// the cases' names. docs/dpop.md has the rules.
var Reasons = peers.Reasons{
	// This API is stricter than both, or than one of them.
	"10 two spaces":        "there is one space after the scheme (RFC 9449 §7.1 allows more; no client sends them)",
	"16":                   "base64url has one spelling and no padding (RFC 7515 §2)",
	"17":                   "a proof has at most 4 KiB",
	"18":                   "names are unique (RFC 7519 §4): two readers would see two URLs",
	"19":                   "names are unique (RFC 7515 §4, RFC 7517 §4): two readers would see two keys",
	"20":                   "JSON is valid UTF-8 (RFC 8725 §3.7)",
	"23":                   "extensions that are not implemented must be rejected (RFC 7515 §4.1.11)",
	"24":                   "b64 changes what is signed (RFC 7797)",
	"30":                   "jwk must not have a private key (RFC 9449 §4.3)",
	"35":                   "a key of the sender's choice; the others ignore it",
	"37 jti a number":      "jti is a string (RFC 7519 §4.1.7)",
	"37 jti of 300 bytes":  "a jti has at most 256 bytes",
	"38 htm in lower case": "methods are case-sensitive (RFC 9110 §9.1)",
	"44":                   "a URL of an API has no user name",
	"47 iat 6":             "a proof may be 60 s old and 5 s ahead; the others accept 5 minutes and up to 30 s",
	"51":                   "a proof is for one request (RFC 9449 §11.1)",
	"52":                   "a jti is used once, whatever the signature (RFC 9449 §11.1)",
	"58":                   "a nonce that this API has not made proves nothing",
	"JWK in capitals":      "names are case-sensitive (RFC 7515 §4), so jwk is missing",

	// go-jwt-middleware is stricter.
	"41": "htu and the request are compared without query and fragment (RFC 9449 §4.3)",
	"42": "URLs are compared after normalization (RFC 9449 §4.3)",
}
