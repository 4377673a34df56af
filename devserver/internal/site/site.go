// Package site serves the page's port: the dev server's own paths, then the proxy rules,
// then the app.
package site

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/console"
	"calling-an-api.example/devserver/internal/hostcheck"
	"calling-an-api.example/devserver/internal/inspect"
	"calling-an-api.example/devserver/internal/livereload"
	"calling-an-api.example/devserver/internal/localnet"
	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
	"calling-an-api.example/devserver/internal/spa"
)

// Options configure a Site. All are required except Bundler, LocalTenant, Recorder, Token and
// BadToken.
type Options struct {
	Config      config.Config // Domain must be the origin of the tenant in use, also of the local one
	PageOrigin  string        // origin of the page, as the tenant knows it
	LocalTenant bool          // the tenant in use is the one inside the dev server
	Hub         *livereload.Hub
	Bundler     *bundle.Bundler // nil if the frontend is already built
	Transports  *proxy.Transports
	Recorder    *inspect.Recorder // of the requests that are forwarded; nil for none
	Log         *slog.Logger

	// Token makes an access token of the local tenant for the user with the ID subject, and
	// BadToken one that every API must reject, with the defect "audience", "expired" or "key".
	// They are nil without a local tenant.
	Token    func(subject, scope string) (string, error)
	BadToken func(subject, defect string) (string, error)
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
func (s *Site) SetRules(rules proxyconf.Rules) {
	s.proxy.Store(proxy.New(rules, s.Transports, proxy.Options{API: s.Config.APIAddr, Log: s.Log, Observe: s.observe}))
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// routes returns the handler. The dev server's own paths come first, so that no proxy
// rule can override them.
func (s *Site) routes() http.Handler {
	inject, page := s.Hub.Script, s.console()
	if page != nil {
		inject = func() string { return page.Script() + s.Hub.Script() }
	}
	options := spa.Options{Dir: s.Config.Frontend, Public: ".", Inject: inject, Log: s.Log}
	if s.Bundler != nil {
		options.Public, options.Bundle = "public", compiled{s}
	}
	app := withCORP(s.withCSP(spa.Handler(options)))
	if s.Bundler == nil {
		app = compressed(app)
	}
	app = s.atPageOrigin(app)
	reload := withCORP(hostcheck.SameOrigin(s.Hub))
	messages := withCORP(hostcheck.SameOrigin(page))
	authConfig := withCORP(http.HandlerFunc(s.serveAuthConfig))
	status := withCORP(hostcheck.SameOrigin(http.HandlerFunc(s.serveStatus)))
	own := s.inspector()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/auth_config.json":
			authConfig.ServeHTTP(w, r)
		case r.URL.Path == livereload.Prefix+"status.json":
			status.ServeHTTP(w, r)
		case page != nil && (r.URL.Path == console.Path || r.URL.Path == console.ScriptPath):
			messages.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, livereload.Prefix):
			if handler, ok := own(r.URL.Path); ok {
				handler.ServeHTTP(w, r)
				return
			}
			reload.ServeHTTP(w, r)
		default:
			if upstream := s.proxy.Load().Handler(r); upstream != nil {
				s.Recorder.Serve(inspect.DevServer, upstream, w, r)
				return
			}
			app.ServeHTTP(w, r)
		}
	})
}

// atPageOrigin sends browsers that open a page under another loopback name, such as
// 127.0.0.1, to the page's origin: logins at the local tenant work only there.
func (s *Site) atPageOrigin(next http.Handler) http.Handler {
	origin, err := url.Parse(s.PageOrigin)
	if err != nil || !s.LocalTenant {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := (&url.URL{Host: r.Host}).Hostname()
		isOther := host != origin.Hostname() && localnet.IsLoopback(host)
		if isOther && r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, s.PageOrigin+r.URL.RequestURI(), http.StatusFound) //nolint:gosec // the origin is ours
			return
		}
		next.ServeHTTP(w, r)
	})
}

// console returns the handler of the pages' messages, nil if they are not wanted.
func (s *Site) console() *console.Console {
	if s.Config.Console == "off" {
		return nil
	}
	locate := console.Locate(nil)
	if s.Bundler != nil {
		locate = func(ctx context.Context, urlPath string, line, column int) (console.Place, bool) {
			at, text, ok := s.Bundler.Locate(ctx, urlPath, line, column)
			return console.Place{Position: at, Text: text, Package: strings.Contains(at.File, "node_modules/")}, ok
		}
	}
	return console.New(s.Config.Console == "all", locate, s.Hub.Version, s.Log)
}

// serveAuthConfig tells the page which tenant, client and API to use.
func (s *Site) serveAuthConfig(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(s.Config.Auth()) // fails only if the browser is gone
}

// compiled is the frontend that is compiled here, as package spa uses it.
type compiled struct{ site *Site }

// Page implements spa.Bundle.
func (c compiled) Page(ctx context.Context) (content []byte, policy string, ok bool) {
	page, ok := c.site.Bundler.Page(ctx)
	return page.Content, c.site.policy(page.Sources), ok
}

// Lookup implements spa.Bundle.
func (c compiled) Lookup(ctx context.Context, path string) (content []byte, etag string, ok bool) {
	file, ok := c.site.Bundler.Lookup(ctx, path)
	return file.Content, file.ETag, ok
}
