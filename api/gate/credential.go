package gate

import (
	"net/http"
	"net/url"
	"strings"
)

// sent is the access token of a request.
type sent struct {
	token string
	dpop  bool // with the scheme DPoP (RFC 9449 §7.1), not Bearer
}

// credential returns the token of the Authorization header (RFC 6750 §2.1, RFC 9449 §7.1).
// The scheme DPoP is accepted if withDPoP.
// Tokens in the query or the body are not accepted, because URLs end up in logs and
// browser histories (RFC 6750 §2.3, RFC 9700 §4.3.2). A token in the query in addition
// to the header is an error.
func credential(r *http.Request, withDPoP bool) (sent, *Problem) {
	headers := r.Header["Authorization"]
	switch {
	case len(headers) == 0:
		return sent{}, problemNoToken
	case len(headers) > 1:
		return sent{}, invalidRequest("The request has more than one Authorization header")
	}
	scheme, token, found := strings.Cut(headers[0], " ")
	isDPoP := withDPoP && strings.EqualFold(scheme, "DPoP")
	switch {
	case !isDPoP && !strings.EqualFold(scheme, "Bearer"): // case-insensitive, RFC 9110 §11.1
		if withDPoP {
			return sent{}, missingToken("The Authorization header's scheme is not Bearer or DPoP")
		}
		return sent{}, missingToken("The Authorization header's scheme is not Bearer, and this API accepts no other")
	case !found || token == "" || strings.ContainsAny(token, " \t,"):
		return sent{}, invalidRequest("The Authorization header must be " + map[bool]string{true: "DPoP", false: "Bearer"}[isDPoP] + ", one space and one token")
	case hasQueryToken(r.URL.RawQuery): // a client must not use two methods, RFC 6750 §2
		return sent{}, invalidRequest("The request has an access token in the query in addition to the Authorization header")
	case withDPoP && !isDPoP && len(r.Header["Dpop"]) > 0:
		return sent{}, invalidRequest("The request has a DPoP proof, but its Authorization header's scheme is Bearer")
	}
	return sent{token, isDPoP}, nil
}

var problemNoToken = missingToken("The request has no access token; send one as Authorization: Bearer <token>")

// hasQueryToken reports whether query has a parameter access_token, percent-encoded
// or not.
func hasQueryToken(query string) bool {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, _, _ := strings.Cut(pair, "=")
		if name == "access_token" {
			return true
		}
		if strings.Contains(name, "%") {
			if name, err := url.QueryUnescape(name); err == nil && name == "access_token" {
				return true
			}
		}
	}
	return false
}
