// Package proxy forwards requests to the upstreams that proxy.conf.json names. It is
// transparent by default: paths, queries, header values and bodies that no rule changes
// arrive byte for byte.
//
// A request goes through the files in this order: proxy.go finds the rule, plan.go
// decides what is requested from which upstream, exchange.go forwards the request with
// rewrite.go, send.go, transports.go and dial.go, and returns the response with response.go and
// writer.go. problem.go and explain.go answer if there is none. upload.go, idle.go,
// redirect.go, headercase.go, bound.go and environment.go each serve one option or special
// case.
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

// Proxy forwards requests by one set of rules. To change the rules, make another Proxy
// with the same Transports; requests in flight finish with the rules they began with. Its
// methods may be called from any goroutine.
type Proxy struct {
	rules  proxyconf.Rules
	routes []*route // one for each rule
	log    *slog.Logger
}

// Options configure a Proxy.
type Options struct {
	API string // "host:port" of the project's API, whose problems say how to start it; "" if there is none
	Log *slog.Logger
	// Observe returns who is told about a request, nil if nobody is. It may be nil.
	Observe func(r *http.Request) Observer
}

// Observer is told what the proxy does with one request, in the request's goroutine.
type Observer interface {
	Forwarding(Forwarding)
	Link() string // path of a page about the request, for the page of a problem; "" for none
}

// Forwarding is what a rule does with a request.
type Forwarding struct {
	Rule, Place string // the rule's context, and file:line:column
	URL         string // that is requested, with its query; "" if nothing is
	Problem     string // code of the proxy's own answer; "" while there is none
}

// New returns a Proxy for rules, which must not be modified afterwards.
func New(rules proxyconf.Rules, transports *Transports, opts Options) *Proxy {
	p := &Proxy{rules: rules, log: opts.Log}
	for i := range rules {
		p.routes = append(p.routes, newRoute(&rules[i], transports, opts))
	}
	return p
}

// Rules returns the rules of p, which must not be modified.
func (p *Proxy) Rules() proxyconf.Rules { return p.rules }

// Handler returns the handler for r, or nil if no rule matches. If the regular expression
// of a rule takes too long, the handler answers 500. If a rule nearly matches, it logs
// that, once for each rule.
func (p *Proxy) Handler(r *http.Request) http.Handler {
	uri := requestURI(r)
	i, err := p.rules.Match(uri)
	switch {
	case err != nil:
		return p.routes[i].reject(tooSlow(p.routes[i].rule, err))
	case i < 0:
		p.hint(r, uri)
		return nil
	}
	return p.routes[i]
}

// hint logs, once for each rule, that r was probably meant for it.
func (p *Proxy) hint(r *http.Request, uri string) {
	i, why := p.rules.NearMiss(uri)
	if i < 0 || p.routes[i].hinted.Swap(true) {
		return
	}
	path, _, _ := strings.Cut(uri, "?")
	p.log.Warn(fmt.Sprintf("%s %.200s matches no proxy rule; was it meant for %s (%s)? %s",
		r.Method, path, p.rules[i].Name, p.rules[i].Place(), why))
}

// route is a rule with the state that its requests share.
type route struct {
	rule       *proxyconf.Rule
	requests   http.RoundTripper
	handshakes http.RoundTripper // for WebSockets
	transports *Transports
	api        string // see Options
	log        *slog.Logger
	observe    func(*http.Request) Observer
	errorLog   *log.Logger // of ReverseProxy: responses that the upstream does not complete
	hinted     atomic.Bool // Proxy.hint has logged about this rule
}

// newRoute returns the route of rule. It shares connections with the routes of equal
// options.
func newRoute(rule *proxyconf.Rule, transports *Transports, opts Options) *route {
	return &route{
		rule: rule, transports: transports, api: opts.API, log: opts.Log, observe: opts.Observe, errorLog: log.New(truncations{rule, opts.Log}, "", 0),
		requests: transports.forRequests(rule), handshakes: transports.forHandshakes(rule),
	}
}

// ServeHTTP forwards r.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	inFlight := rt.transports.inFlight.Add(1)
	defer rt.transports.inFlight.Add(-1)
	p, rejected := newPlan(rt.rule, r)
	if rejected == nil && rt.transports.isLoop(r) {
		rejected = loop(rt.rule, p)
	}
	x := rt.exchange(w, r, p)
	if rt.rule.LogLevel == proxyconf.LogRequests {
		defer x.logRequest()()
	}
	if rejected != nil {
		x.answer(rejected)
		return
	}
	x.forward(inFlight > loopThreshold) //nolint:contextcheck // x.in has it
}

// reject returns a handler that answers every request with p.
func (rt *route) reject(p *problem) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rt.exchange(w, r, plan{}).answer(p)
	})
}
