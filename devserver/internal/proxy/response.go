package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// errSwitches is an answer to a question that was not asked.
var errSwitches = errors.New("it changes to another protocol, which it was not asked for")

// modify changes of the answer what the rule says.
func (e *exchange) modify(resp *http.Response) error {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if !e.websocket {
			return errSwitches
		}
		e.status = resp.StatusCode
		if e.idle != nil {
			e.idle.stop() // an open WebSocket may rest
		}
		return nil
	}
	if resp.StatusCode < 100 {
		return fmt.Errorf("malformed HTTP status %d", resp.StatusCode)
	}
	e.rest = resp.ContentLength
	body, isDirect := resp.Body.(*answerBody)
	e.headFirst = e.rest > 0 && (!isDirect || body.conn.r.Buffered() == 0)
	if e.idle != nil {
		resp.Body = e.idle.body(resp.Body)
	}
	if e.upload != nil {
		resp.Body = e.upload.answered(resp.Body)
	}
	if location := resp.Header["Location"]; len(location) > 0 {
		location[0] = e.location(resp.StatusCode, location[0])
	}
	cookies := resp.Header["Set-Cookie"]
	for i := range cookies {
		cookies[i] = rewriteAttribute(cookies[i], cookieDomain, e.rule.CookieDomainRewrite)
		cookies[i] = rewriteAttribute(cookies[i], cookiePath, e.rule.CookiePathRewrite)
	}
	return nil
}

// location returns where a redirect to location leads by the rule's options. They
// are for redirects to the target alone.
func (e *exchange) location(status int, location string) string {
	rule := e.rule
	if rule.HostRewrite == "" && !rule.AutoRewrite && rule.ProtocolRewrite == "" {
		return location
	}
	switch status {
	case http.StatusCreated, http.StatusMovedPermanently, http.StatusFound,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return location
	}
	u, err := url.Parse(location)
	if err != nil || u.Host != e.target.Host {
		return location
	}
	if rule.HostRewrite != "" {
		u.Host = rule.HostRewrite
	} else if rule.AutoRewrite {
		u.Host = e.in.Host
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

// rewriteAttribute returns cookie with the attribute that pattern finds as to says.
func rewriteAttribute(cookie string, pattern *regexp.Regexp, to proxyconf.Cookies) string {
	if to == nil {
		return cookie
	}
	at := pattern.FindStringSubmatchIndex(cookie)
	if at == nil {
		return cookie
	}
	value, ok := to[cookie[at[4]:at[5]]]
	if !ok {
		value, ok = to["*"]
	}
	switch {
	case !ok:
		return cookie
	case value == "":
		return cookie[:at[0]] + cookie[at[1]:]
	}
	return cookie[:at[4]] + value + cookie[at[5]:]
}
