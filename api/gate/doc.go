// Package gate is HTTP middleware that requires a valid JWT access token
// (RFC 6750, RFC 7519, RFC 8725, RFC 9068).
//
// For most uses, create the issuer's key set with package jwks and run it, create a
// Gate with [New], and wrap handlers with [Gate.Protect]:
//
//	keys := jwks.New(jwks.Options{Issuer: "https://acme.eu.auth0.com/"})
//	go keys.Run(ctx)
//	g, err := gate.New(gate.Policy{
//		Issuers:   []gate.Issuer{{URL: "https://acme.eu.auth0.com/", Keys: keys}},
//		Audiences: []string{"https://api.acme.com"},
//	})
//	…
//	mux.Handle("GET /messages", g.Protect(messages))
//
// Use these if that is not enough:
//
//   - [Gate.Require] is middleware that also has requirements: scopes ([AllOf], [AnyOf]),
//     the value of a claim ([Claim]), or a [Requirement] of your own.
//   - [Gate.Handle] passes the [Token] to the handler as an argument; handlers
//     behind Protect and Require find it with [FromContext].
//   - [Gate.Check] returns the token or a [Problem] and writes no response. Use it if
//     your server writes its own error responses.
//   - [Verifier] verifies a token that does not come from an HTTP header.
//   - [StaticKeys] is a fixed set of keys; [Keys] is the interface for any other.
//
// # Guarantees
//
// A token is accepted only if its issuer is one of the [Policy], its signature is valid
// under a key of that issuer, its audience contains one of the Policy's, it has a
// subject, and it has not expired. Names are case-sensitive. Tokens with an algorithm that
// the Policy does not have, header parameters that name a key or change the meaning of the
// signature, duplicate names, invalid UTF-8 or times in milliseconds are also rejected, and
// so are ID tokens and logout tokens. The whole list, with a test for each rule, is in
// docs/token-validation.md of this project.
//
// Responses to rejected requests have a stable code and reason and contain nothing from
// the request. While no signing keys of an issuer are available, its tokens get 503 instead
// of 401, because they may be valid.
//
// # Non-goals
//
// The package does not log users in, does not read tokens from cookies, queries or
// bodies, does not decrypt JWE tokens and does not introspect opaque tokens.
package gate
