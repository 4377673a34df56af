package config

import (
	"cmp"
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

// issuers returns the issuers of a list of domains and URLs. Two of them must not be the
// same.
func issuers(domains []string) ([]string, error) {
	var all []string
	for _, domain := range domains {
		name, err := issuer(domain)
		if err != nil && len(domains) > 1 {
			return nil, fmt.Errorf("%q: %w", domain, err)
		} else if err != nil {
			return nil, err
		}
		for _, other := range all {
			if strings.TrimSuffix(other, "/") == strings.TrimSuffix(name, "/") {
				return nil, fmt.Errorf("%q is there twice; a slash at the end makes no difference", domain)
			}
		}
		all = append(all, name)
	}
	return all, nil
}

// issuer returns the issuer of a domain or URL. A domain is written in any way:
// "acme.eu.auth0.com", "https://ACME.eu.auth0.com/" and "acme.eu.auth0.com/" all give
// "https://acme.eu.auth0.com/", as Auth0 spells it. A path stays as it is written:
// "https://id.acme.com/realms/acme". Other providers spell their names otherwise, which
// package jwks finds by discovery. Plain http is accepted for loopback hosts only, because
// whoever can change the keys on the way can forge every token.
func issuer(domain string) (string, error) {
	if !strings.Contains(domain, "://") {
		domain = "https://" + domain
	}
	u, err := url.Parse(domain)
	if err != nil {
		return "", errors.New("it is not a domain or URL; write it like acme.eu.auth0.com or https://id.acme.com/realms/acme")
	}
	switch {
	case u.Hostname() == "":
		return "", errors.New("it has no host; write it like acme.eu.auth0.com")
	case u.User != nil:
		return "", errors.New("it must not contain a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("it must not contain a query or fragment")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("its scheme %q is not https", u.Scheme)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", errors.New("plain http is accepted for localhost only: write it with https")
	case strings.Contains(u.Path, "/.well-known/"):
		return "", errors.New("it is the URL of a discovery document; leave out what begins with /.well-known/")
	}
	host := strings.ToLower(u.Host)
	if u.Port() == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+u.Port())
	}
	return u.Scheme + "://" + host + cmp.Or(u.EscapedPath(), "/"), nil
}

// isLoopback reports whether host is always this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
