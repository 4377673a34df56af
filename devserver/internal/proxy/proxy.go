// Package proxy passes requests on to the upstreams that proxy.conf.json names,
// changing as little of them as a proxy may.
package proxy

import (
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// Proxy serves one set of rules. To change the rules make another Proxy with
// the same Transports; requests in flight finish on the one they began with.
type Proxy struct {
	rules  proxyconf.Rules
	routes []*route // by the rule's index
	log    *slog.Logger
}

// route is a rule with what its requests have in common.
type route struct {
	rule       *proxyconf.Rule
	roundTrip  http.RoundTripper // for requests
	handshake  http.RoundTripper // for WebSocket handshakes
	transports *Transports
	log        *slog.Logger
	brokenOff  *log.Logger // of answers that the upstream doesn't end
	hinted     atomic.Bool
}

// New returns a Proxy for rules, which it doesn't change.
func New(rules proxyconf.Rules, transports *Transports, logger *slog.Logger) *Proxy {
	p := &Proxy{rules: rules, log: logger}
	for i := range rules {
		rule := &rules[i]
		p.routes = append(p.routes, &route{
			rule:       rule,
			roundTrip:  transports.forRequests(rule),
			handshake:  transports.forHandshakes(rule),
			transports: transports,
			log:        logger,
			brokenOff:  log.New(brokenOff{rule, logger}, "", 0),
		})
	}
	return p
}

// brokenOff logs what ReverseProxy has to say once an answer has begun.
type brokenOff struct {
	rule *proxyconf.Rule
	log  *slog.Logger
}

// Write implements io.Writer for a line.
func (b brokenOff) Write(line []byte) (int, error) {
	cause := strings.TrimSpace(string(line))
	if _, after, ok := strings.Cut(cause, "body copy: "); ok {
		cause = after
	}
	if b.rule.LogLevel != proxyconf.LogNothing {
		b.log.Warn("the upstream broke off its answer", "rule", b.rule.Name, "cause", cause)
	}
	return len(line), nil
}

// Rules returns those that p goes by. They must not be changed.
func (p *Proxy) Rules() proxyconf.Rules { return p.rules }

// Handler returns what serves r, or nil if no rule is for it.
func (p *Proxy) Handler(r *http.Request) http.Handler {
	uri := requestURI(r)
	i, err := p.rules.Match(uri)
	switch {
	case err != nil:
		return p.routes[i].tooSlow(err)
	case i < 0:
		p.hint(r, uri)
		return nil
	}
	return p.routes[i]
}

// hint logs, once for each rule, that r looks meant for it.
func (p *Proxy) hint(r *http.Request, uri string) {
	i, why := p.rules.NearMiss(uri)
	if i < 0 || p.routes[i].hinted.Swap(true) {
		return
	}
	path, _, _ := strings.Cut(uri, "?")
	p.log.Warn(fmt.Sprintf("%s %.200s matches no proxy rule; was it meant for %s (%s)? %s",
		r.Method, path, p.rules[i].Name, p.rules[i].Place(), why))
}

// requestURI returns the path and query of r as they were sent. A request can
// also name the whole URL, or "*"; no rule is for the latter.
func requestURI(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") || r.RequestURI == "*" {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// ServeHTTP implements http.Handler.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &exchange{ResponseWriter: w, route: rt, in: r}
	if rt.rule.LogLevel == proxyconf.LogRequests {
		defer e.logRequest()()
	}
	uri := requestURI(r)
	upgrade := upgradeOf(r)
	e.websocket = strings.EqualFold(upgrade, "websocket")
	e.target = rt.rule.For(r.Host, uri)
	busy, done := rt.transports.enter()
	defer done()
	switch {
	case e.target == nil:
		e.answer(e.noTarget())
		return
	case e.websocket && !rt.rule.WS:
		e.answer(e.handshakeRefused())
		return
	case rt.transports.passed(r):
		e.answer(e.loop())
		return
	}
	var err error
	if e.uri, err = rt.rule.RequestURI(e.target, uri); err != nil {
		e.answer(e.tooSlow(err))
		return
	}
	e.marked = busy > suspicious
	e.serve()
}

// upgradeOf returns the protocol that r asks to change to, or "".
func upgradeOf(r *http.Request) string {
	for _, value := range r.Header["Connection"] {
		for token := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				return r.Header.Get("Upgrade")
			}
		}
	}
	return ""
}
