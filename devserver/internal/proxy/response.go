package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// errUnexpectedSwitch is the error of a 101 to a request without an Upgrade.
var errUnexpectedSwitch = errors.New("it switches to another protocol, which it was not asked for")

// modify applies the rule to the response. It is the ModifyResponse of ReverseProxy.
func (x *exchange) modify(resp *http.Response) error {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if !x.plan.websocket {
			return errUnexpectedSwitch
		}
		x.w.status = resp.StatusCode
		x.idle.stop() // an open WebSocket may be idle
		return nil
	}
	if resp.StatusCode < 100 {
		return fmt.Errorf("malformed HTTP status %d", resp.StatusCode)
	}
	if x.idle != nil {
		resp.Body = x.idle.body(resp.Body)
	}
	if x.upload != nil {
		resp.Body = x.upload.stopAfter(resp.Body)
	}
	if location := resp.Header["Location"]; len(location) > 0 {
		location[0] = x.location(resp.StatusCode, location[0])
	}
	cookies := resp.Header["Set-Cookie"]
	for i := range cookies {
		cookies[i] = rewriteAttribute(cookies[i], cookieDomain, x.rule.CookieDomainRewrite)
		cookies[i] = rewriteAttribute(cookies[i], cookiePath, x.rule.CookiePathRewrite)
	}
	return nil
}

// location returns the Location of a redirect, changed as the rule says. Only
// redirects to the target are changed.
func (x *exchange) location(status int, location string) string {
	rule := x.rule
	if rule.HostRewrite == "" && !rule.AutoRewrite && rule.ProtocolRewrite == "" {
		return location
	}
	if status != http.StatusCreated && (status < 300 || 399 < status) {
		return location
	}
	u, err := url.Parse(location)
	if err != nil || u.Host != x.plan.target.Host {
		return location
	}
	if rule.HostRewrite != "" {
		u.Host = rule.HostRewrite
	} else if rule.AutoRewrite {
		u.Host = x.in.Host
	}
	if rule.ProtocolRewrite != "" {
		u.Scheme = rule.ProtocolRewrite
	}
	return u.String()
}

var (
	cookieDomain = regexp.MustCompile(`(?i)(;\s*domain=)([^;]+)`)
	cookiePath   = regexp.MustCompile(`(?i)(;\s*path=)([^;]+)`)
)

// rewriteAttribute returns cookie with the value of the attribute that pattern matches
// replaced, as values says.
func rewriteAttribute(cookie string, pattern *regexp.Regexp, values proxyconf.Cookies) string {
	if values == nil {
		return cookie
	}
	at := pattern.FindStringSubmatchIndex(cookie)
	if at == nil {
		return cookie
	}
	value, ok := values[cookie[at[4]:at[5]]]
	if !ok {
		value, ok = values["*"]
	}
	switch {
	case !ok:
		return cookie
	case value == "":
		return cookie[:at[0]] + cookie[at[1]:]
	}
	return cookie[:at[4]] + value + cookie[at[5]:]
}
