package server

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// status is what a page asks for at /@dev/status.json: what works together here,
// so that it can say where to look when something doesn't.
type status struct {
	Tenant   tenantStatus `json:"tenant"`
	Rules    []ruleStatus `json:"rules"`              // of the proxy, in their order
	External string       `json:"external,omitempty"` // where /api/external is passed on to
}

type tenantStatus struct {
	URL   string `json:"url"`
	Local bool   `json:"local"` // it is the one inside the dev server
}

type ruleStatus struct {
	Context string   `json:"context"`
	Targets []string `json:"targets"` // without passwords
	Place   string   `json:"place"`   // file:line of the rule
}

func (s *site) serveStatus(w http.ResponseWriter, _ *http.Request) {
	now := status{Tenant: tenantStatus{URL: s.cfg.Domain, Local: s.tenant != nil}, Rules: []ruleStatus{}}
	rules := s.proxy.Load().Rules()
	const external = "/api/external"
	if i, err := rules.Match(external); err == nil && i >= 0 {
		if target := rules[i].For("", external); target != nil {
			if uri, err := rules[i].RequestURI(target, external); err == nil {
				now.External = target.Scheme + "://" + target.Host + uri
			}
		}
	}
	for _, rule := range rules {
		one := ruleStatus{Context: rule.Name, Targets: []string{}, Place: rule.Place()}
		for _, target := range rule.Targets() {
			bare := url.URL{Scheme: target.Scheme, Host: target.Host, Path: target.Path}
			one.Targets = append(one.Targets, bare.String())
		}
		now.Rules = append(now.Rules, one)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(now) // fails only if the browser is gone
}
