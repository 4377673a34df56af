// Package gate is HTTP middleware that requires a valid JWT access token
// (RFC 6750, RFC 7519, RFC 8725, RFC 9068).
//
// For most uses, create the issuer's key set with package jwks and run it, create a
// Gate with [New], and wrap handlers with [Gate.Protect]:
//
//	keys := jwks.New(jwks.Options{Issuer: "https://acme.eu.auth0.com/"})
//	go keys.Run(ctx)
//	g, err := gate.New(keys, gate.Policy{Issuer: "https://acme.eu.auth0.com/", Audience: "https://api.acme.com"})
//	…
//	mux.Handle("GET /messages", g.Protect(messages))
//
// Use these if that is not enough:
//
//   - [Gate.RequireScope] is middleware that also requires scopes.
//   - [Gate.Handle] passes the [Token] to the handler as an argument; handlers
//     behind Protect and RequireScope find it with [FromContext].
//   - [Gate.Check] returns the token or a [Problem] and writes no response. Use it if
//     your server writes its own error responses.
//   - [Verifier] verifies a token that does not come from an HTTP header.
//   - [StaticKeys] is a fixed set of keys; [Keys] is the interface for any other.
//
// # Guarantees
//
// A token is accepted only if its signature is valid under a key of [Keys], its
// issuer is the one of the [Policy], its audience contains the Policy's, it has a
// subject, and it has not expired. Names are case-sensitive. Tokens with another
// algorithm than RS256, unknown header parameters, duplicate names, invalid UTF-8 or
// times in milliseconds are also rejected. The whole list, with a test for each rule,
// is in docs/token-validation.md of this project.
//
// Responses to rejected requests have a stable code and reason and contain nothing from
// the request. While no signing keys are available, a request with a well-formed token
// gets 503 instead of 401, because the token may be valid.
//
// # Non-goals
//
// The package does not log users in, does not read tokens from cookies, queries or
// bodies, does not decrypt JWE tokens and does not introspect opaque tokens.
package gate
