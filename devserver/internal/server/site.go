package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/hostcheck"
	"calling-an-api.example/devserver/internal/livereload"
	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
	"calling-an-api.example/devserver/internal/spa"
	"calling-an-api.example/devserver/internal/watch"
)

// site is the page's server: what it is made of, and how edits get into it.
type site struct {
	cfg        config.Config
	origin     string // of the page
	log        *slog.Logger
	bundler    *bundle.Bundler
	hub        *livereload.Hub
	transports *proxy.Transports
	proxy      atomic.Pointer[proxy.Proxy]
	rules      proxyconf.Rules // those of proxy
	others     map[string]bool // problems of others, by file name
	tried      bool            // a build has ended
	broken     bool            // the last build failed
}

// handler returns what serves the page's port. The dev server's own paths come
// first, so that no proxy rule can take them away; then the rules, then the app.
func (s *site) handler() http.Handler {
	app := ownOrigin(spa.Handler(spa.Options{Dir: s.cfg.Frontend, Inject: s.hub.Script, Log: s.log, Lookup: s.lookup}))
	reload := ownOrigin(hostcheck.SameOrigin(s.hub))
	authConfig := ownOrigin(http.HandlerFunc(s.serveAuthConfig))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/auth_config.json":
			authConfig.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, livereload.Prefix):
			reload.ServeHTTP(w, r)
		default:
			switch upstream := s.proxy.Load().Handler(r); {
			case upstream == nil:
				app.ServeHTTP(w, r)
			case r.Header.Get("Upgrade") != "": // for WebSockets no browser asks whether a page may
				hostcheck.SameOrigin(upstream).ServeHTTP(w, r)
			default:
				upstream.ServeHTTP(w, r)
			}
		}
	})
}

// ownOrigin keeps pages of other origins from loading what next serves as scripts
// or images of theirs, which the same-origin policy alone lets them do.
func ownOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// serveAuthConfig tells the page which tenant, client and API it works with.
func (s *site) serveAuthConfig(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(struct { // fails only if the browser is gone
		Domain   string `json:"domain"`
		ClientID string `json:"clientId"`
		Audience string `json:"audience"`
	}{s.cfg.Domain, s.cfg.ClientID, s.cfg.Audience})
}

func (s *site) lookup(ctx context.Context, path string) ([]byte, string, bool) {
	file, ok := s.bundler.Lookup(ctx, path)
	return file.Content, file.ETag, ok
}

// watch returns a watcher of all that the site is made of.
func (s *site) watch() (*watch.Watcher, error) {
	w, err := watch.New()
	if err != nil {
		return nil, err
	}
	if err := w.Tree(s.cfg.Frontend); err != nil {
		return nil, err
	}
	if s.cfg.Problems != "" {
		if err := w.Tree(s.cfg.Problems); err != nil {
			return nil, err
		}
	}
	return w, w.File(s.cfg.ProxyConfig)
}

// changed brings edits of the files at paths into what is served.
func (s *site) changed(paths []string) {
	var page []string
	rules, problems := false, false
	for _, path := range paths {
		switch {
		case same(path, s.cfg.ProxyConfig):
			rules = true
		case s.cfg.Problems != "" && (same(path, s.cfg.Problems) || same(filepath.Dir(path), s.cfg.Problems)):
			problems = true
		default:
			page = append(page, path)
		}
	}
	if rules {
		s.reloadRules()
	}
	if problems {
		s.readProblems()
	}
	if len(page) == 0 {
		return
	}
	rebuilt := s.build()
	if !rebuilt && slices.ContainsFunc(page, s.servedAsIs) {
		s.log.Info("a static file changed", "file", page[0])
		s.hub.Reload()
	}
}

// same reports whether absolute is the path given, which need not be.
func same(absolute, given string) bool {
	abs, err := filepath.Abs(given)
	return err == nil && abs == absolute
}

// readProblems shows what others found wrong, as the runner does with what does
// not compile. Nothing of it is in our log: whoever found it has said it.
func (s *site) readProblems() {
	entries, err := os.ReadDir(s.cfg.Problems)
	if err != nil {
		s.log.Error("what others found wrong can't be read", "err", err)
		return
	}
	now := map[string]bool{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(s.cfg.Problems, entry.Name()))
		if err != nil || len(text) == 0 {
			continue // it is gone again, or about to be written
		}
		now[entry.Name()] = true
		s.hub.Report("others/"+entry.Name(), string(text))
	}
	for name := range s.others {
		if !now[name] {
			s.hub.Report("others/"+name, "")
		}
	}
	s.others = now
}

// servedAsIs reports whether path is index.html or a file of public/.
func (s *site) servedAsIs(path string) bool {
	dir, err := filepath.Abs(s.cfg.Frontend)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && (rel == "." || rel == "index.html" || rel == "public" || strings.HasPrefix(rel, "public"+string(filepath.Separator)))
}

// build builds the bundle. It returns whether pages were told to load again.
func (s *site) build() (reloaded bool) {
	report := s.bundler.Build()
	first := !s.tried // pages that are open already wait for it, so there is nothing to load again
	s.tried = true
	s.hub.Report("bundle", report.Problems)
	if report.Warnings != "" {
		s.log.Warn("the bundler warns\n" + report.Warnings)
	}
	switch {
	case report.Problems != "":
		s.log.Error("the build failed; the last good one stays\n" + report.Problems)
	case report.Changed:
		s.log.Info("built", "took", report.Took.Round(time.Millisecond))
		if !first {
			s.hub.Reload()
		}
		reloaded = !first
	case s.broken:
		s.log.Info("the build is good again; nothing changed")
	}
	s.broken = report.Problems != ""
	return reloaded
}
