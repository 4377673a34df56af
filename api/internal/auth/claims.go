package auth

import (
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// latest is the last moment that a claim may name, the end of the year 9999. A
// time in milliseconds lies far beyond it.
const latest = 253402300799

// claims are those of an access token (RFC 9068 §2.2) that decide something. It
// is a jwt.Claims, so that golang-jwt judges issuer, audience and times.
type claims struct {
	issuer    string
	subject   string
	audience  []string
	expires   *jwt.NumericDate
	notBefore *jwt.NumericDate
	issuedAt  *jwt.NumericDate
	scopes    string // words of scope and permissions together
	clientID  string
	id        string
	bound     bool // has cnf
}

// parseClaims reads a token's payload. A registered claim of the wrong type is an
// error. Names are exact: a claim "AUD" is not aud.
func parseClaims(data []byte) (*claims, error) {
	c := &claims{}
	err := scanObject(data, func(name []byte, v value) error {
		ok := true
		switch string(name) {
		case "iss":
			c.issuer, ok = v.text()
		case "sub":
			c.subject, ok = v.text()
		case "aud":
			c.audience, ok = textOrTexts(v)
		case "exp":
			c.expires, ok = numericDate(v)
		case "nbf":
			c.notBefore, ok = numericDate(v)
		case "iat":
			c.issuedAt, ok = numericDate(v)
		case "client_id":
			c.clientID, ok = v.text()
		case "jti":
			c.id, ok = v.text()
		case "cnf":
			c.bound = true
		case "scope": // of another type it grants nothing
			granted, _ := v.text()
			c.scopes += " " + granted
		case "permissions":
			granted, _ := v.texts()
			for _, permission := range granted {
				if !strings.ContainsAny(permission, " \t\r\n") { // one that reads like two would grant both
					c.scopes += " " + permission
				}
			}
		}
		if !ok {
			return errors.New("a registered claim has the wrong type or an impossible value")
		}
		return nil
	})
	return c, err
}

// textOrTexts reads aud: a string or an array of strings (RFC 7519 §4.1.3).
func textOrTexts(v value) ([]string, bool) {
	if text, ok := v.text(); ok {
		return []string{text}, true
	}
	return v.texts()
}

// numericDate reads a time in seconds (RFC 7519 §2) that a person could have meant.
func numericDate(v value) (*jwt.NumericDate, bool) {
	n, ok := v.number()
	if !ok || n < 0 || n > latest {
		return nil, false
	}
	return jwt.NewNumericDate(time.Unix(int64(n), 0)), true
}

// check returns what is wrong with the claims beyond what golang-jwt judges, or
// nil. strict asks for what RFC 9068 §2 requires and Auth0's default tokens lack;
// profile is what the header says of that.
func (c *claims) check(profile, strict bool) *Error {
	switch {
	case c.subject == "":
		return invalidToken(reasonClaims, "The access token has no subject", nil)
	case c.issuedAt != nil && !c.expires.After(c.issuedAt.Time):
		return invalidToken(reasonClaims, "The access token expires before it was issued", nil)
	case c.bound: // RFC 7800 §3.1, RFC 9449 §7.2: to have the token is not enough
		return invalidToken(reasonClaims, "The access token is bound to a key, so it can not be used as a bearer token", nil)
	case strict && (!profile || c.clientID == "" || c.id == "" || c.issuedAt == nil):
		return invalidToken(reasonClaims, "The access token is not of the profile of RFC 9068, which this API requires", nil)
	}
	return nil
}

// The methods of jwt.Claims.

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.issuedAt, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.notBefore, nil }
func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.audience, nil }
