package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// placeholder matches what tutorials, samples and .env templates leave for the
// reader to replace: <domain>, {yourDomain}, YOUR_CLIENT_ID, changeme.
var placeholder = regexp.MustCompile(`(?i)[<>{}]|^(https?://)?your[-_]?(auth0|tenant|domain|api|audience|client)|^change[-_]?me$|^xxx+`)

// present refuses an empty value and one that a template left to be replaced.
func present(name, value, example string) error {
	switch {
	case strings.TrimSpace(value) == "":
		return fmt.Errorf("%s is empty: remove it, or set it like %s=%s", name, name, example)
	case placeholder.MatchString(value):
		return fmt.Errorf("%s=%q is a placeholder: replace it, for example %s=%s", name, value, name, example)
	}
	return nil
}

// normalize turns a tenant's domain, in any of the ways a person writes it, into
// its origin: "acme.eu.auth0.com" and "https://ACME.eu.auth0.com/" both give
// "https://acme.eu.auth0.com". The API has the same rule for its issuer.
func normalize(domain string) (string, error) {
	domain = strings.TrimSpace(domain)
	if !strings.Contains(domain, "://") {
		if host, _, err := net.SplitHostPort(domain); err == nil && isLoopback(host) {
			return "", fmt.Errorf("it has no scheme; write it as http://%s", domain)
		}
		domain = "https://" + domain
	}
	u, err := url.Parse(domain)
	switch {
	case err != nil || u.Hostname() == "":
		return "", errors.New("it is not a domain; write it like acme.eu.auth0.com")
	case u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("it must be the bare domain, like acme.eu.auth0.com")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return "", errors.New("write it with https; plain http is for localhost only")
	}
	if u.Scheme == "http" {
		return LocalOrigin(u.Host), nil
	}
	return "https://" + strings.ToLower(u.Host), nil
}

// LocalOrigin is the origin at which a browser of this machine reaches a server
// that listens on addr, "host:port". That is localhost wherever it can be:
// cookies and origins take 127.0.0.1 for another site.
func LocalOrigin(addr string) string {
	host, port, err := net.SplitHostPort(strings.ToLower(addr))
	if err != nil {
		return "http://" + addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback() && ip.To4() != nil) {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// isLoopback reports whether host can only mean this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
