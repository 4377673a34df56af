package jwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"calling-an-api.example/api/gate/internal/issuer"
)

// This file finds where an issuer publishes its keys, and how it spells its name.

// location is what a discovery document says (OpenID Connect Discovery §3, RFC 8414 §2).
type location struct {
	uri    string // of the keys
	issuer string // exact value of iss
}

// guess is where an issuer without a discovery document may have its keys: Auth0's path.
func (s *Set) guess() location {
	return location{strings.TrimSuffix(s.opts.Issuer, "/") + "/.well-known/jwks.json", s.opts.Issuer}
}

// discover requests the issuer's discovery document: openid-configuration, or
// oauth-authorization-server if the issuer has none. The location is empty, without an
// error, if the issuer has neither.
func (s *Set) discover(ctx context.Context) (location, error) {
	for _, from := range discoveryURLs(s.opts.Issuer) {
		doc, err := s.download(ctx, from, "")
		if status, ok := errors.AsType[*statusError](err); ok && status.code == http.StatusNotFound {
			continue
		}
		if err != nil {
			return location{}, err
		}
		return parseDiscovery(doc, s.opts.Issuer)
	}
	return location{}, nil
}

// discoveryURLs returns the URLs at which a document of the issuer name may be: after its path
// (OpenID Connect Discovery §4), or before it (RFC 8414 §3.1).
func discoveryURLs(name string) []string {
	urls := []string{strings.TrimSuffix(name, "/") + "/.well-known/openid-configuration"}
	if u, err := url.Parse(name); err == nil {
		urls = append(urls, u.Scheme+"://"+u.Host+"/.well-known/oauth-authorization-server"+strings.TrimSuffix(u.EscapedPath(), "/"))
	}
	return urls
}

// parseDiscovery reads a discovery document. It returns an error unless it is one of
// the configured issuer, and its keys come over https or from the issuer's own origin.
func parseDiscovery(doc document, configured string) (location, error) {
	var conf members
	err := json.Unmarshal(doc.body, &conf)
	name, errName := conf.text("issuer")
	uri, errURI := conf.text("jwks_uri")
	switch {
	case err != nil, errName != nil, errURI != nil, uri == "":
		return location{}, fmt.Errorf("GET %s: the response is not a discovery document", doc.url)
	case issuer.Canonical(name) != issuer.Canonical(configured):
		return location{}, fmt.Errorf("GET %s: the discovery document is of the issuer %.200q, not %q", doc.url, name, configured)
	case !trusted(uri, configured):
		return location{}, fmt.Errorf("GET %s: the discovery document's jwks_uri %.200q is neither https nor of the issuer's origin", doc.url, uri)
	}
	return location{uri, name}, nil
}

// trusted reports whether keys may come from uri: over https, or from the origin of the
// issuer.
func trusted(uri, configured string) bool {
	u, err := url.Parse(uri)
	own, errOwn := url.Parse(configured)
	return err == nil && errOwn == nil && u.Host != "" && u.User == nil &&
		(u.Scheme == "https" || issuer.Origin(u) == issuer.Origin(own))
}
