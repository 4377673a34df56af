package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"calling-an-api.example/devserver/internal/localnet"
)

// AUTH0_DOMAIN may list several issuers. The page and the runner must agree with the API about
// them, so this file reads the list by the API's rules.

// split returns the elements of a list with commas, without the empty ones.
func split(list string) []string {
	var all []string
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.TrimSpace(element); element != "" {
			all = append(all, element)
		}
	}
	return all
}

// setIssuers sets Issuers and Domain from a list with commas. The page logs in at the first,
// so that must be the domain of a tenant. The others are checked as the API does it, because
// an API that refuses to start would stop everything.
func (c *Config) setIssuers(list string) error {
	local := c.Origin(c.TenantAddr)
	for i, domain := range split(list) {
		origin, err := normalize(domain)
		switch {
		case i == 0 && err != nil:
			return fmt.Errorf("the page logs in at the first, %q: %w", domain, err)
		case i == 0:
			c.Domain = origin
		case err != nil:
			if err := checkIssuer(domain); err != nil {
				return fmt.Errorf("%q: %w", domain, err)
			}
		}
		if err == nil && (origin == local || origin == LocalOrigin(c.TenantAddr)) { // with https, http://localhost:4400 means it too
			domain = local
			if i == 0 {
				c.Domain = local
			}
		}
		for _, other := range c.Issuers {
			if issuerKey(other) == issuerKey(domain) {
				return fmt.Errorf("%q is there twice; a slash at the end makes no difference", domain)
			}
		}
		c.Issuers = append(c.Issuers, domain)
	}
	if c.Domain == local {
		c.Domain = ""
	}
	return nil
}

// checkIssuer returns an error if the API would not start with the issuer domain.
func checkIssuer(domain string) error {
	if !strings.Contains(domain, "://") {
		if host, _, err := net.SplitHostPort(domain); err == nil && localnet.IsLoopback(host) {
			return fmt.Errorf("it has no scheme; write it as http://%s", domain)
		}
		domain = "https://" + domain
	}
	u, err := url.Parse(domain)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("it is not a domain or URL; write it like https://id.acme.com/realms/acme")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("it must not contain a user name, a query or a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !localnet.IsLoopback(u.Hostname())):
		return errors.New("write it with https; plain http is for localhost only")
	case strings.Contains(u.Path, "/.well-known/"):
		return errors.New("it is the URL of a discovery document; leave out what begins with /.well-known/")
	}
	return nil
}

// issuerKey returns domain in one spelling, to compare it with others.
func issuerKey(domain string) string {
	if !strings.Contains(domain, "://") {
		domain = "https://" + domain
	}
	if u, err := url.Parse(domain); err == nil {
		domain = strings.ToLower(u.Scheme+"://"+u.Host) + u.EscapedPath()
	}
	return strings.TrimSuffix(domain, "/")
}
