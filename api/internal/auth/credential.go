package auth

import (
	"net/http"
	"net/url"
	"strings"
)

// credential returns the bearer token of the Authorization header (RFC 6750
// §2.1). Tokens in the query or the body are no credentials here: both leave
// traces in logs and histories (RFC 6750 §2.3, RFC 9700 §4.3.2).
func credential(r *http.Request) (string, *Error) {
	headers := r.Header["Authorization"]
	switch {
	case len(headers) == 0:
		return "", errNoToken
	case len(headers) > 1:
		return "", invalidRequest("The request has more than one Authorization header")
	}
	scheme, token, found := strings.Cut(headers[0], " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer"): // RFC 9110 §11.1: in any case
		return "", noToken("The Authorization header's scheme is not Bearer")
	case !found || token == "" || strings.ContainsAny(token, " \t,"):
		return "", invalidRequest("The Authorization header is not Bearer, one space and one token")
	case hasQueryToken(r.URL.RawQuery): // RFC 6750 §2: one way at a time
		return "", invalidRequest("The request has an access token in its query too")
	}
	return token, nil
}

var errNoToken = noToken("The request has no access token; send one as Authorization: Bearer <token>")

// hasQueryToken reports whether query names an access_token, in any spelling.
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
