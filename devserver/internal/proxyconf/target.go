package proxyconf

import (
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
)

// noScheme matches targets like localhost:3001 and //localhost.
var noScheme = regexp.MustCompile(`^(?://[^/]|(?:localhost|[A-Za-z0-9.-]+:[0-9]+|\[[0-9A-Fa-f:.]+\]:[0-9]+)(?:[/?]|$))`)

// target parses a target of r: a URL, or an object of its parts. A ws: target turns on
// WebSockets. It returns nil and reports a problem if the target is invalid.
func (p *parser) target(r *Rule, v hujson.Value) *url.URL {
	value, ok := stringValue(v)
	o, isObject := v.Value.(*hujson.Object)
	if isObject {
		if value, ok = p.targetParts(v, o); !ok {
			return nil
		}
		p.warn(v, "this is taken as %q; a URL in quotes is shorter", withoutSecrets(value))
	}
	if !ok {
		p.fail(v, `the target must be a URL in quotes, like "http://localhost:3001"`)
		return nil
	}
	if plain := strings.ReplaceAll(strings.TrimSpace(value), `\`, "/"); plain != value {
		value = plain
		p.warn(v, "the target is taken as %q; write that", withoutSecrets(value))
	}
	if noScheme.MatchString(value) {
		value = "http://" + strings.TrimPrefix(value, "//")
		p.warn(v, "the target has no scheme, so it is taken as %q; write that", withoutSecrets(value))
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		p.fail(v, "the target %q is not a URL like \"http://localhost:3001\"", withoutSecrets(value))
		return nil
	case u.User != nil:
		p.warn(v, `the password in the target is ignored, as in Node; use "auth": "user:password"`)
		u.User = nil
	case u.Fragment != "":
		p.warn(v, "the target's fragment (#…) is never sent; remove it")
	}
	u.Fragment, u.RawFragment = "", ""
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
		p.warn(v, "the target's scheme must be http, https, ws or wss; %q is taken as http, as in Node", u.Scheme)
		u.Scheme = "http"
	}
	u.Host = strings.ToLower(u.Host)
	if u.Path == "/" && u.RawQuery == "" {
		u.Path = ""
	}
	return u
}

// withoutSecrets returns a target, which may be no URL, without what may be a password or
// a key.
func withoutSecrets(value string) string {
	value, _, _ = strings.Cut(value, "#")
	value = withoutQuery(value)
	if i := strings.LastIndexByte(value, '@'); i >= 0 {
		value = "…" + value[i:]
	}
	return value
}

// targetParts returns the URL of a target like {"protocol": "http:", "host":
// "localhost", "port": 3001}. It ignores the other parts that Node's url.parse returns.
func (p *parser) targetParts(at hujson.Value, o *hujson.Object) (string, bool) {
	protocol, host, port, path, good := "http", "", "", "", true
	for _, member := range p.members(o) {
		name := text(member.Name)
		lit, isLiteral := member.Value.Value.(hujson.Literal)
		value := lit.String()
		switch name {
		case "protocol", "host", "hostname", "port", "path", "pathname":
			if isNull(member.Value) {
				continue
			}
			if !isLiteral || lit.Kind() != '"' && lit.Kind() != '0' {
				p.fail(member.Value, "this must be text or a number")
				good = false
			}
		default:
			p.warn(member.Name, "a target has protocol, host, port and path; %q is ignored", name)
			continue
		}
		switch name {
		case "protocol":
			protocol = strings.TrimSuffix(strings.TrimSuffix(value, "//"), ":")
		case "host", "hostname":
			host = value
		case "port":
			port = ":" + value
		case "path", "pathname":
			if path = value; path != "" && path[0] != '/' {
				path = "/" + path
			}
		}
	}
	if host == "" && good {
		p.fail(at, `a target needs a host; write it as a URL in quotes, like "http://localhost:3001"`)
		return "", false
	}
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") && port != "" {
		if name, its, ok := strings.Cut(host, ":"); ok && ":"+its == port { // "host" with its port, as in url.parse
			host = name
		} else {
			host = "[" + host + "]"
		}
	}
	return protocol + "://" + host + port + path, good
}

// router parses {"host": target, "host/path": target, "/path": target}.
func (p *parser) router(r *Rule, name string, v hujson.Value) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		p.ignore(r, name, v, `an object of hosts or paths and their targets, like {"localhost:4200/v2": "http://localhost:3002"}`)
		return
	}
	for _, member := range p.members(o) {
		key := text(member.Name)
		if key == "" || isNull(member.Value) || isEmpty(member.Value) {
			p.warn(member.Name, "this entry is ignored: it needs a host, a path or both, and a target")
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
func (p *parser) headers(r *Rule, option string, v hujson.Value) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		p.ignore(r, option, v, `an object of header names and values, like {"X-Debug": "1"}`)
		return
	}
	for _, member := range p.members(o) {
		name := textproto.CanonicalMIMEHeaderKey(text(member.Name))
		switch {
		case !isToken(name):
			p.fail(member.Name, "%q is not a valid header name", name)
			continue
		case name == "Content-Length" || name == "Transfer-Encoding" || name == "Trailer" || name == "Upgrade":
			p.warn(member.Name, "%s is ignored: the dev server sets it itself", name)
			continue
		}
		list := []hujson.Value{member.Value}
		if a, ok := member.Value.Value.(*hujson.Array); ok {
			list = a.Elements
		}
		if slices.ContainsFunc(r.Headers, func(h Header) bool { return h.Name == name }) {
			p.warn(member.Name, "the header %s is there twice, in another spelling; this one is used", name)
		}
		r.Headers = append(r.Headers, Header{name, p.headerValues(name, list)})
	}
}

// headerValues parses the values of the header name. Node joins those of Cookie.
func (p *parser) headerValues(name string, list []hujson.Value) (values []string) {
	for _, element := range list {
		value, ok := p.scalar(element)
		switch {
		case !ok:
			p.warn(element, "this value is ignored: it must be text, a number, true or false")
			continue
		case hasControl(value):
			p.fail(element, "a header's value must be one line without control characters")
		}
		values = append(values, value)
	}
	if name == "Cookie" && len(values) > 1 {
		return []string{strings.Join(values, "; ")}
	}
	return values
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
func (p *parser) hostRewrite(r *Rule, name string, v hujson.Value) {
	value, ok := stringValue(v)
	if !ok {
		p.ignore(r, name, v, `a host in quotes, like "localhost:4200"`)
		return
	}
	if _, after, isURL := strings.Cut(value, "://"); isURL {
		value, _, _ = strings.Cut(after, "/")
		r.options[name] = strconv.Quote(value)
		p.warn(v, "%q must be a host, so it is taken as %q", name, value)
	}
	if u, err := url.Parse("//" + value); err != nil || u.Host != value || value == "" {
		p.fail(v, `%q must be a host, like "localhost:4200"`, name)
		return
	}
	r.HostRewrite = value
}

// protocolRewrite reads "http" or "https".
func (p *parser) protocolRewrite(r *Rule, name string, v hujson.Value) {
	value, _ := stringValue(v)
	r.ProtocolRewrite = strings.ToLower(strings.TrimSuffix(value, ":"))
	if r.ProtocolRewrite != "http" && r.ProtocolRewrite != "https" {
		p.fail(v, `%q must be "http" or "https"`, name)
	}
}
