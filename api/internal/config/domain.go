package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// placeholder matches the placeholders of tutorials, samples and .env templates:
// <domain>, {yourDomain}, YOUR_API_IDENTIFIER, changeme.
var placeholder = regexp.MustCompile(`(?i)[<>{}]|^(https?://)?your[-_]?(auth0|tenant|domain|api|audience)|^change[-_]?me$|^xxx+`)

// issuer returns the issuer of a tenant's domain, however it is written:
// "acme.eu.auth0.com", "https://ACME.eu.auth0.com/" and "acme.eu.auth0.com/" all give
// "https://acme.eu.auth0.com/". Plain http is accepted for loopback hosts only,
// because whoever can change the keys on the way can forge every token.
func issuer(domain string) (string, error) {
	if !strings.Contains(domain, "://") {
		domain = "https://" + domain
	}
	u, err := url.Parse(domain)
	if err != nil {
		return "", errors.New("it is not a domain or URL; write it like acme.eu.auth0.com")
	}
	switch {
	case u.Hostname() == "":
		return "", errors.New("it has no host; write it like acme.eu.auth0.com")
	case u.User != nil:
		return "", errors.New("it must not contain a user name or password")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("it must be the bare domain, with no path: the issuer is the domain plus \"/\"")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("its scheme %q is not https", u.Scheme)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", errors.New("plain http is accepted for localhost only: write it with https")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host) + "/", nil
}

// isLoopback reports whether host is always this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
