package site

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// status is the body of /@dev/status.json: the parts that work together here. The home
// page shows it, and the runner checks addresses with it.
type status struct {
	Tenant   tenantStatus `json:"tenant"`
	Rules    []ruleStatus `json:"rules"`              // of the proxy, in their order
	External string       `json:"external,omitempty"` // URL that /api/external is forwarded to, without its query
}

// tenantStatus is the tenant that the page uses.
type tenantStatus struct {
	URL   string `json:"url"`
	Local bool   `json:"local"` // it is inside the dev server
}

// ruleStatus is a proxy rule, without its options.
type ruleStatus struct {
	Context string   `json:"context"`
	Targets []string `json:"targets"` // without passwords
	Place   string   `json:"place"`   // file:line:column
}

// serveStatus responds with the parts that work together, for the page and the runner.
func (s *Site) serveStatus(w http.ResponseWriter, _ *http.Request) {
	now := status{Tenant: tenantStatus{URL: s.Config.Domain, Local: s.LocalTenant}, Rules: []ruleStatus{}}
	rules := s.proxy.Load().Rules()
	const external = "/api/external"
	if i, err := rules.Match(external); err == nil && i >= 0 {
		if target := rules[i].For("", external); target != nil {
			if uri, err := rules[i].RequestURI(target, external); err == nil {
				path, _, _ := strings.Cut(uri, "?") // a target's query may hold a key
				now.External = target.Scheme + "://" + target.Host + path
			}
		}
	}
	for i := range rules {
		one := ruleStatus{Context: rules[i].Name, Targets: []string{}, Place: rules[i].Place()}
		for _, target := range rules[i].Targets() {
			bare := url.URL{Scheme: target.Scheme, Host: target.Host, Path: target.Path}
			one.Targets = append(one.Targets, bare.String())
		}
		now.Rules = append(now.Rules, one)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(now) // fails only if the browser is gone
}
