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
	"strings"
)

// Loopback passes on requests whose Host is a name of this machine, and answers
// 403 to all others.
func Loopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) {
			http.Error(w, fmt.Sprintf("This development server does not answer for the host %.100q, only for localhost.", r.Host),
				http.StatusForbidden)
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

func isLoopback(hostport string) bool {
	u, err := url.Parse("http://" + hostport)
	if err != nil || u.Host != hostport {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()
}
