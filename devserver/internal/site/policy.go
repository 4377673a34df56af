package site

import (
	"net/http"
	"strings"
)

// withCSP adds a Content-Security-Policy to pages that are compiled here. A frontend
// that another tool has built brings its own.
func (s *Site) withCSP(next http.Handler) http.Handler {
	if !s.Config.CSP || s.Bundler == nil {
		return next
	}
	policy := Policy(s.Config.Domain) + "; frame-ancestors 'none'" // which a meta element cannot have
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		next.ServeHTTP(w, r)
	})
}

// Policy returns the Content-Security-Policy of a page that logs users in at tenant,
// an origin. The tenant answers silent logins in a frame, and token requests; user
// pictures are at any origin; the SDK keeps refresh tokens in a worker.
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

// withCORP adds Cross-Origin-Resource-Policy, so that pages of other origins cannot
// load what next serves as their scripts or images, which the same-origin policy
// alone allows.
func withCORP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
