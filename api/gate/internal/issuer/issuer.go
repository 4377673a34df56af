// Package issuer compares the names of issuers.
package issuer

import (
	"net/url"
	"strings"
)

// Canonical returns the URL of an issuer in one spelling: a lower-case host, no default port
// and no slash at the end. Two issuers are the same if theirs are equal. Text that is no URL
// of an issuer (OpenID Connect Discovery §3: without a query or fragment) is returned as it is.
func Canonical(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, "?#") ||
		!strings.HasPrefix(text, u.Scheme+"://") || strings.HasSuffix(u.Host, ":") {
		return text
	}
	return Origin(u) + strings.TrimSuffix(u.EscapedPath(), "/")
}

// Origin returns the origin of u in its one spelling (RFC 6454 §4), with its port.
func Origin(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return strings.ToLower(scheme + "://" + u.Hostname() + ":" + port)
}
