// Package gate is HTTP middleware that requires a valid JWT access token
// (RFC 6750, RFC 7519, RFC 8725, RFC 9068).
//
// For most uses, three lines are enough: make the issuer's key set with package
// jwks, make a Gate with [New], and wrap handlers with [Gate.Protect]:
//
//	keys := jwks.New(jwks.Options{Issuer: "https://acme.eu.auth0.com/"})
//	go keys.Run(ctx)
//	g, err := gate.New(keys, gate.Policy{Issuer: "https://acme.eu.auth0.com/", Audience: "https://api.acme.com"})
//	…
//	mux.Handle("GET /messages", g.Protect(messages))
//
// The other entry points are for special needs:
//
//   - [Gate.RequireScope] is middleware that also requires scopes.
//   - [Gate.Handle] passes the [Token] to the handler as an argument; handlers
//     behind Protect and RequireScope find it with [FromContext].
//   - [Gate.Check] returns the token or the [Problem] and answers nothing. It is for
//     servers with their own way to answer errors.
//   - [Verifier] verifies a token that does not come from an HTTP header.
//   - [StaticKeys] is a fixed set of keys; [Keys] is the interface for any other.
//
// # Guarantees
//
// A token is accepted only if its signature is valid under a key of [Keys], its
// issuer and audience are exactly those of the [Policy], and it has a subject and
// has not expired. Everything doubtful is rejected: other algorithms than RS256,
// header parameters that access tokens do not have, duplicate or misspelled claims,
// invalid UTF-8, times in milliseconds. The whole list, with a test for each rule,
// is in docs/token-validation.md of this project.
//
// Answers to rejected requests have a stable code and reason and never contain
// anything from the request. When the signing keys are not available, the
// answer is 503, never 401, because nothing can be said about the token.
//
// # Non-goals
//
// The package does not log users in, does not read tokens from cookies, queries or
// bodies, does not decrypt JWE tokens and does not introspect opaque tokens.
package gate
