package server

import (
	"net/http"
	"strings"
)

// policed sends what next serves with a Content-Security-Policy, if the page is
// compiled here: then it is the page's own sources that have to do without inline
// scripts and styles. A frontend that something else built brings its own.
func (s *site) policed(next http.Handler) http.Handler {
	if !s.cfg.CSP || s.bundler == nil {
		return next
	}
	policy := Policy(s.cfg.Domain) + "; frame-ancestors 'none'" // which an element in the page can't say
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		next.ServeHTTP(w, r)
	})
}

// Policy is the Content-Security-Policy of a page that logs people in at tenant, an
// origin. The tenant answers silent logins in a frame, and token requests. Pictures
// of people come from anywhere; a worker is what the SDK keeps refresh tokens in.
func Policy(tenant string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"font-src 'self'",
		"img-src 'self' data: https: " + tenant,
		"connect-src 'self' " + tenant,
		"frame-src " + tenant,
		"worker-src 'self' blob:",
		"manifest-src 'self'",
		"media-src 'self'",
		"form-action 'self'",
		"base-uri 'none'",
	}, "; ")
}
