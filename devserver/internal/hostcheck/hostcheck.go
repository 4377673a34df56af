// Package hostcheck rejects cross-site requests: DNS rebinding by the Host header,
// and pages of other origins by the Origin header.
//
// Every page that a browser shows can send requests to a server on loopback. A page
// whose own name resolves to 127.0.0.1 sends that name as Host; a page that names
// this server sends its own origin as Origin.
package hostcheck

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"calling-an-api.example/devserver/internal/localnet"
)

// Hosts are the host names that are allowed, besides localhost, the names below it, and
// all IP addresses. DNS rebinding needs a name that somebody else can point here, which
// these are not (RFC 6761 §6.3).
type Hosts struct {
	Names []string // in lower case
	Flag  string   // flag that adds a name, for the answer; "" if there is none
	URL   string   // where it answers, for the answer; "" if that is not to be told
}

// Check returns a handler that answers 403 unless the request's Host is in h.
func (h Hosts) Check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, ok := h.allows(r.Host); !ok {
			text := fmt.Sprintf("This development server does not answer for the host %.100q.", r.Host)
			if h.Flag != "" && name != "" {
				text += fmt.Sprintf(" If it should, start it with %s %.100s.", h.Flag, name)
			}
			if h.URL != "" {
				text += " It is at " + h.URL
			}
			http.Error(w, text, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// allows reports whether hostport may be asked for. name is its host in lower case, ""
// if it is malformed.
func (h Hosts) allows(hostport string) (name string, ok bool) {
	if port, found := strings.CutPrefix(hostport, "localhost:"); found && isDigits(port) { // nearly every request
		return "localhost", true
	}
	name = hostname(hostport)
	ok = name != "" && (localnet.IsLoopback(name) || net.ParseIP(name) != nil || slices.Contains(h.Names, name))
	return name, ok
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || '9' < s[i] {
			return false
		}
	}
	return s != ""
}

// SameOrigin returns a handler that answers 403 to pages of other origins. Requests
// without an Origin header pass: they come from the same origin, from links or from
// other programs than browsers.
func SameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localnet.SameOrigin(r) {
			http.Error(w, "Only pages of this server may use this path.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// FromThisMachine reports whether a program on this machine has sent r, by the address that the
// connection comes from. A program that forwards connections, such as ssh -R, is one on this
// machine; a proxy that says so is not.
func FromThisMachine(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || r.Header.Get("Forwarded")+r.Header.Get("X-Forwarded-For")+r.Header.Get("Via") != "" {
		return false
	}
	return localnet.IsLoopback(host) || slices.ContainsFunc(localnet.Addresses(), func(ip net.IP) bool { return ip.Equal(net.ParseIP(host)) })
}

// hostname returns the host of hostport in lower case, "" if it is malformed.
func hostname(hostport string) string {
	u, err := url.Parse("http://" + hostport)
	if err != nil || u.Host != hostport {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
