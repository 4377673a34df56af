// Package dpop verifies DPoP proofs (RFC 9449): that the sender of a request holds the
// private key that an access token is bound to. A stolen token is of no use without it.
//
// Package gate uses it for requests with the scheme DPoP. The example of [Verifier] uses it
// alone: [Verifier.Check] first, and [Verifier.Use] at last, when everything else about the
// request is known to be right.
//
// An error is a *[Problem], for a response with status 401. If its NeedsNonce is set, the
// response needs the header DPoP-Nonce with [Verifier.Nonce], and the client sends another
// proof with that. This also happens to proofs from before the store's [Epoch], and the 5 s
// after its start: they may have been used before. An *[UnavailableError] is for status 503.
//
// A [Memory] is for one process. Package valkeystore shares a store between several.
//
// # Guarantees
//
// A proof is accepted once, for one method, one URL and one access token, within about a
// minute of its creation, or as long as the nonce in it is valid. The URL is compared with
// configured ones, never with the request's Host. The key must be the one of the token, and
// strong. Everything that RFC 9449 §4.3 requires is checked; docs/dpop.md of this project
// lists the rules and their tests.
//
// # Non-goals
//
// The package does not read access tokens, and makes no proofs.
package dpop
