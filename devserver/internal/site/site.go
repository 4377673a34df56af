// Package site serves the page's port: the dev server's own paths, then the proxy rules,
// then the app.
package site

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/hostcheck"
	"calling-an-api.example/devserver/internal/livereload"
	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
	"calling-an-api.example/devserver/internal/spa"
)

// Options configure a Site. All are required except Bundler and LocalTenant.
type Options struct {
	Config      config.Config // Domain must be the origin of the tenant in use, also of the local one
	LocalTenant bool          // the tenant in use is the one inside the dev server
	Hub         *livereload.Hub
	Bundler     *bundle.Bundler // nil if the frontend is already built
	Transports  *proxy.Transports
	Log         *slog.Logger
}

// Site is an http.Handler. Its methods may be called from any goroutine.
type Site struct {
	Options
	handler http.Handler
	proxy   atomic.Pointer[proxy.Proxy] // replaced by SetRules
}

// New returns a Site without proxy rules.
func New(opts Options) *Site {
	s := &Site{Options: opts}
	s.SetRules(nil)
	s.handler = s.routes()
	return s
}

// SetRules replaces the proxy rules, which must not be modified afterwards. Requests in
// flight finish with the rules they began with.
func (s *Site) SetRules(rules proxyconf.Rules) { s.proxy.Store(proxy.New(rules, s.Transports, s.Log)) }

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// routes returns the handler. The dev server's own paths come first, so that no proxy
// rule can override them.
func (s *Site) routes() http.Handler {
	options := spa.Options{Dir: s.Config.Frontend, Public: ".", Inject: s.Hub.Script, Log: s.Log}
	if s.Bundler != nil {
		options.Public, options.Lookup = "public", s.lookup
	}
	app := withCORP(s.withCSP(spa.Handler(options)))
	reload := withCORP(hostcheck.SameOrigin(s.Hub))
	authConfig := withCORP(http.HandlerFunc(s.serveAuthConfig))
	status := withCORP(hostcheck.SameOrigin(http.HandlerFunc(s.serveStatus)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/auth_config.json":
			authConfig.ServeHTTP(w, r)
		case r.URL.Path == livereload.Prefix+"status.json":
			status.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, livereload.Prefix):
			reload.ServeHTTP(w, r)
		default:
			if upstream := s.proxy.Load().Handler(r); upstream != nil {
				upstream.ServeHTTP(w, r)
				return
			}
			app.ServeHTTP(w, r)
		}
	})
}

// serveAuthConfig tells the page which tenant, client and API to use.
func (s *Site) serveAuthConfig(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(s.Config.Auth()) // fails only if the browser is gone
}

// lookup returns a file of the bundle. It waits for the first build.
func (s *Site) lookup(ctx context.Context, path string) ([]byte, string, bool) {
	file, ok := s.Bundler.Lookup(ctx, path)
	return file.Content, file.ETag, ok
}
