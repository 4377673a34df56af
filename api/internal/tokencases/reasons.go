package tokencases

import "strings"

// reasons are why answers of this API differ from those of the others, by the beginning of
// the cases' names. docs/token-validation.md has the rules and their sources.
var reasons = map[string]string{ //nolint:gosec // no credentials
	// This API is stricter.
	"claim aud: [\"AUD\",1]":       "aud is a list of strings (RFC 7519 §4.1.3)",
	"claim client_id":              "a claim of the wrong type makes a token malformed",
	"claim exp missing":            "a token without exp is valid for ever; RFC 9068 §2.2 requires it",
	"claim exp: \"NOW":             "times are numbers (RFC 7519 §2)",
	"claim exp: 1e":                "times are seconds, up to the year 9999; others are mistakes",
	"claim exp: NOW0":              "times are seconds, up to the year 9999; this one is in milliseconds or more",
	"claim iat: -1":                "times are not before 1970",
	"claim iat: 1e300":             "times are seconds, up to the year 9999",
	"claim iat: NOW0":              "times are seconds, up to the year 9999; this one is in milliseconds",
	"claim iat: NOW+3":             "iat may be up to a minute ahead: go-jwt-middleware accepts nothing, express-oauth2-jwt-bearer everything",
	"claim iat: NOW+90":            "iat may be up to a minute ahead: express-oauth2-jwt-bearer accepts everything",
	"claim iat: \"NOW":             "times are numbers (RFC 7519 §2)",
	"claim in capitals":            "names are case-sensitive (RFC 7519 §2), so a required claim is missing",
	"claim jti: null":              "a claim of the wrong type makes a token malformed",
	"claim nbf: -1":                "times are not before 1970",
	"claim nbf: \"NOW":             "times are numbers (RFC 7519 §2)",
	"claim sub":                    "sub is required (RFC 9068 §2.2)",
	"claim twice":                  "names are unique (RFC 7519 §4): two readers would see two tokens",
	"form: padded":                 "base64url is without padding (RFC 7515 §2)",
	"form: unused bits":            "base64url has one spelling, so that a token has one, too",
	"header KID":                   "names are case-sensitive (RFC 7515 §4), so kid is missing",
	"header without kid":           "kid is required: trying all keys would accept a key for another use",
	"header UTF-8":                 "JSON is valid UTF-8 without lone surrogates (RFC 7493 §2.1)",
	"header b64":                   "b64 changes what is signed (RFC 7797)",
	"header broken: mark":          "JSON has no byte order mark (RFC 8259 §8.1)",
	"header crit":                  "extensions that are not implemented must be rejected (RFC 7515 §4.1.11)",
	"header cty":                   "cty says that the payload is no set of claims (RFC 7519 §5.2), or is no string",
	"header jku":                   "a key of the sender's choice; the others ignore it",
	"header jwk":                   "a key of the sender's choice; the others ignore it",
	"header x5u":                   "a key of the sender's choice; the others ignore it",
	"header x5c":                   "a key of the sender's choice; the others ignore it",
	"header zip":                   "compression is for encrypted tokens (RFC 7516 §4.1.3)",
	"header kid":                   "kid is a string (RFC 7515 §4.1.4)",
	"header twice":                 "names are unique (RFC 7515 §4)",
	"header typ":                   "a token of another type, or of none, is no access token (RFC 8725 §3.11)",
	"kind: ID token":               "an ID token is no access token, whatever its audience (RFC 9068 §5)",
	"kind: act as text":            "act is an object (RFC 8693 §4.1)",
	"kind: bound to a certificate": "possession of the token is not enough (RFC 8705 §3)",
	"kind: logout token":           "OpenID Connect Back-Channel Logout §2.4",
	"kind: security event":         "RFC 8417 §2.2",
	"kind: purpose":                "a token for another purpose, by a claim of Curity",
	"kind: token_use":              "a token for another use, by a claim of Amazon Cognito",
	"kind: typ":                    "a token for another use, by a claim of Keycloak",
	"payload: deep":                "at most 16 levels of nesting",
	"payload: very deep":           "at most 16 levels of nesting",
	"payload: invalid UTF-8":       "JSON is valid UTF-8 (RFC 8725 §3.7)",
	"payload: lone surrogate":      "JSON has no lone surrogates (RFC 7493 §2.1)",
	"payload: large":               "at most 8 KiB",
	"payload: mark":                "JSON has no byte order mark (RFC 8259 §8.1)",

	// go-jwt-middleware is stricter.
	"header white space": "JSON may have white space before and after the object (RFC 8259 §2)",
	"header x5t: 1":      "x5t is not used, so it is ignored (RFC 7515 §4)",
}

// Reason returns the key and the text of the reason for a difference in the answers to the
// case with that name, of those that fit the longest; "" if there is none.
func Reason(name string) (key, why string) {
	for prefix, reason := range reasons {
		if strings.HasPrefix(name, prefix) && len(prefix) > len(key) {
			key, why = prefix, reason
		}
	}
	return key, why
}

// Reasons returns the keys of all reasons.
func Reasons() []string {
	var keys []string
	for key := range reasons {
		keys = append(keys, key)
	}
	return keys
}
