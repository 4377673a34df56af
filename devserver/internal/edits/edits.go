// Package edits turns saves of files into new proxy rules, a new configuration of the
// local tenant and a new bundle, and tells the open pages.
//
// The goroutine of [Edits.Run] owns all mutable state. The watcher and the builds run in
// goroutines of their own and send it paths and reports, and so does the type checker. An
// invalid file is ignored: the last valid version stays in use.
package edits

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"calling-an-api.example/devserver/internal/bundle"
	"calling-an-api.example/devserver/internal/livereload"
	"calling-an-api.example/devserver/internal/proxyconf"
	"calling-an-api.example/devserver/internal/source"
	"calling-an-api.example/devserver/internal/spa"
	"calling-an-api.example/devserver/internal/typecheck"
	"calling-an-api.example/devserver/internal/watch"
)

// Options are the files to watch and what their edits update.
type Options struct {
	Frontend     string          // folder with sources, or with a built frontend
	Bundler      *bundle.Bundler // builds the sources; nil if the frontend is already built
	Types        bool            // also run the type checker; ignored without Bundler
	ProxyConfig  string          // file with the proxy rules
	TenantConfig string          // file of the local tenant, "" for none
	Problems     string          // folder in which other programs write problems, one in each file; "" for none
	Poll         time.Duration   // interval at which to look at the files; 0 if the system notifies of changes

	PageOrigin   string                // origin of the page; a rule that targets it is rejected
	DPoP         bool                  // requests of the page have proofs, which name their URL
	Built        func()                // called after each build, when its result is served; Run waits for it
	SetRules     func(proxyconf.Rules) // replaces the rules; called by New, and then by Run's goroutine
	ReloadTenant func() error          // reloads TenantConfig; on error the old configuration stays
	Hub          *livereload.Hub       // the open pages
	Log          *slog.Logger
}

// Edits follows files. Call [New], then [Edits.Run] once, then [Edits.Close].
type Edits struct {
	Options
	watcher *watch.Watcher
	rules   proxyconf.Rules // in use; owned by New, then by Run
	atStart contents        // of a built frontend, which New sets
	warned  source.Problems // warnings of the last build; owned by Run
}

// New starts to watch the files, so that no edit from now on is missed, and loads the
// proxy rules. It returns an error if these or the frontend's folder are invalid, or if
// the files cannot be watched.
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
	if e.Bundler == nil { // before the first page is served, so that no later edit is taken for its state
		e.atStart = readContents(e.Frontend)
	}
	return e, nil
}

// Close stops watching.
func (e *Edits) Close() { e.watcher.Close() }

// watch starts to watch the frontend, the rules, the tenant's file and the problems. On
// error nothing is watched.
func (e *Edits) watch() (*watch.Watcher, error) {
	w, err := watch.New(e.Poll)
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

// Run applies edits until ctx ends.
func (e *Edits) Run(ctx context.Context) {
	var group errgroup.Group
	changes := make(chan []string)
	group.Go(func() error {
		e.watcher.Run(ctx, changes, func(err error) { e.Log.Error("watching files", "err", err) })
		return nil
	})
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
		case problems := <-frontend.checked():
			frontend.found(ctx, problems)
		case <-frontend.due():
			frontend.edited(ctx, nil)
		}
	}
}

// frontend handles edits of the frontend's folder. Only the loop calls its methods.
type frontend interface {
	start(ctx context.Context)
	edited(ctx context.Context, paths []string)
	ready() <-chan struct{}     // receives when finish has something to do
	finish(ctx context.Context) // handles a finished build
	due() <-chan time.Time      // receives when edited is to look again
	checked() <-chan []typecheck.Problem
	found(ctx context.Context, problems []typecheck.Problem) // handles what was received from checked
	stop()
}

// kinds classifies the paths of one batch of changes.
type kinds struct {
	rules, tenant, problems bool
	frontend                []string
}

// classify says what each path belongs to. A path that is none of the files is the
// frontend's.
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

// isFile reports whether absolute and configured are the same path. configured may be
// relative; "" is no path.
func isFile(absolute, configured string) bool {
	abs, err := filepath.Abs(configured)
	return configured != "" && err == nil && abs == absolute
}

// reloadTenant reloads the tenant's configuration; on error the old one stays.
func (e *Edits) reloadTenant() {
	if err := e.ReloadTenant(); err != nil {
		e.Log.Error("the local tenant keeps its last valid configuration\n" + err.Error())
		e.Hub.Report("tenant", err.Error(), "The last valid configuration stays in effect until this is fixed.")
		return
	}
	e.Hub.Report("tenant", "", "")
	e.Log.Info("the local tenant uses the new " + e.TenantConfig)
}

// notifyPages makes the open pages reload, or reload only their styles.
func (e *Edits) notifyPages(reload, restyle bool) {
	if !reload && !restyle {
		return
	}
	if err := spa.Check(e.Frontend); err != nil { // a reload would replace the working page with an error page
		e.Hub.Report("index", err.Error(), lastPage)
		e.Log.Error("the open pages are not reloaded", "err", err)
		return
	}
	e.Hub.Report("index", "", "")
	if reload {
		e.Hub.Reload()
	} else {
		e.Hub.Restyle()
	}
}

// lastPage is the hint of a problem because of which open pages are not reloaded.
const lastPage = "Open pages stay as they are until this is fixed."

// round returns d in whole milliseconds.
func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
