// Package proxyconf parses proxy.conf.json and finds the rule for a request.
//
// The file's dialect is that of http-proxy-middleware, which `ng serve`, webpack's dev
// server and, for the most part, Vite share: an ordered list of rules whose contexts
// are path prefixes, globs or regular expressions, in JSON with comments and trailing
// commas. docs/proxy.md is the reference. What other tools accept is accepted, with a
// warning that names the position: an option that is silently ignored is hard to find.
package proxyconf

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"calling-an-api.example/devserver/internal/source"
)

// Rule is which requests are forwarded to an upstream, and what is changed in them and
// in their responses. It must not be modified after [Parse].
type Rule struct {
	Name string // the contexts, as they are in the file

	Target *url.URL // upstream: scheme http or https, host and path; nil if only Router has targets
	Router []Route  // other targets for some requests; the first that matches is used

	PathRewrite []Rewrite // only the first that matches is applied
	PrependPath bool      // prepend the target's path to the request's (default true)
	IgnorePath  bool      // request the target's path, whatever the request's

	ChangeOrigin bool     // send the target's Host instead of the browser's
	Headers      []Header // set on the request, replacing its own
	Auth         string   // "user:password" for a request without credentials
	XFwd         bool     // add X-Forwarded-* headers

	Secure       bool   // verify an https target's certificate (default true)
	WS           bool   // forward WebSocket handshakes
	LocalAddress string // IP address to connect from

	Timeout         time.Duration // idle timeout of the browser's side; 0 is none
	ProxyTimeout    time.Duration // idle timeout of the upstream's side; 0 is none
	FollowRedirects bool          // follow redirects here instead of in the browser

	HostRewrite         string  // host of redirects to the target
	AutoRewrite         bool    // host of redirects is the request's Host
	ProtocolRewrite     string  // scheme of redirects to the target, "http" or "https"
	CookieDomainRewrite Cookies // domains of cookies
	CookiePathRewrite   Cookies // paths of cookies

	PreserveHeaderKeyCase bool // keep the case of the upstream's header names

	LogLevel LogLevel // what is logged of the rule's requests

	contexts contexts
	position source.Position   // where the rule starts
	options  map[string]string // the options as JSON, to show what an edit changes
}

// Rewrite replaces the first match of a regular expression in a request's path and
// query.
type Rewrite struct {
	pattern     *regex
	replacement string
}

// Header is a header field to set.
type Header struct {
	Name   string // in its canonical form
	Values []string
}

// Cookies are new values for an attribute of cookies by the old value; "*" is any
// other, and the new value "" removes the attribute.
type Cookies map[string]string

// Route is a target for requests with the Host header Host, a path that starts with
// Path, or both; an empty field matches everything.
type Route struct {
	Host, Path string
	Target     *url.URL
}

// LogLevel is what is logged about a rule's requests.
type LogLevel int

// The levels: log problems, log each request as well, log nothing.
const (
	LogProblems LogLevel = iota
	LogRequests
	LogNothing
)

// Rules are the file's rules in its order.
type Rules []Rule

// Match returns the index of the first rule that matches uri, a request's path and
// query as they were sent, or -1 if none does. The error is a *[SlowError], about the
// rule with that index.
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

// For returns the target for a request of uri with the Host header host, or nil.
func (r *Rule) For(host, uri string) *url.URL {
	for _, route := range r.Router {
		if (route.Host == "" || route.Host == host) && strings.HasPrefix(uri, route.Path) {
			return route.Target
		}
	}
	return r.Target
}

// Targets returns all targets of the rule.
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

// ChangesPath reports whether requests may reach a target with another path than the page has
// requested.
func (r *Rule) ChangesPath() bool {
	return len(r.PathRewrite) > 0 || r.IgnorePath || r.PrependPath &&
		slices.ContainsFunc(r.Targets(), func(target *url.URL) bool { return strings.Trim(target.Path, "/") != "" })
}

// RequestURI returns the path and query to request from target for uri: rewritten,
// and joined to the target's path. The error is a *[SlowError].
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
		if target.RawQuery != "" {
			base += "?" + target.RawQuery
		}
	}
	switch {
	case base != "" && (uri == "" || uri[0] == '?'): // the rewrite has removed the path
		return base + uri, nil
	case base == "" && uri != "" && uri[0] == '/':
		return uri, nil
	}
	return strings.TrimSuffix(base, "/") + "/" + strings.TrimPrefix(uri, "/"), nil
}

// escape percent-encodes what may not be in a request line.
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
func (r *Rule) Place() string { return r.position.String() }

// Problem returns a problem of the rule as a whole.
func (r *Rule) Problem(message string) source.Problem {
	return source.Problem{Position: r.position, Message: message}
}
