package proxy

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// rewrite makes the outgoing request. What ReverseProxy would drop or change for
// safety's sake between strangers is restored: the two ends here are one
// developer's browser and API, and what arrives must be what was sent.
func (e *exchange) rewrite(pr *httputil.ProxyRequest) {
	out := pr.Out
	out.URL = e.url()
	out.RequestURI = ""
	if !e.rule.ChangeOrigin {
		out.Host = e.in.Host
	} else {
		out.Host = "" // the target's
	}
	out.Trailer = e.in.Trailer
	for _, name := range kept {
		if values, ok := e.in.Header[name]; ok {
			out.Header[name] = values
		}
	}
	if e.rule.XFwd {
		e.forwarded(out.Header)
	}
	if e.rule.Auth != "" && out.Header["Authorization"] == nil {
		out.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(e.rule.Auth)))
	}
	for _, header := range e.rule.Headers {
		switch {
		case header.Name == "Host" && len(header.Values) > 0:
			if !e.rule.ChangeOrigin {
				out.Host = header.Values[0]
			}
		case header.Name == "Connection" && e.websocket: // it must stay Upgrade
		default:
			out.Header[header.Name] = header.Values
		}
	}
	if e.marked {
		e.transports.mark(out)
	}
	if !e.websocket { // other protocols than WebSocket are not offered, as a server may (RFC 9110 §7.8)
		delete(out.Header, "Upgrade")
		if strings.EqualFold(out.Header.Get("Connection"), "upgrade") {
			delete(out.Header, "Connection")
		}
	}
}

// kept are header fields that reach the upstream even so: "Connection:
// Authorization" must not strip a credential, and where xfwd is off, what others
// before us say of the request is not ours to remove.
var kept = []string{
	"Authorization", "Cookie", "Dpop",
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto",
}

// url returns the URL to ask, whose path and query will be sent byte for byte.
func (e *exchange) url() *url.URL {
	path, query, hasQuery := strings.Cut(e.uri, "?")
	u := &url.URL{Scheme: e.target.Scheme, Host: e.target.Host, RawQuery: query, ForceQuery: hasQuery && query == ""}
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
	case strings.HasPrefix(path, "//"): // what Opaque would have for a host
		u.RawPath = escapeUnusual(path)
		if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
			u.Path = path
		}
	default:
		u.Opaque = path // some characters, like |, net/url would escape; browsers don't
	}
	return u
}

// escapeUnusual escapes the bytes of path that net/url takes for mistakes, and
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

// forwarded adds what xfwd asks for.
func (e *exchange) forwarded(header http.Header) {
	scheme, port := "http", "80"
	if e.in.TLS != nil {
		scheme, port = "https", "443"
	}
	if u, err := url.Parse("//" + e.in.Host); err == nil && u.Port() != "" {
		port = u.Port()
	}
	if e.websocket {
		scheme = strings.Replace(scheme, "http", "ws", 1)
	}
	if ip, _, err := net.SplitHostPort(e.in.RemoteAddr); err == nil {
		header.Set("X-Forwarded-For", appended(header["X-Forwarded-For"], ip))
	}
	header.Set("X-Forwarded-Port", appended(header["X-Forwarded-Port"], port))
	header.Set("X-Forwarded-Proto", appended(header["X-Forwarded-Proto"], scheme))
	if header["X-Forwarded-Host"] == nil {
		header.Set("X-Forwarded-Host", e.in.Host)
	}
}

// appended returns the list of values with another at its end.
func appended(values []string, another string) string {
	return strings.Join(append(values[:len(values):len(values)], another), ",")
}
