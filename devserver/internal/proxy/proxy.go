// Package proxy passes requests on to the upstreams that proxy.conf.json names,
// changing as little of them as a proxy may.
package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// Proxy serves one set of rules. To change the rules make another Proxy with
// the same Transports; requests in flight finish on the one they began with.
type Proxy struct {
	rules    proxyconf.Rules
	handlers map[string]http.Handler // by a rule's context
}

// New returns a Proxy for rules, which it doesn't change.
func New(rules proxyconf.Rules, transports *Transports, log *slog.Logger) *Proxy {
	p := &Proxy{rules: rules, handlers: make(map[string]http.Handler, len(rules))}
	for i := range rules {
		p.handlers[rules[i].Context] = handler(&rules[i], transports, log)
	}
	return p
}

// Handler returns what serves requests for path, or nil if no rule is for it.
func (p *Proxy) Handler(path string) http.Handler {
	rule := p.rules.Match(path)
	if rule == nil {
		return nil
	}
	return p.handlers[rule.Context]
}

// handler returns the reverse proxy for one rule.
func handler(rule *proxyconf.Rule, transports *Transports, log *slog.Logger) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite:    func(pr *httputil.ProxyRequest) { rewrite(rule, pr) },
		Transport:  transports.forRule(rule),
		BufferPool: buffers,
		ErrorLog:   slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
				return // the browser went away: nobody is there to be told, and nothing is wrong
			}
			answerFault(w, r, rule, err, log)
		},
	}
	if rule.WS {
		return proxy
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isUpgrade(r) {
			answerUpgradeRefused(w, rule)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// rewrite makes the outgoing request. What ReverseProxy would drop or change for
// safety's sake between strangers is restored: the two ends here are one
// developer's browser and API, and what arrives must be what was sent.
func rewrite(rule *proxyconf.Rule, pr *httputil.ProxyRequest) {
	pr.SetURL(rule.Target)
	if !rule.ChangeOrigin {
		pr.Out.Host = pr.In.Host
	}
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery // also what url.ParseQuery wouldn't take
	pr.Out.Trailer = pr.In.Trailer
	for _, name := range []string{
		"Authorization", // "Connection: Authorization" must not strip the credential
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
	} {
		if values, ok := pr.In.Header[name]; ok {
			pr.Out.Header[name] = values
		}
	}
}

func isUpgrade(r *http.Request) bool {
	for _, value := range r.Header.Values("Connection") {
		for token := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				return true
			}
		}
	}
	return false
}
