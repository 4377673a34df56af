package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"calling-an-api.example/devserver/internal/localnet"
	"calling-an-api.example/devserver/internal/proxyconf"
)

// plan says how a rule forwards a request: what is requested from which upstream. It is
// computed from the two, and never changes.
type plan struct {
	target    *url.URL // the upstream; nil if the rule has none for the request
	uri       string   // path and query to request
	websocket bool     // the request is a WebSocket handshake
}

// newPlan returns the plan for r, or why it cannot be forwarded.
func newPlan(rule *proxyconf.Rule, r *http.Request) (p plan, rejected *problem) {
	uri := requestURI(r)
	upgrade := upgradeOf(r)
	p = plan{target: rule.For(r.Host, uri), websocket: strings.EqualFold(upgrade, "websocket")}
	switch {
	case r.Method == http.MethodConnect:
		return p, connectRejected(rule, p)
	case p.target == nil:
		return p, noTarget(rule)
	case upgrade != "" && !localnet.SameOrigin(r): // browsers let any page open a WebSocket
		return p, foreignOrigin(rule, p)
	case p.websocket && !rule.WS:
		return p, websocketRejected(rule, p)
	}
	var err error
	if p.uri, err = rule.RequestURI(p.target, uri); err != nil {
		return p, tooSlow(rule, err)
	}
	return p, nil
}

// requestURI returns the path and query of r as they were sent. The request may also
// have an absolute URL, or "*", which no rule matches.
func requestURI(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") || r.RequestURI == "*" {
		return r.RequestURI
	}
	_, authority, ok := strings.Cut(r.RequestURI, "://")
	if i := strings.IndexAny(authority, "/?"); ok && i >= 0 {
		return "/" + strings.TrimPrefix(authority[i:], "/") // r.URL would encode some characters
	}
	return "/"
}

// upgradeOf returns the protocol that r asks to switch to (RFC 9110 §7.8), or "".
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

// url returns the URL to request. Its path and query are sent byte for byte, except
// that a path with two slashes at its start is escaped where net/url requires it.
func (p plan) url() *url.URL {
	path, query, hasQuery := strings.Cut(p.uri, "?")
	u := &url.URL{Scheme: p.target.Scheme, Host: p.target.Host, RawQuery: query, ForceQuery: hasQuery && query == ""}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		decoded = path
	}
	u.Path = decoded
	if u.EscapedPath() == path {
		return u
	}
	u.RawPath = path
	switch {
	case u.EscapedPath() == path:
	case strings.HasPrefix(path, "//"): // which Opaque would take for a host
		u.RawPath = escapeUnusual(path)
		if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
			u.Path = path
		}
	default:
		u.Opaque = path // net/url would encode some characters, like |, that browsers do not
	}
	return u
}

// escapeUnusual percent-encodes the bytes of path that net/url does not accept, and
// nothing else.
func escapeUnusual(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		usual := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._~!$&'()*+,;=:@[]/%", c) >= 0
		if usual {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
