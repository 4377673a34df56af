package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/hostcheck"
	"calling-an-api.example/devserver/internal/livereload"
	"calling-an-api.example/devserver/internal/procs"
	"calling-an-api.example/devserver/internal/proxy"
	"calling-an-api.example/devserver/internal/proxyconf"
	"calling-an-api.example/devserver/internal/spa"
	"calling-an-api.example/devserver/internal/tenant"
	"calling-an-api.example/devserver/internal/typecheck"
	"calling-an-api.example/devserver/internal/watch"
)

// site is the page's server: what it is made of, and how edits get into it.
type site struct {
	cfg        config.Config
	origin     string // of the page
	log        *slog.Logger
	bundler    *bundle.Bundler // nil where the frontend is built already
	hub        *livereload.Hub
	watcher    *watch.Watcher
	transports *proxy.Transports
	proxy      atomic.Pointer[proxy.Proxy]
	rules      proxyconf.Rules // those of proxy
	tenant     *tenant.Tenant  // the local one, or nil
	others     map[string]bool // problems of others, by file name
	tried      bool            // a build has ended
	broken     bool            // the last build failed

	mu      sync.Mutex
	pending []string      // paths of the page that are edited and not built yet
	edited  chan struct{} // has something in it while there are some
}

// newSite returns a site that serves as its files are now. It must be closed.
func newSite(cfg config.Config, origin string, transports *proxy.Transports, log *slog.Logger) (s *site, err error) {
	if err := spa.Check(cfg.Frontend); err != nil {
		return nil, err
	}
	made := &site{cfg: cfg, origin: origin, log: log, hub: livereload.New(), transports: transports, edited: make(chan struct{}, 1)}
	s = made
	defer func() {
		if err != nil {
			made.close()
		}
	}()
	if bundle.Has(cfg.Frontend) {
		if s.bundler, err = bundle.New(cfg.Frontend); err != nil {
			return nil, err
		}
	}
	if s.watcher, err = s.watch(); err != nil { // before anything is read, so that no edit is missed
		return nil, err
	}
	if err := s.loadRules(); err != nil {
		return nil, err
	}
	s.listRules()
	if cfg.Problems != "" {
		s.readProblems()
	}
	return s, nil
}

func (s *site) close() {
	s.hub.Close()
	if s.watcher != nil {
		s.watcher.Close()
	}
	if s.bundler != nil {
		s.bundler.Close()
	}
}

// run keeps the site up to date, as part of group, until ctx ends.
func (s *site) run(ctx context.Context, group *errgroup.Group) {
	group.Go(func() error {
		s.watcher.Run(ctx, s.changed, func(err error) { s.log.Error("watching files", "err", err) })
		return nil
	})
	group.Go(func() error { s.buildAgain(ctx); return nil })
	if s.cfg.Types && s.bundler != nil {
		group.Go(func() error { s.checkTypes(ctx); return nil })
	}
	group.Go(func() error { <-ctx.Done(); s.hub.Close(); return nil }) // its streams would hold up the servers' end
}

// handler returns what serves the page's port. The dev server's own paths come
// first, so that no proxy rule can take them away; then the rules, then the app.
func (s *site) handler() http.Handler {
	options := spa.Options{Dir: s.cfg.Frontend, Public: ".", Inject: s.hub.Script, Log: s.log}
	if s.bundler != nil {
		options.Public, options.Lookup = "public", s.lookup
	}
	app := ownOrigin(s.policed(spa.Handler(options)))
	reload := ownOrigin(hostcheck.SameOrigin(s.hub))
	authConfig := ownOrigin(http.HandlerFunc(s.serveAuthConfig))
	status := ownOrigin(hostcheck.SameOrigin(http.HandlerFunc(s.serveStatus)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/auth_config.json":
			authConfig.ServeHTTP(w, r)
		case r.URL.Path == livereload.Prefix+"status.json":
			status.ServeHTTP(w, r)
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
	_ = json.NewEncoder(w).Encode(s.cfg.Auth()) // fails only if the browser is gone
}

func (s *site) lookup(ctx context.Context, path string) ([]byte, string, bool) {
	file, ok := s.bundler.Lookup(ctx, path)
	return file.Content, file.ETag, ok
}

// checkTypes shows what the type checker finds, until ctx ends.
func (s *site) checkTypes(ctx context.Context) {
	wrong := false
	err := typecheck.Run(ctx, typecheck.Options{Dir: s.cfg.Frontend, Isolate: procs.Isolate, Report: func(problems string) {
		s.hub.Report("types", problems)
		if problems != "" {
			s.log.Error("wrong types\n" + problems)
		} else if wrong {
			s.log.Info("the types are right again")
		}
		wrong = problems != ""
	}})
	s.hub.Report("types", "") // what it said last can't be mended any more
	if err != nil {
		s.log.Warn("types are not checked any more, until the dev server is started anew", "err", err)
	}
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
