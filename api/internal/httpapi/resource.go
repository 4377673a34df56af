package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// wellKnown is where a protected resource describes itself (RFC 9728 §3).
const wellKnown = "/.well-known/oauth-protected-resource"

// Resource is this API as clients know it. It comes from the configuration alone:
// a description made from a request's Host would be whatever its sender wants.
type Resource struct {
	Issuer     string // authorization server whose tokens it takes
	Identifier string // URL of the API, "" if it has none that is a URL
}

// MetadataPath is the path at which the API describes itself: the well-known one,
// with the identifier's path after it (RFC 9728 §3.1).
func (r Resource) MetadataPath() string {
	u, err := url.Parse(r.Identifier)
	if err != nil {
		return wellKnown
	}
	return wellKnown + strings.TrimSuffix(u.EscapedPath(), "/")
}

// MetadataURL is the URL at which the API describes itself, "" if it isn't known.
func (r Resource) MetadataURL() string {
	u, err := url.Parse(r.Identifier)
	if err != nil || r.Identifier == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + r.MetadataPath()
}

// metadata answers with the description (RFC 9728 §2).
func (r Resource) metadata() http.Handler {
	body, err := json.Marshal(struct {
		Resource string   `json:"resource,omitempty"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
		Methods  []string `json:"bearer_methods_supported"`
	}{r.Identifier, []string{r.Issuer}, []string{"read:messages"}, []string{"header"}})
	if err != nil {
		panic(err) // strings alone can't fail
	}
	body = append(body, '\n')
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = jsonType
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(body) // fails only if the client is gone
	})
}
