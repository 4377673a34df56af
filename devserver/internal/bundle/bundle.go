// Package bundle compiles a frontend with esbuild, in this process: whatever scripts and
// styles its index.html refers to, and what these refer to. It keeps the result in
// memory. If a build fails, the last successful one stays.
//
// A build has three steps. [resolve] finds out which files index.html refers to. esbuild
// compiles them, with a plugin that adds what esbuild lacks (loader). [assemble] writes
// the URLs of the outputs into index.html.
package bundle

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/evanw/esbuild/pkg/api"

	"calling-an-api.example/devserver/internal/source"
)

// File is one output.
type File struct {
	Content []byte
	ETag    string // quoted; a digest of the content
}

// Page is the compiled index.html.
type Page struct {
	Content []byte
	Sources Sources // what its Content-Security-Policy must allow in addition
}

// IndexPath is the URL path of the page, for [Report.Changed].
const IndexPath = "/index.html"

// Report is the result of a build.
type Report struct {
	Took     time.Duration
	Changed  []string        // URL paths of outputs that differ from the last successful build's, or are gone
	Canceled bool            // its context ended; all other fields are zero
	Problems source.Problems // why the build failed; nil if it succeeded
	Warnings source.Problems
	Began    time.Time
	Inputs   []string // all files that it has read, as absolute paths without symbolic links
}

// Bundler builds one frontend.
type Bundler struct {
	dir       string
	environ   []string
	built     chan struct{} // closed when the first build has ended
	markBuilt func()        // closes built, once

	// Owned by the caller of Build.
	plan   plan
	ctx    api.BuildContext // of plan; nil before the first build
	loader *loader          // of ctx

	mu    sync.RWMutex    // protects the fields below
	files map[string]File // of the last successful build, by URL path
	page  Page            // likewise; before the first successful build, placeholder
}

// placeholder is the page as long as no build has succeeded. The dev server adds the
// script that shows the problems.
const placeholder = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Not built yet</title></head><body></body></html>`

// New returns a Bundler for the frontend in dir. environ is the environment, "NAME=value"
// each. It builds nothing yet.
func New(dir string, environ []string) (*Bundler, error) {
	dir, err := realPath(dir)
	if err != nil {
		return nil, err
	}
	b := &Bundler{dir: dir, environ: environ, built: make(chan struct{})}
	b.markBuilt = sync.OnceFunc(func() { close(b.built) })
	return b, nil
}

// realPath returns dir as an absolute path without symbolic links, as esbuild names files.
func realPath(dir string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

// Close releases the Bundler's memory. No build may be in progress.
func (b *Bundler) Close() {
	if b.ctx != nil {
		b.ctx.Dispose()
		b.loader.workers.close()
	}
}

// Build builds what has changed since the last time, until ctx ends. Calls must not
// overlap.
func (b *Bundler) Build(ctx context.Context) Report {
	start := time.Now()
	text, p, report := b.read()
	var result api.BuildResult
	if len(report.Problems) == 0 {
		if report.Problems = b.prepare(p); len(report.Problems) == 0 && len(b.plan.entries) > 0 {
			if result = b.rebuild(ctx); ctx.Err() != nil {
				return Report{Canceled: true}
			}
			report.Problems = problems(b.dir, b.plan, result.Errors)
			report.Warnings = append(report.Warnings, problems(b.dir, b.plan, result.Warnings)...)
		}
	}
	var files map[string]File
	var out Page
	if len(report.Problems) == 0 {
		var err error
		if files, out, err = assemble(b.dir, development, p, b.loader, result); err != nil {
			report.Problems = source.Problems{source.New(path.Join(filepath.Base(b.dir), "index.html"), string(text), 0, err.Error())}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case len(report.Problems) == 0:
		report.Changed = changes(b.files, files)
		if !slices.Equal(b.page.Content, out.Content) || !reflect.DeepEqual(b.page.Sources, out.Sources) {
			report.Changed = append(report.Changed, IndexPath)
		}
		b.files, b.page = files, out
	case b.files == nil:
		b.page = Page{Content: []byte(placeholder)}
	}
	report.Inputs = b.inputs()
	b.markBuilt()
	report.Began, report.Took = start, time.Since(start)
	return report
}

// read reads index.html.
func (b *Bundler) read() (text []byte, p page, report Report) {
	name := path.Join(filepath.Base(b.dir), "index.html")
	env, err := readEnv(b.dir, development, b.environ)
	if err == nil {
		text, err = source.ReadFile(filepath.Join(b.dir, "index.html"))
	}
	if err != nil {
		report.Problems = source.Problems{asProblem(name, err)}
		return text, p, report
	}
	text = fillIn(text, development, env)
	p, report.Problems, report.Warnings = resolve(b.dir, text)
	p.env = env
	return text, p, report
}

// prepare makes the context that compiles what p refers to, unless it is the current one.
func (b *Bundler) prepare(p page) source.Problems {
	next := newPlan(b.dir, p)
	if b.loader != nil && reflect.DeepEqual(next, b.plan) {
		return nil
	}
	b.Close()
	b.ctx, b.plan = nil, next
	opts, l := options(b.dir, development, next)
	if b.loader = l; len(next.entries) == 0 {
		return nil
	}
	ctx, failure := api.Context(opts)
	if failure != nil {
		b.loader = nil
		return problems(b.dir, next, failure.Errors)
	}
	b.ctx = ctx
	return nil
}

// rebuild runs esbuild until ctx ends.
func (b *Bundler) rebuild(ctx context.Context) api.BuildResult {
	canceled := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(canceled)
		b.loader.workers.cancel() // whose builds the other one waits for
		b.ctx.Cancel()
	})
	result := b.ctx.Rebuild()
	if !stop() {
		<-canceled // otherwise it could cancel the next build
	}
	return result
}

// inputs returns all files that the last build has read. After a failure it may have
// stopped early, so those of index.html are always among them.
func (b *Bundler) inputs() []string {
	all := map[string]bool{filepath.Join(b.dir, "index.html"): true}
	for _, e := range b.plan.entries {
		if e.file != "" {
			all[filepath.Join(b.dir, filepath.FromSlash(e.file))] = true
		}
	}
	for _, file := range append(tsconfigFiles(b.plan.tsconfig), filepath.Join(b.dir, "package.json")) {
		all[file] = true
	}
	for _, name := range envFiles(development) {
		all[filepath.Join(b.dir, name)] = true
	}
	if b.loader != nil {
		read, _ := b.loader.read()
		maps.Copy(all, read)
	}
	return slices.Sorted(maps.Keys(all))
}

// changes returns the paths of files that differ, or are in one of the maps only.
func changes(before, now map[string]File) (paths []string) {
	for url, file := range now {
		if before[url].ETag != file.ETag {
			paths = append(paths, url)
		}
	}
	for url := range before {
		if _, still := now[url]; !still {
			paths = append(paths, url)
		}
	}
	return paths
}

// Lookup returns the output at the URL path. It waits until the first build or ctx has
// ended. It may be called from any goroutine.
func (b *Bundler) Lookup(ctx context.Context, urlPath string) (File, bool) {
	if !b.await(ctx) {
		return File{}, false
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	file, ok := b.files[urlPath]
	return file, ok
}

// Page returns the page. It waits as [Bundler.Lookup] does; ok is false if ctx has ended.
func (b *Bundler) Page(ctx context.Context) (page Page, ok bool) {
	if !b.await(ctx) {
		return Page{}, false
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.page, true
}

// Sources returns what the Content-Security-Policy of the page must allow in addition.
// It does not wait. It may be called from any goroutine.
func (b *Bundler) Sources() Sources {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.page.Sources
}

// await waits until the first build or ctx has ended, and reports whether it was the build.
func (b *Bundler) await(ctx context.Context) bool {
	select {
	case <-b.built:
		return true
	case <-ctx.Done():
		return false
	}
}
