package proxyconf

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tailscale/hujson"
)

// optionReaders parse the options of a rule, by name.
var optionReaders map[string]func(p *parser, r *Rule, v hujson.Value)

func init() { // not in the declaration, because the readers refer to the table
	optionReaders = map[string]func(p *parser, r *Rule, v hujson.Value){
		"target":                func(p *parser, r *Rule, v hujson.Value) { r.Target = p.target(r, v) },
		"router":                (*parser).router,
		"pathRewrite":           (*parser).pathRewrite,
		"prependPath":           func(p *parser, r *Rule, v hujson.Value) { p.boolean(v, &r.PrependPath) },
		"ignorePath":            func(p *parser, r *Rule, v hujson.Value) { p.boolean(v, &r.IgnorePath) },
		"changeOrigin":          func(p *parser, r *Rule, v hujson.Value) { p.boolean(v, &r.ChangeOrigin) },
		"headers":               (*parser).headers,
		"auth":                  (*parser).auth,
		"xfwd":                  func(p *parser, r *Rule, v hujson.Value) { p.boolean(v, &r.XFwd) },
		"secure":                func(p *parser, r *Rule, v hujson.Value) { p.boolean(v, &r.Secure) },
		"ws":                    func(p *parser, r *Rule, v hujson.Value) { p.boolean(v, &r.WS) },
		"localAddress":          (*parser).localAddress,
		"timeout":               func(p *parser, r *Rule, v hujson.Value) { p.milliseconds(v, &r.Timeout) },
		"proxyTimeout":          func(p *parser, r *Rule, v hujson.Value) { p.milliseconds(v, &r.ProxyTimeout) },
		"followRedirects":       func(p *parser, r *Rule, v hujson.Value) { p.boolean(v, &r.FollowRedirects) },
		"hostRewrite":           (*parser).hostRewrite,
		"autoRewrite":           func(p *parser, r *Rule, v hujson.Value) { p.boolean(v, &r.AutoRewrite) },
		"protocolRewrite":       (*parser).protocolRewrite,
		"cookieDomainRewrite":   func(p *parser, r *Rule, v hujson.Value) { r.CookieDomainRewrite = p.cookies(v) },
		"cookiePathRewrite":     func(p *parser, r *Rule, v hujson.Value) { r.CookiePathRewrite = p.cookies(v) },
		"preserveHeaderKeyCase": func(p *parser, r *Rule, v hujson.Value) { p.boolean(v, &r.PreserveHeaderKeyCase) },
		"logLevel":              (*parser).logLevel,
	}
}

// functions are options of the dialect whose values are JavaScript functions or objects.
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

// option parses one field. It also records its text in rule.options, by which
// [Rules.Changes] finds what an edit has changed.
func (p *parser) option(rule *Rule, field hujson.ObjectMember) {
	name := text(field.Name)
	read, known := optionReaders[name]
	switch {
	case known:
		compact := field.Value.Clone()
		compact.Minimize()
		rule.options[name] = compact.String()
		read(p, rule, field.Value)
	case name == "context" || name == "pathFilter":
		p.fail(field.Name, `"%s" belongs in the array form: [{"%s": […], …}]; in this form the key is the context`, name, name)
	case slices.Contains(functions, name):
		p.fail(field.Name, "%q is a JavaScript function or object, which JSON cannot contain; remove it", name)
	default:
		names := slices.Sorted(maps.Keys(optionReaders))
		if meant := suggest(name, names); meant != "" {
			p.fail(field.Name, "there is no option %q; did you mean %s?", name, meant)
		} else {
			p.fail(field.Name, "there is no option %q; the options are %s", name, strings.Join(names, ", "))
		}
	}
}

// boolean reads true or false. Text is rejected, because "false" would be true in
// JavaScript.
func (p *parser) boolean(v hujson.Value, to *bool) {
	lit, ok := v.Value.(hujson.Literal)
	switch {
	case ok && (lit.Kind() == 't' || lit.Kind() == 'f'):
		*to = lit.Kind() == 't'
	case ok && lit.Kind() == '"':
		p.fail(v, "this must be true or false, without quotes")
	default:
		p.fail(v, "this must be true or false")
	}
}

// maxTimeout is the longest timeout.
const maxTimeout = 24 * time.Hour

// milliseconds reads a duration of 0 to maxTimeout. 0 is no timeout, as in http-proxy.
func (p *parser) milliseconds(v hujson.Value, to *time.Duration) {
	lit, ok := v.Value.(hujson.Literal)
	if ms := lit.Float(); ok && lit.Kind() == '0' && ms >= 0 && ms <= float64(maxTimeout.Milliseconds()) {
		*to = time.Duration(ms * float64(time.Millisecond))
		return
	}
	p.fail(v, "this must be a number of milliseconds, without quotes, at most %d (24 hours)", maxTimeout.Milliseconds())
}

// pathRewrite reads expressions and replacements. Their order is that of the file: the
// first expression that matches is used.
func (p *parser) pathRewrite(r *Rule, v hujson.Value) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		p.fail(v, `this must be an object of regular expressions and replacements, like {"^/api": ""}`)
		return
	}
	for _, member := range p.members(o) {
		replacement, ok := stringValue(member.Value)
		if !ok {
			p.fail(member.Value, `a replacement must be text in quotes, like "/v1" or ""`)
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
func (p *parser) auth(r *Rule, v hujson.Value) {
	value, ok := stringValue(v)
	if !ok || !strings.Contains(value, ":") {
		p.fail(v, `this must be "user:password"`)
		return
	}
	r.Auth = value
}

// localAddress reads an IP address. One that this machine does not have is a problem of the
// first request.
func (p *parser) localAddress(r *Rule, v hujson.Value) {
	value, _ := stringValue(v)
	if _, err := netip.ParseAddr(value); err != nil {
		p.fail(v, `this must be an IP address of this machine, like "127.0.0.1"`)
		return
	}
	r.LocalAddress = value
}

// logLevel reads one of the levels of http-proxy-middleware, which this package maps to
// three.
func (p *parser) logLevel(r *Rule, v hujson.Value) {
	value, _ := stringValue(v)
	switch value {
	case "debug":
		r.LogLevel = LogRequests
	case "info", "warn", "error":
		r.LogLevel = LogProblems
	case "silent":
		r.LogLevel = LogNothing
	default:
		p.fail(v, `this must be "debug" (log each request), "info", "warn" or "error" (log problems), or "silent"`)
	}
}

// cookies parses false, the new value for all, or an object of old and new values.
func (p *parser) cookies(v hujson.Value) Cookies {
	switch value := v.Value.(type) {
	case hujson.Literal:
		if value.Kind() == 'f' {
			return nil
		}
		if to, ok := stringValue(v); ok {
			return Cookies{"*": to}
		}
	case *hujson.Object:
		all := Cookies{}
		for _, member := range p.members(value) {
			to, ok := stringValue(member.Value)
			if lit, literal := member.Value.Value.(hujson.Literal); !ok && (!literal || lit.Kind() != 'n') {
				p.fail(member.Value, `this must be text in quotes; "" or null removes the attribute`)
			}
			all[text(member.Name)] = to
		}
		return all
	}
	p.fail(v, `this must be text in quotes, an object like {"old.example": "new.example", "*": ""}, or false`)
	return nil
}

// show returns the JSON value of an option for a person, without secrets.
func show(name, value string) string {
	switch name {
	case "auth":
		return "•••"
	case "headers":
		var values map[string]any
		if json.Unmarshal([]byte(value), &values) != nil {
			return "•••"
		}
		return strings.Join(slices.Sorted(maps.Keys(values)), ", ")
	}
	return value
}
