// Package dpop verifies DPoP proofs (RFC 9449): that the sender of a request holds the
// private key that an access token is bound to. A stolen token is of no use without it.
//
// Package gate uses it for requests with the scheme DPoP. To use it alone:
//
//	v, err := dpop.New(dpop.Options{URLs: []string{"https://api.acme.com"}})
//	…
//	proof, err := v.Check(r.Header.Values("DPoP"), dpop.Request{
//		Method: r.Method, Path: r.URL.EscapedPath(), Token: token, Thumbprint: jkt,
//	})
//	if err == nil {
//		err = v.Use(r.Context(), proof) // last, so that a rejected request can be sent again
//	}
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
