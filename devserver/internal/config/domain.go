package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"calling-an-api.example/devserver/internal/localnet"
)

// placeholder matches the placeholders of tutorials, samples and .env templates:
// <domain>, {yourDomain}, YOUR_CLIENT_ID, changeme.
var placeholder = regexp.MustCompile(`(?i)[<>{}]|^(https?://)?your[-_]?(auth0|tenant|domain|api|audience|client)|^change[-_]?me$|^xxx+`)

// present rejects an empty value and a placeholder of a template.
func present(name, value, example string) error {
	switch {
	case len(split(value)) == 0:
		return fmt.Errorf("%s is empty: remove it, or set it like %s=%s", name, name, example)
	case slices.ContainsFunc(split(value), placeholder.MatchString):
		return fmt.Errorf("%s=%q is a placeholder: replace it, for example %s=%s", name, value, name, example)
	}
	return nil
}

// normalize returns the origin of a tenant's domain, however it is written:
// "acme.eu.auth0.com" and "https://ACME.eu.auth0.com/" both give
// "https://acme.eu.auth0.com". The API has the same rule for its issuer.
func normalize(domain string) (string, error) {
	domain = strings.TrimSpace(domain)
	if !strings.Contains(domain, "://") {
		if host, _, err := net.SplitHostPort(domain); err == nil && localnet.IsLoopback(host) {
			return "", fmt.Errorf("it has no scheme; write it as http://%s", domain)
		}
		domain = "https://" + domain
	}
	u, err := url.Parse(domain)
	switch {
	case err != nil || u.Hostname() == "":
		return "", errors.New("it is not a domain; write it like acme.eu.auth0.com")
	case u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("it must be the bare domain of a tenant, like acme.eu.auth0.com, or the local one; " +
			"put other providers, whose tokens the API accepts too, after it")
	case u.Scheme != "https" && (u.Scheme != "http" || !localnet.IsLoopback(u.Hostname())):
		return "", errors.New("write it with https; plain http is for localhost only")
	}
	if u.Scheme == "http" {
		return LocalOrigin(u.Host), nil
	}
	return "https://" + strings.ToLower(u.Host), nil
}

// LocalOrigin is the origin that a browser on this machine uses for a server that
// listens on addr, "host:port". It is localhost wherever possible, because 127.0.0.1
// is another site for cookies and origins.
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
