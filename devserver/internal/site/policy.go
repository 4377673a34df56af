package site

import (
	"net/http"
	"strings"

	"calling-an-api.example/devserver/internal/bundle"
)

// withCSP adds a Content-Security-Policy to what is compiled here, also for scripts,
// because a worker has that of its own script. A frontend that another tool has built
// brings its own.
func (s *Site) withCSP(next http.Handler) http.Handler {
	if s.Bundler == nil || !s.Config.CSP {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", s.policy(s.Bundler.Sources()))
		next.ServeHTTP(w, r)
	})
}

// policy returns the Content-Security-Policy of the page that needs sources, "" for none.
func (s *Site) policy(sources bundle.Sources) string {
	if !s.Config.CSP {
		return ""
	}
	return Policy(s.Config.Domain, sources) + "; frame-ancestors 'self'" // which a meta element cannot have
}

// Policy returns the Content-Security-Policy of a page that logs users in at tenant,
// an origin, and needs sources. The tenant answers silent logins in a frame, which other
// packages than Auth0's lead back to the page itself, and token requests; user pictures
// are at any origin, and so are fonts that stylesheets of other origins name; the SDK keeps refresh tokens in a worker. Packages have fonts in data
// URLs, and scripts show blobs that they have made.
func Policy(tenant string, sources bundle.Sources) string {
	directives := []struct{ name, sources string }{
		{"default-src", "'none'"},
		{"script-src", "'self'"},
		{"style-src", "'self'"},
		{"font-src", "'self' data: https:"},
		{"img-src", "'self' data: blob: https: " + tenant},
		{"connect-src", "'self' " + tenant},
		{"frame-src", "'self' " + tenant},
		{"worker-src", "'self' blob:"},
		{"manifest-src", "'self'"},
		{"media-src", "'self' blob:"},
		{"form-action", "'self'"},
		{"base-uri", "'self'"},
	}
	texts := make([]string, len(directives))
	for i, d := range directives {
		texts[i] = strings.Join(append([]string{d.name, d.sources}, sources[d.name]...), " ")
	}
	return strings.Join(texts, "; ")
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
