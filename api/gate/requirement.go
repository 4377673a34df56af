package gate

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Requirement is what a route requires of a token in addition to being valid. If the token
// does not meet it, it returns a *[Problem] with a Description, and if they are not the
// defaults, Status (403), Code ([CodeInsufficientScope]) and Reason ([ReasonClaim]). Any other
// error means that it cannot say, and is answered with 503.
type Requirement func(Token) error

// Require returns the error of the first requirement that the token does not meet, or
// nil. Those of [AllOf], [AnyOf] and [Claim] are a *[Problem] with status 403 and code
// [CodeInsufficientScope].
func (t Token) Require(requirements ...Requirement) error {
	for _, requirement := range requirements {
		if err := requirement(t); err != nil {
			return err
		}
	}
	return nil
}

// AllOf requires that the token grants all scopes (see [Token.Has]).
func AllOf(scopes ...string) Requirement {
	p := insufficient(ReasonScope, "The access token does not grant "+strings.Join(scopes, " and "))
	p.Scope = strings.Join(scopes, " ")
	return func(t Token) error {
		if slices.ContainsFunc(scopes, func(scope string) bool { return !t.Has(scope) }) {
			return p
		}
		return nil
	}
}

// AnyOf requires that the token grants one of scopes (see [Token.Has]); with none, no
// token is enough. The challenge names the first, because clients request all the scopes
// that it names.
func AnyOf(scopes ...string) Requirement {
	p := insufficient(ReasonScope, "The access token grants none of the required scopes: "+strings.Join(scopes, ", "))
	if len(scopes) > 0 {
		p.Scope = scopes[0]
	}
	return func(t Token) error {
		if slices.ContainsFunc(scopes, t.Has) {
			return nil
		}
		return p
	}
}

// Claim requires that the claim at path has the value, or is a list that contains it. A
// path of several names goes into objects:
//
//	gate.Claim("acme", "org_id")
//	gate.Claim(true, "email_verified")
//	gate.Claim("admin", "realm_access", "roles") // a role of Keycloak
//
// Names and values are compared exactly. The claims are decoded for each request. The
// client is told the path, and no value.
func Claim[T string | bool](value T, path ...string) Requirement {
	p := insufficient(ReasonClaim, "The access token does not have the required value of the claim "+strings.Join(path, "."))
	return func(t Token) error {
		if len(path) > 0 && claimHas(t, path, value) {
			return nil
		}
		return p
	}
}

// claimHas reports whether the claim at path is or contains value.
func claimHas(t Token, path []string, value any) bool {
	data, err := t.payload()
	if err != nil {
		return false
	}
	for _, name := range path {
		var object map[string]json.RawMessage // a struct would ignore the case of names
		if json.Unmarshal(data, &object) != nil {
			return false
		}
		data = object[name]
	}
	var found any
	if json.Unmarshal(data, &found) != nil {
		return false
	}
	if list, ok := found.([]any); ok {
		return slices.Contains(list, value)
	}
	return found == value
}

// insufficient is a valid token that does not meet a requirement: 403.
func insufficient(reason, description string) *Problem {
	return &Problem{Status: http.StatusForbidden, Code: CodeInsufficientScope, Reason: reason, Description: description}
}
