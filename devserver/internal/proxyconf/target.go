package proxyconf

import (
	"fmt"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
)

// target parses a target of r: a URL, or an object of its parts. A ws: target turns on
// WebSockets. It returns nil and reports a problem if the target is invalid.
func (p *parser) target(r *Rule, v hujson.Value) *url.URL {
	value, ok := stringValue(v)
	if o, isObject := v.Value.(*hujson.Object); isObject {
		value, ok = p.targetParts(o)
		if !ok {
			return nil
		}
	}
	if !ok {
		p.fail(v, `the target must be a URL in quotes, like "http://localhost:3001"`)
		return nil
	}
	u, err := url.Parse(value)
	switch {
	case err == nil && u.User != nil:
		p.fail(v, `the target must not contain a password; use "auth": "user:password"`)
		return nil
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		p.fail(v, "the target %q is not a URL like \"http://localhost:3001\"", value)
		return nil
	case u.Fragment != "":
		p.fail(v, "the target has a fragment (#…), which is never sent")
		return nil
	}
	if port, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || port < 1 || port > 65535) {
		p.fail(v, "the target's port must be between 1 and 65535")
		return nil
	}
	switch u.Scheme {
	case "http", "https":
	case "ws", "wss":
		u.Scheme = map[string]string{"ws": "http", "wss": "https"}[u.Scheme]
		r.WS, r.options["ws"] = true, "true"
	default:
		p.fail(v, "the target's scheme must be http or https (or ws or wss), not %q", u.Scheme)
		return nil
	}
	if u.Path == "/" {
		u.Path = ""
	}
	return u
}

// targetParts parses a target like {"protocol": "http:", "host": "localhost", "port":
// 3001}.
func (p *parser) targetParts(o *hujson.Object) (string, bool) {
	protocol, host, port, path, good := "http", "", "", "", true
	for _, member := range p.members(o) {
		value, ok := stringValue(member.Value)
		if lit, isLiteral := member.Value.Value.(hujson.Literal); isLiteral && lit.Kind() == '0' {
			value, ok = lit.String(), true
		}
		if !ok {
			p.fail(member.Value, "this must be text or a number")
			good = false
		}
		switch name := text(member.Name); name {
		case "protocol":
			protocol = strings.TrimSuffix(strings.TrimSuffix(value, "//"), ":")
		case "host", "hostname":
			host = value
		case "port":
			port = ":" + value
		case "path", "pathname":
			path = value
		default:
			p.fail(member.Name, "a target has protocol, host, port and path, not %q; or write it as a URL, like \"http://localhost:3001\"", name)
			good = false
		}
	}
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") && port != "" {
		host = "[" + host + "]"
	}
	return protocol + "://" + host + port + path, good
}

// router parses {"host": target, "host/path": target, "/path": target}.
func (p *parser) router(r *Rule, v hujson.Value) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		p.fail(v, `this must be an object of hosts or paths and their targets, like {"localhost:4200/v2": "http://localhost:3002"}`)
		return
	}
	for _, member := range p.members(o) {
		key := text(member.Name)
		if key == "" {
			p.fail(member.Name, "a host, a path, or both are missing here")
			continue
		}
		host, path := key, ""
		if i := strings.IndexByte(key, '/'); i >= 0 {
			host, path = key[:i], key[i:]
		}
		r.Router = append(r.Router, Route{host, path, p.target(r, member.Value)})
	}
}

// headers parses names and values of header fields.
func (p *parser) headers(r *Rule, v hujson.Value) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		p.fail(v, `this must be an object of header names and values, like {"X-Debug": "1"}`)
		return
	}
	for _, member := range p.members(o) {
		name := textproto.CanonicalMIMEHeaderKey(text(member.Name))
		switch {
		case !isToken(name):
			p.fail(member.Name, "%q is not a valid header name", name)
			continue
		case name == "Content-Length" || name == "Transfer-Encoding" || name == "Trailer" || name == "Upgrade":
			p.fail(member.Name, "the dev server sets %s itself; remove it", name)
			continue
		}
		list := []hujson.Value{member.Value}
		if a, ok := member.Value.Value.(*hujson.Array); ok {
			list = a.Elements
		}
		header := Header{Name: name}
		for _, element := range list {
			value, err := headerValue(element)
			if err != nil {
				p.fail(element, "%v", err)
			}
			header.Values = append(header.Values, value)
		}
		r.Headers = append(r.Headers, header)
	}
}

// headerValue returns a value for the option headers: text, a number or a boolean, as
// JavaScript writes it.
func headerValue(v hujson.Value) (string, error) {
	lit, ok := v.Value.(hujson.Literal)
	if !ok || lit.Kind() == 'n' {
		return "", fmt.Errorf("a header's value must be text, a number, true or false")
	}
	value := lit.String() // text without its quotes, anything else as it is written
	if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return "", fmt.Errorf("a header's value must be one line without control characters")
	}
	return value, nil
}

// isToken reports whether s is a valid field name (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (c < '0' || '9' < c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// hostRewrite reads a host, with or without a port.
func (p *parser) hostRewrite(r *Rule, v hujson.Value) {
	value, ok := stringValue(v)
	if u, err := url.Parse("//" + value); !ok || err != nil || u.Host != value || value == "" {
		p.fail(v, `this must be a host, like "localhost:4200"`)
		return
	}
	r.HostRewrite = value
}

// protocolRewrite reads "http" or "https".
func (p *parser) protocolRewrite(r *Rule, v hujson.Value) {
	value, _ := stringValue(v)
	r.ProtocolRewrite = strings.TrimSuffix(value, ":")
	if r.ProtocolRewrite != "http" && r.ProtocolRewrite != "https" {
		p.fail(v, `this must be "http" or "https"`)
	}
}
