package proxyconf

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tailscale/hujson"

	"calling-an-api.example/devserver/internal/source"
)

// reader reads the value v of the option name into r.
type reader func(p *parser, r *Rule, name string, v hujson.Value)

// optionReaders read the options of a rule, by name.
var optionReaders map[string]reader

func init() { // not in the declaration, because the readers refer to the table
	optionReaders = map[string]reader{
		"target":                func(p *parser, r *Rule, _ string, v hujson.Value) { r.Target, p.targetAt = p.target(r, v), &v },
		"router":                (*parser).router,
		"pathRewrite":           (*parser).pathRewrite,
		"prependPath":           boolean(func(r *Rule) *bool { return &r.PrependPath }),
		"ignorePath":            boolean(func(r *Rule) *bool { return &r.IgnorePath }),
		"changeOrigin":          boolean(func(r *Rule) *bool { return &r.ChangeOrigin }),
		"headers":               (*parser).headers,
		"auth":                  (*parser).auth,
		"xfwd":                  boolean(func(r *Rule) *bool { return &r.XFwd }),
		"secure":                boolean(func(r *Rule) *bool { return &r.Secure }),
		"ws":                    boolean(func(r *Rule) *bool { return &r.WS }),
		"localAddress":          (*parser).localAddress,
		"timeout":               milliseconds(func(r *Rule) *time.Duration { return &r.Timeout }),
		"proxyTimeout":          milliseconds(func(r *Rule) *time.Duration { return &r.ProxyTimeout }),
		"followRedirects":       boolean(func(r *Rule) *bool { return &r.FollowRedirects }),
		"hostRewrite":           (*parser).hostRewrite,
		"autoRewrite":           boolean(func(r *Rule) *bool { return &r.AutoRewrite }),
		"protocolRewrite":       (*parser).protocolRewrite,
		"cookieDomainRewrite":   cookies(func(r *Rule) *Cookies { return &r.CookieDomainRewrite }),
		"cookiePathRewrite":     cookies(func(r *Rule) *Cookies { return &r.CookiePathRewrite }),
		"preserveHeaderKeyCase": boolean(func(r *Rule) *bool { return &r.PreserveHeaderKeyCase }),
		"logLevel":              (*parser).logLevel,
	}
}

// unsupported are options that JSON can express, but that this proxy does not have.
var unsupported = []string{"forward", "method", "ssl", "toProxy", "ca", "cert", "key", "pfx", "passphrase"}

// functions are options for configurations in JavaScript.
var functions = []string{
	"bypass", "configure", "agent", "rewrite", "filter", "on", "onError", "onProxyReq", "onProxyReqWs", "onProxyRes",
	"onOpen", "onClose", "logProvider", "logger", "plugins", "ejectPlugins", "selfHandleResponse", "buffer",
}

// options parses fields into rule.
func (p *parser) options(rule *Rule, fields []hujson.ObjectMember) {
	o := &hujson.Object{Members: fields}
	for _, field := range p.members(o) {
		p.option(rule, field)
	}
}

// notEmptyOptions are options for which "" is no value.
var notEmptyOptions = []string{
	"auth", "headers", "hostRewrite", "localAddress", "logLevel", "pathRewrite", "protocolRewrite", "proxyTimeout", "router", "timeout",
}

// option parses one field. It also records its text in rule.options, by which
// [Rules.Changes] finds what an edit has changed. Other tools ignore options that they
// do not know, and so does this one, with a warning.
func (p *parser) option(rule *Rule, field hujson.ObjectMember) {
	name := text(field.Name)
	read, known := optionReaders[name]
	switch {
	case known && isNull(field.Value):
		p.warn(field.Value, "%q: null is ignored; remove it, or write a value", name)
	case known && isEmpty(field.Value) && slices.Contains(notEmptyOptions, name):
		p.warn(field.Value, "%q is empty, so it is ignored; remove it, or write a value", name)
	case known:
		compact := field.Value.Clone()
		compact.Minimize()
		rule.options[name] = compact.String()
		read(p, rule, name, field.Value)
	case name == "context" || name == "pathFilter":
		p.warn(field.Name, `%q is ignored: it belongs in the array form, [{%q: […], …}]; in this form the key is the context`, name, name)
	case slices.Contains(functions, name):
		p.warn(field.Name, "%q is ignored: it is for configurations in JavaScript", name)
	case slices.Contains(unsupported, name):
		p.warn(field.Name, "%q is not supported; it is ignored", name)
	default:
		p.unknown(field.Name, name)
	}
}

// ignore warns that the option name, whose value is v, has no effect. must says what it
// must be.
func (p *parser) ignore(r *Rule, name string, v hujson.Value, must string) {
	delete(r.options, name)
	p.warn(v, "%q is ignored: it must be %s", name, must)
}

// unknown warns of an option that there is not.
func (p *parser) unknown(at hujson.Value, name string) {
	switch meant := source.Closest(name, slices.Sorted(maps.Keys(optionReaders))); meant {
	case "":
		p.warn(at, "there is no option %q; it is ignored (docs/proxy.md lists the options)", name)
	case "target":
		p.meantTarget = &at
		fallthrough
	default:
		p.warn(at, "there is no option %q; it is ignored; did you mean %s?", name, meant)
	}
}

// pathRewrite reads expressions and replacements. Their order is that of the file: the
// first expression that matches is used.
func (p *parser) pathRewrite(r *Rule, _ string, v hujson.Value) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		p.fail(v, `this must be an object of regular expressions and replacements, like {"^/api": ""}`)
		return
	}
	for _, member := range p.members(o) {
		replacement, ok := p.scalar(member.Value)
		switch {
		case !ok:
			p.warn(member.Value, `this rewrite is ignored: a replacement must be text in quotes, like "/v1" or ""`)
			continue
		case hasControl(replacement):
			p.fail(member.Value, "a replacement must be one line without control characters")
			continue
		}
		pattern, err := compileRegex(text(member.Name))
		if err != nil {
			p.fail(member.Name, "%v", err)
			continue
		}
		r.PathRewrite = append(r.PathRewrite, Rewrite{pattern, replacement})
	}
}

// auth reads the credentials of RFC 7617, "user:password".
func (p *parser) auth(r *Rule, _ string, v hujson.Value) {
	value, ok := stringValue(v)
	if !ok {
		p.fail(v, `this must be "user:password"`)
		return
	}
	if !strings.Contains(value, ":") {
		p.warn(v, `this has no colon, so it is sent as it is; credentials are "user:password"`)
	}
	r.Auth = value
}

// localAddress reads an IP address. One that this machine does not have is a problem of the
// first request.
func (p *parser) localAddress(r *Rule, _ string, v hujson.Value) {
	value, _ := stringValue(v)
	if _, err := netip.ParseAddr(value); err != nil {
		p.fail(v, `this must be an IP address of this machine, like "127.0.0.1"`)
		return
	}
	r.LocalAddress = value
}

// logLevel reads one of the levels of http-proxy-middleware, which this package maps to
// three.
func (p *parser) logLevel(r *Rule, name string, v hujson.Value) {
	value, _ := p.scalar(v)
	switch value {
	case "debug":
		r.LogLevel = LogRequests
	case "info", "warn", "error":
		r.LogLevel = LogProblems
	case "silent":
		r.LogLevel = LogNothing
	default:
		r.options[name] = `"info"`
		p.warn(v, `there is no "logLevel": %q, so "info" is used; "debug" logs each request, "info", "warn" and "error" log problems, "silent" logs nothing`, value)
	}
}

// cookies returns the reader of false, the new value for all, or an object of old and new
// values.
func cookies(field func(*Rule) *Cookies) reader {
	return func(p *parser, r *Rule, name string, v hujson.Value) {
		all := Cookies{}
		switch value := v.Value.(type) {
		case hujson.Literal:
			switch value.Kind() {
			case 'f':
				return
			case '"':
				all["*"] = p.cookieValue(v)
				*field(r) = all
				return
			}
		case *hujson.Object:
			for _, member := range p.members(value) {
				all[text(member.Name)] = p.cookieValue(member.Value)
			}
			*field(r) = all
			return
		}
		p.ignore(r, name, v, `text in quotes, an object like {"old.example": "new.example", "*": ""}, or false`)
	}
}

// cookieValue reads a new value of a cookie's attribute. null removes it, like "".
func (p *parser) cookieValue(v hujson.Value) string {
	if isNull(v) {
		return ""
	}
	value, ok := p.scalar(v)
	if !ok || hasControl(value) {
		p.fail(v, `this must be text in quotes, on one line; "" or null removes the attribute`)
	}
	return value
}
