// Package proxyconf reads proxy.conf.json and finds the rule for a request.
//
// The file's dialect is http-proxy-middleware's, which `ng serve`, webpack's dev
// server and, for the most part, Vite share: rules in an order that has meaning,
// whose contexts are path prefixes, globs or regular expressions, in JSON with
// comments and trailing commas. docs/proxy.md is its reference. What this package
// doesn't know it refuses, with the place in the file: an option that is silently
// ignored costs an afternoon.
package proxyconf

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Rule says which requests go to an upstream, and what is changed of them and of
// their answers.
type Rule struct {
	Name string // the contexts, as they are in the file

	Target *url.URL // upstream: scheme http or https, host and path; nil if Router has them all
	Router []Route  // other targets for some requests; the first that fits counts

	PathRewrite []Rewrite // the first whose pattern fits counts
	PrependPath bool      // put the target's path before the request's (default true)
	IgnorePath  bool      // ask for the target's path alone

	ChangeOrigin bool     // send the target's Host instead of the browser's
	Headers      []Header // set on the request, in place of what it has
	Auth         string   // "user:password" for a request without credentials
	XFwd         bool     // tell the upstream of the browser's request in X-Forwarded-*

	Secure       bool   // verify an https target's certificate (default true)
	WS           bool   // let WebSocket handshakes through
	LocalAddress string // IP address to connect from

	Timeout         time.Duration // without a byte from or to the browser; 0 is none
	ProxyTimeout    time.Duration // without a byte from or to the upstream; 0 is none
	FollowRedirects bool          // follow the upstream's redirects here, not in the browser

	HostRewrite         string  // host of redirects to the target
	AutoRewrite         bool    // make that the host that the browser asked
	ProtocolRewrite     string  // scheme of redirects to the target, "http" or "https"
	CookieDomainRewrite Cookies // domains of cookies
	CookiePathRewrite   Cookies // paths of cookies

	PreserveHeaderKeyCase bool // write header names as the upstream does

	LogLevel LogLevel // what is logged of the rule's requests

	contexts contexts
	place    Fault             // without a problem
	said     map[string]string // the rule's options as JSON, to tell what an edit changes
}

// Rewrite is a regular expression of a request's path and query, and what takes
// the place of its first match.
type Rewrite struct {
	pattern     *regex
	replacement string
}

// Header is a header field to set.
type Header struct {
	Name   string // in its canonical form
	Values []string
}

// Cookies say what becomes of an attribute of cookies, by its value; "*" is any
// other, and "" removes the attribute.
type Cookies map[string]string

// Route is a target for the requests that carry a Host, or have a path that
// begins with Path, or both.
type Route struct {
	Host, Path string
	Target     *url.URL
}

// LogLevel says what is logged of a rule's requests.
type LogLevel int

// The levels: faults are logged, each request is logged, nothing is.
const (
	LogFaults LogLevel = iota
	LogRequests
	LogNothing
)

// Rules are the file's rules in its order.
type Rules []Rule

// Match returns the index of the first rule for uri, a request's path and query
// as they were sent, or -1 if there is none. The error is *SlowError.
func (rules Rules) Match(uri string) (int, error) {
	path, _, _ := strings.Cut(uri, "?")
	for i := range rules {
		matches, err := rules[i].contexts.match(path, uri)
		if err != nil {
			return i, err
		}
		if matches {
			return i, nil
		}
	}
	return -1, nil
}

// For returns the target for a request of uri that carries host, or nil.
func (r *Rule) For(host, uri string) *url.URL {
	for _, route := range r.Router {
		if (route.Host == "" || route.Host == host) && strings.HasPrefix(uri, route.Path) {
			return route.Target
		}
	}
	return r.Target
}

// Targets returns all targets that the rule can lead to.
func (r *Rule) Targets() []*url.URL {
	var targets []*url.URL
	if r.Target != nil {
		targets = append(targets, r.Target)
	}
	for _, route := range r.Router {
		targets = append(targets, route.Target)
	}
	return targets
}

// RequestURI returns what to ask of target for uri: rewritten, and joined to the
// target's path. The error is *SlowError.
func (r *Rule) RequestURI(target *url.URL, uri string) (string, error) {
	if r.IgnorePath {
		if !r.PrependPath || target.RequestURI() == "" {
			return "/", nil
		}
		return target.RequestURI(), nil
	}
	for _, rewrite := range r.PathRewrite {
		rewritten, matches, err := rewrite.pattern.replaceFirst(uri, rewrite.replacement)
		if err != nil {
			return "", err
		}
		if matches {
			uri = escape(rewritten)
			break
		}
	}
	base := ""
	if r.PrependPath {
		base = target.EscapedPath()
	}
	switch {
	case base != "" && (uri == "" || uri[0] == '?'): // nothing is left of the request's path
		return base + uri, nil
	case base == "" && uri != "" && uri[0] == '/':
		return uri, nil
	}
	return strings.TrimSuffix(base, "/") + "/" + strings.TrimPrefix(uri, "/"), nil
}

// escape makes what a rewrite wrote fit for a request line.
func escape(uri string) string {
	const hex = "0123456789ABCDEF"
	clean := func(c byte) bool { return c > ' ' && c < 0x7f }
	for i := range len(uri) {
		if clean(uri[i]) {
			continue
		}
		var b strings.Builder
		for i := range len(uri) {
			if c := uri[i]; clean(c) {
				b.WriteByte(c)
			} else {
				b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
			}
		}
		return b.String()
	}
	return uri
}

// Place returns where the rule is: file:line:column.
func (r *Rule) Place() string {
	return fmt.Sprintf("%s:%d:%d", r.place.File, r.place.Line, r.place.Column)
}

// Fault returns problem as a fault of the rule.
func (r *Rule) Fault(problem string) Fault {
	fault := r.place
	fault.Problem = problem
	return fault
}
