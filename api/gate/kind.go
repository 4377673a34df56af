package gate

import (
	"slices"
	"strings"

	"calling-an-api.example/api/gate/internal/jws"
)

// Issuers sign other tokens than access tokens with the same keys: ID tokens, logout
// tokens, refresh tokens, links in mails. Only new ones have a typ of their own in the
// header (RFC 8725 §3.11), so this file tells them apart by their claims.

// kind is what the claims say about the kind of a token.
type kind struct {
	isEvent   bool   // has events
	isLogin   bool   // has nonce, at_hash or c_hash
	isCognito bool   // token_use is access
	other     string // name of the claim that says that it is no access token
}

// accessKinds are the values of token_use (Amazon Cognito), typ (Keycloak), token_type and
// purpose (Curity) in access tokens, in any case. Other values are those of other tokens.
var accessKinds = []string{"access", "access_token", "at+jwt", "JWT", "Bearer", "DPoP"}

// read reads one claim.
func (k *kind) read(name string, v jws.Value) {
	switch name {
	case "events":
		k.isEvent = true
	case "nonce", "at_hash", "c_hash":
		k.isLogin = true
	case "token_use", "typ", "token_type", "purpose":
		text, _ := v.Text()
		if !slices.ContainsFunc(accessKinds, func(kind string) bool { return strings.EqualFold(kind, text) }) {
			k.other = name
		}
		if name == "token_use" {
			k.isCognito = text == "access"
		}
	case "act": // who acts for the subject, RFC 8693 §4.1
		if v.Kind != '{' {
			k.other = name
		}
	}
}

// checkKind returns a Problem if the token is no access token.
func (c *claims) checkKind() *Problem {
	switch {
	case c.kind.isEvent: // OpenID Connect Back-Channel Logout §2.4, RFC 8417 §2.2
		return invalidToken(ReasonClaims, "The token is a logout token or a security event, not an access token", nil)
	case c.kind.other != "":
		return invalidToken(ReasonClaims, "The token is of another kind, not an access token, by its claim "+c.kind.other, nil)
	case c.kind.isLogin && c.isForClient(): // OpenID Connect Core §2
		return invalidToken(ReasonClaims, "The token is an ID token, not an access token", nil)
	}
	return nil
}

// isForClient reports whether the token's client is among its audiences, as in an ID
// token. A token that names no client may be one: ID tokens need no azp.
func (c *claims) isForClient() bool {
	if c.client == "" && c.authorizedParty == "" {
		return true
	}
	return slices.Contains(c.audiences(), c.client) || slices.Contains(c.audience, c.authorizedParty)
}
