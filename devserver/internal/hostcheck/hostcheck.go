// Package hostcheck refuses requests that a page of elsewhere makes a browser send here.
//
// A server on loopback is reachable by every page that the browser has open. By
// the Host header one tells the page that has its own name resolve to 127.0.0.1
// (DNS rebinding), by Origin the one that names this server outright.
package hostcheck

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Loopback passes on requests whose Host is a name of this machine, and answers
// 403 to all others.
func Loopback(next http.Handler) http.Handler { return Hosts{}.Check(next) }

// Hosts are what requests may be for, besides names of this machine.
type Hosts struct {
	Names     []string // in lower case
	Addresses bool     // every IP address: the name that an attacker's page has is none
	Flag      string   // that adds a name, for those who are refused; "" is none
}

// Check passes on requests whose Host is one of h, and answers 403 to all others.
func (h Hosts) Check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		if host == "" || !isLoopback(host) && !slices.Contains(h.Names, host) && (!h.Addresses || net.ParseIP(host) == nil) {
			text := fmt.Sprintf("This development server does not answer for the host %.100q.", r.Host)
			if h.Flag != "" && host != "" {
				text += fmt.Sprintf(" If it should, start it with %s %.100s.", h.Flag, host)
			}
			http.Error(w, text, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// SameOrigin passes on requests that name no origin or the one they are sent to,
// and answers 403 to all others.
func SameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, r.Host) {
				http.Error(w, "This is for pages of this server alone.", http.StatusForbidden)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// hostname returns the host of hostport in lower case, "" if it is none.
func hostname(hostport string) string {
	u, err := url.Parse("http://" + hostport)
	if err != nil || u.Host != hostport {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
