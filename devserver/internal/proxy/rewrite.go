package proxy

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// rewrite turns out, ReverseProxy's copy of the request, into the request for the
// upstream. ReverseProxy removes headers that are unsafe between parties that do not trust
// each other; here both ends belong to one developer, so they are restored. If marked, the
// request carries the CDN-Loop mark.
func (x *exchange) rewrite(out *http.Request, marked bool) {
	rule := x.rule
	out.URL = x.plan.url()
	out.RequestURI = ""
	out.Host = x.in.Host
	if isForwardProxied := makeAbsolute(out); isForwardProxied || rule.ChangeOrigin {
		out.Host = "" // the target's
	}
	out.Trailer = x.in.Trailer
	for _, name := range restored {
		if values, ok := x.in.Header[name]; ok {
			out.Header[name] = values
		}
	}
	if rule.XFwd {
		setForwarded(out.Header, x.in, x.plan.websocket)
	}
	if rule.Auth != "" && out.Header["Authorization"] == nil {
		out.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(rule.Auth)))
	}
	for _, header := range rule.Headers {
		switch {
		case header.Name == "Host" && len(header.Values) > 0:
			if !rule.ChangeOrigin {
				out.Host = header.Values[0]
			}
		case header.Name == "Connection" && x.plan.websocket: // must stay Upgrade
		default:
			out.Header[header.Name] = header.Values
		}
	}
	if marked {
		x.transports.mark(out)
	}
	if !x.plan.websocket { // upgrades to other protocols are not forwarded (RFC 9110 §7.8)
		delete(out.Header, "Upgrade")
		if strings.EqualFold(out.Header.Get("Connection"), "upgrade") {
			delete(out.Header, "Connection")
		}
	}
}

// restored are header fields that always reach the upstream. ReverseProxy removes the
// credentials if Connection names them, and the forwarding fields in any case.
var restored = []string{
	"Authorization", "Cookie", "Dpop",
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto",
}

// setForwarded adds the X-Forwarded headers of the option xfwd.
func setForwarded(header http.Header, in *http.Request, websocket bool) {
	scheme, port := "http", "80"
	if in.TLS != nil {
		scheme, port = "https", "443"
	}
	if u, err := url.Parse("//" + in.Host); err == nil && u.Port() != "" {
		port = u.Port()
	}
	if websocket {
		scheme = strings.Replace(scheme, "http", "ws", 1)
	}
	if ip, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
		header.Set("X-Forwarded-For", appendToList(header["X-Forwarded-For"], ip))
	}
	header.Set("X-Forwarded-Port", appendToList(header["X-Forwarded-Port"], port))
	header.Set("X-Forwarded-Proto", appendToList(header["X-Forwarded-Proto"], scheme))
	if header["X-Forwarded-Host"] == nil {
		header.Set("X-Forwarded-Host", in.Host)
	}
}

// appendToList returns values and another as one comma-separated list.
func appendToList(values []string, another string) string {
	return strings.Join(append(slices.Clip(values), another), ",")
}
