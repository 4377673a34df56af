// Package edits turns saves of files into new proxy rules, a new configuration of the
// local tenant and a new bundle, and tells the open pages.
//
// One goroutine, [Edits.Run], owns all of it: the watcher sends it paths, a build sends
// it its report, and everything that changes is a local variable of it or of what it
// calls. An invalid file changes nothing: what was valid last stays in use.
package edits

import (
	"context"
	"log/slog"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/livereload"
	"calling-an-api.example/devserver/internal/procs"
	"calling-an-api.example/devserver/internal/proxyconf"
	"calling-an-api.example/devserver/internal/spa"
	"calling-an-api.example/devserver/internal/typecheck"
	"calling-an-api.example/devserver/internal/watch"
)

// Options are what edits are read from and what they take effect in.
type Options struct {
	Frontend     string          // folder with sources, or with a built frontend
	Bundler      *bundle.Bundler // builds the sources; nil if the frontend is already built
	Types        bool            // also check the sources' types
	ProxyConfig  string          // file with the proxy rules
	TenantConfig string          // file of the local tenant, "" for none
	Problems     string          // folder with problems of others to show, "" for none

	PageOrigin   string                // where the dev server is, which no rule may target
	SetRules     func(proxyconf.Rules) // makes the proxy use other rules
	ReloadTenant func() error          // makes the tenant read its file; on error nothing changes
	Hub          *livereload.Hub       // the open pages
	Log          *slog.Logger
}

// Edits follows files. Use [New] and then [Edits.Run].
type Edits struct {
	Options
	watcher *watch.Watcher
	rules   proxyconf.Rules // in use; owned by New, then by Run
}

// New starts to watch the files, so that no edit from now on is missed, and loads the
// proxy rules. An error says what is wrong with them or with the frontend's folder.
func New(opts Options) (*Edits, error) {
	if err := spa.Check(opts.Frontend); err != nil {
		return nil, err
	}
	e := &Edits{Options: opts}
	var err error
	if e.watcher, err = e.watch(); err != nil {
		return nil, err
	}
	if err := e.loadRules(); err != nil {
		e.watcher.Close()
		return nil, err
	}
	e.logRules()
	return e, nil
}

// Close stops watching.
func (e *Edits) Close() { e.watcher.Close() }

func (e *Edits) watch() (*watch.Watcher, error) {
	w, err := watch.New()
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{e.Frontend, e.Problems} {
		if dir != "" && err == nil {
			err = w.Tree(dir)
		}
	}
	for _, file := range []string{e.ProxyConfig, e.TenantConfig} {
		if file != "" && err == nil {
			err = w.File(file)
		}
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Run follows the files until ctx ends.
func (e *Edits) Run(ctx context.Context) {
	var group errgroup.Group
	changes := make(chan []string)
	group.Go(func() error {
		e.watcher.Run(ctx, changes, func(err error) { e.Log.Error("watching files", "err", err) })
		return nil
	})
	if e.Types && e.Bundler != nil {
		group.Go(func() error { e.checkTypes(ctx); return nil })
	}
	e.follow(ctx, changes)
	_ = group.Wait() // they return no error
}

// follow is the loop of Run.
func (e *Edits) follow(ctx context.Context, changes <-chan []string) {
	shown := e.showProblems(nil)
	var frontend frontend = &built{edits: e}
	if e.Bundler != nil {
		frontend = &sources{edits: e}
	}
	frontend.start(ctx)
	defer frontend.stop()
	for {
		select {
		case <-ctx.Done():
			return
		case paths := <-changes:
			kinds := e.classify(paths)
			if kinds.rules {
				e.reloadRules()
			}
			if kinds.tenant {
				e.reloadTenant()
			}
			if kinds.problems {
				shown = e.showProblems(shown)
			}
			if len(kinds.frontend) > 0 {
				frontend.edited(ctx, kinds.frontend)
			}
		case <-frontend.ready():
			frontend.finish(ctx)
		}
	}
}

// frontend is what follows edits of the frontend's folder. Its methods are called by
// the loop only.
type frontend interface {
	start(ctx context.Context)
	edited(ctx context.Context, paths []string)
	ready() <-chan struct{}     // receives when finish has something to do
	finish(ctx context.Context) // what comes after a build
	stop()
}

// kinds are the paths of one batch of changes by what they are part of.
type kinds struct {
	rules, tenant, problems bool
	frontend                []string
}

func (e *Edits) classify(paths []string) (k kinds) {
	for _, path := range paths {
		switch {
		case isFile(path, e.ProxyConfig):
			k.rules = true
		case isFile(path, e.TenantConfig):
			k.tenant = true
		case isFile(path, e.Problems), isFile(filepath.Dir(path), e.Problems):
			k.problems = true
		default:
			k.frontend = append(k.frontend, path)
		}
	}
	return k
}

// isFile reports whether absolute is the path configured, which may be relative; ""
// is no file.
func isFile(absolute, configured string) bool {
	abs, err := filepath.Abs(configured)
	return configured != "" && err == nil && abs == absolute
}

// reloadTenant reloads the tenant's configuration; on error the old one stays.
func (e *Edits) reloadTenant() {
	if err := e.ReloadTenant(); err != nil {
		e.Log.Error("the local tenant keeps its last valid configuration\n" + err.Error())
		e.Hub.Report("tenant", err.Error())
		return
	}
	e.Hub.Report("tenant", "")
	e.Log.Info("the local tenant uses the new " + e.TenantConfig)
}

// notifyPages makes the open pages load again what has changed: outputs of the bundle,
// and files that are served as they are. If that is styles only, only those.
func (e *Edits) notifyPages(outputs, files []string) {
	if len(outputs) == 0 && len(files) == 0 {
		return
	}
	if err := spa.Check(e.Frontend); err != nil { // a page that reloads now would be lost
		e.Hub.Report("index", err.Error())
		e.Log.Error("the open pages are not reloaded", "err", err)
		return
	}
	e.Hub.Report("index", "")
	if len(outputs) == 0 {
		e.Log.Info("a static file changed", "file", files[0])
	}
	isStyle := func(name string) bool { return path.Ext(strings.TrimSuffix(filepath.ToSlash(name), ".map")) == ".css" }
	if slices.ContainsFunc(slices.Concat(outputs, files), func(name string) bool { return !isStyle(name) }) {
		e.Hub.Reload()
	} else {
		e.Hub.Restyle()
	}
}

// checkTypes shows the problems that the type checker finds, until ctx ends.
func (e *Edits) checkTypes(ctx context.Context) {
	wrong := false
	err := typecheck.Run(ctx, typecheck.Options{Dir: e.Frontend, Isolate: procs.Isolate, Report: func(problems string) {
		e.Hub.Report("types", problems)
		if problems != "" {
			e.Log.Error("type errors\n" + problems)
		} else if wrong {
			e.Log.Info("no more type errors")
		}
		wrong = problems != ""
	}})
	e.Hub.Report("types", "") // nothing would remove them any more
	if err != nil {
		e.Log.Warn("types are not checked until the dev server is restarted", "err", err)
	}
}

// round makes a duration readable.
func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
