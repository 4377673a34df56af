package gate

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate/internal/jws"
)

// This file reads the claims that are checked. golang-jwt checks the audience, exp and
// nbf; kind.go and check do the rest.

const (
	// maxTime is the largest time that a claim may have, the end of the year 9999, in
	// seconds since 1970. A time in milliseconds is far beyond it.
	maxTime = 253402300799
	// maxAhead is how far iat may be in the future, if the leeway is not longer. It is more
	// than the leeway for exp and nbf, because a token that was issued a little later is no
	// less valid.
	maxAhead = time.Minute
)

// claims are the claims of an access token (RFC 9068 §2.2) that this package uses. It is
// a jwt.Claims, so that golang-jwt checks audience, exp and nbf.
type claims struct {
	issuer          string
	subject         string
	audience        []string
	hasAudience     bool // has aud
	expires         *jwt.NumericDate
	notBefore       *jwt.NumericDate
	issuedAt        *jwt.NumericDate
	scopes          []string // of scope (RFC 9068 §2.2.3) and scp, as Entra ID and Okta name it
	permissions     []string
	client          string // client_id
	authorizedParty string // azp, or what Okta (cid) and Entra ID (appid) have instead
	id              string
	kind            kind
	isBound         bool   // has cnf
	thumbprint      string // member jkt of cnf, RFC 9449 §6.1
}

// parseClaims reads a token's payload. A claim of the wrong type is an error, except
// scope, scp and permissions, which then grant nothing, and azp, which is ignored. Names are
// case-sensitive: a claim "AUD" is not aud.
func parseClaims(data []byte) (*claims, error) {
	c := &claims{}
	err := jws.ScanObject(data, func(name []byte, v jws.Value) error {
		ok := true
		switch string(name) {
		case "iss":
			c.issuer, ok = v.Text()
		case "sub":
			c.subject, ok = v.Text()
		case "aud":
			c.hasAudience = true
			c.audience, ok = stringOrStrings(v)
		case "exp":
			c.expires, ok = numericDate(v)
		case "nbf":
			c.notBefore, ok = numericDate(v)
		case "iat":
			c.issuedAt, ok = numericDate(v)
		case "client_id":
			c.client, ok = v.Text()
		case "jti":
			c.id, ok = v.Text()
		case "cnf":
			c.isBound, c.thumbprint = true, thumbprint(v)
		case "azp":
			c.authorizedParty, _ = v.Text()
		case "cid", "appid":
			if text, isText := v.Text(); isText && c.authorizedParty == "" {
				c.authorizedParty = text
			}
		case "scope", "scp": // a string or a list; anything else grants nothing
			granted, isList := v.Texts()
			if !isList {
				text, _ := v.Text()
				granted = strings.Split(text, " ")
			}
			c.scopes = append(c.scopes, slices.DeleteFunc(granted, isNoScope)...)
		case "permissions":
			granted, _ := v.Texts()
			c.permissions = slices.DeleteFunc(granted, isNoScope)
		default:
			c.kind.read(string(name), v)
		}
		if !ok {
			return errors.New("the claim " + string(name) + " has the wrong type or is out of range")
		}
		return nil
	})
	return c, err
}

// thumbprint returns the member jkt of cnf: the SHA-256 thumbprint of a key, in base64url
// (RFC 9449 §6.1). It is "" if there is none, or another text.
func thumbprint(cnf jws.Value) (jkt string) {
	if cnf.Kind != '{' {
		return ""
	}
	_ = jws.ScanObject(cnf.Raw, func(name []byte, v jws.Value) error { // it was scanned before
		if string(name) == "jkt" {
			jkt, _ = v.Text()
		}
		return nil
	})
	if digest, err := jws.Encoding.DecodeString(jkt); err != nil || len(digest) != sha256.Size {
		return ""
	}
	return jkt
}

// isNoScope reports whether s is not one scope (RFC 6749 §3.3): it is empty, or has white
// space, a control character or one beyond ASCII. Scopes are separated by U+0020 alone,
// so such a value grants nothing: another reader may see two scopes in it, or another one.
func isNoScope(s string) bool {
	return s == "" || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// missing returns the name of a required claim that c lacks, "" if it lacks none.
func (c *claims) missing() string {
	switch {
	case c.issuer == "":
		return "iss"
	case c.expires == nil:
		return "exp"
	case strings.Join(c.audiences(), "") == "":
		return "aud"
	case c.subject == "":
		return "sub"
	}
	return ""
}

// stringOrStrings reads aud: a string or an array of strings (RFC 7519 §4.1.3).
func stringOrStrings(v jws.Value) ([]string, bool) {
	if text, ok := v.Text(); ok {
		return []string{text}, true
	}
	return v.Texts()
}

// numericDate reads a time in seconds since 1970 (RFC 7519 §2), from 1970 to 9999.
func numericDate(v jws.Value) (*jwt.NumericDate, bool) {
	n, ok := v.Number()
	if !ok || n < 0 || n > maxTime {
		return nil, false
	}
	return jwt.NewNumericDate(time.Unix(int64(n), 0)), true
}

// check does the checks that golang-jwt does not, at the time now. strict also requires
// the profile of RFC 9068 §2; atJWT reports whether the header's typ is at+jwt.
func (c *claims) check(now time.Time, leeway time.Duration, atJWT, strict bool) *Problem {
	switch {
	case c.subject == "":
		return invalidToken(ReasonClaims, lacksClaim+c.missing(), nil)
	case c.issuedAt != nil && c.issuedAt.After(now.Add(max(leeway, maxAhead))):
		return invalidToken(ReasonNotYet, "The access token is not valid yet", nil)
	case c.issuedAt != nil && !c.expires.After(c.issuedAt.Time):
		return invalidToken(ReasonClaims, "The access token expires before it was issued", nil)
	case c.isBound && c.thumbprint == "": // RFC 7800 §3.1
		return invalidToken(ReasonBinding, "The access token is bound to a key in a way that this API does not support", nil)
	case strict && (!atJWT || c.client == "" || c.id == "" || c.issuedAt == nil):
		return invalidToken(ReasonClaims, "The access token lacks what this API requires by RFC 9068: typ at+jwt, client_id, iat and jti", nil)
	}
	return c.checkKind()
}

// lacksClaim is the description of a token without a required claim, before its name.
const lacksClaim = "The access token lacks a claim that it must have: "

// audiences returns who the token is for. Access tokens of Amazon Cognito have no aud:
// they are for the client.
func (c *claims) audiences() []string {
	if !c.hasAudience && c.kind.isCognito && c.client != "" {
		return []string{c.client}
	}
	return c.audience
}

// The methods of jwt.Claims.

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.issuedAt, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.notBefore, nil }
func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.audiences(), nil }
