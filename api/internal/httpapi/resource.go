package httpapi

import (
	"net/http"
	"net/url"
	"strings"
)

// wellKnown is the path of a protected resource's metadata (RFC 9728 §3).
const wellKnown = "/.well-known/oauth-protected-resource"

// Resource describes this API to clients. It comes from the configuration, never from
// a request's Host header, which the sender controls.
type Resource struct {
	Identifier string // URL of the API, "" if it has none that is a URL
}

// MetadataPath is the path of the API's metadata: the well-known one, followed by the
// identifier's path (RFC 9728 §3.1).
func (r Resource) MetadataPath() string {
	u, err := url.Parse(r.Identifier)
	if err != nil {
		return wellKnown
	}
	return wellKnown + strings.TrimSuffix(u.EscapedPath(), "/")
}

// MetadataURL is the URL of the API's metadata, "" if the API has no URL.
func (r Resource) MetadataURL() string {
	u, err := url.Parse(r.Identifier)
	if err != nil || r.Identifier == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + r.MetadataPath()
}

// metadata serves the protected resource metadata of this API (RFC 9728 §2).
func (a *api) metadata(w http.ResponseWriter, _ *http.Request) error {
	var servers []string
	for _, issuer := range a.Issuers {
		servers = append(servers, issuer.Keys.Issuer())
	}
	var algorithms []string
	if a.DPoP != nil {
		algorithms = a.DPoP.Algorithms()
	}
	w.Header().Set("Cache-Control", "max-age=3600")
	writeJSON(w, http.StatusOK, struct {
		Resource string   `json:"resource,omitempty"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
		Methods  []string `json:"bearer_methods_supported"`
		Proofs   []string `json:"dpop_signing_alg_values_supported,omitempty"`
		Bound    bool     `json:"dpop_bound_access_tokens_required,omitempty"`
	}{a.Resource.Identifier, servers, a.scopes(), []string{"header"}, algorithms, a.RequireDPoP})
	return nil
}
