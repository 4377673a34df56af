// Package bundle compiles the page's TypeScript and CSS with esbuild, in this process,
// and keeps the result in memory. If a build fails, the last successful one stays.
package bundle

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/evanw/esbuild/pkg/api"

	"calling-an-api.example/devserver/internal/source"
)

// The entry points, in the frontend's folder. Their outputs are /index.js and
// /styles.css, which index.html names. Dynamic imports become scripts of their own.
const (
	entryScript = "src/index.ts"
	entryStyles = "styles.css"
)

// File is one output.
type File struct {
	Content []byte
	ETag    string // quoted; a digest of the content
}

// Report is the result of a build.
type Report struct {
	Took     time.Duration
	Changed  []string // URL paths of outputs that differ from the last successful build's, or are gone
	Canceled bool     // its context ended; all other fields are zero
	Problems string   // errors with excerpts, "" if the build succeeded
	Warnings string   // in the same form
}

// Bundler builds one frontend.
type Bundler struct {
	ctx       api.BuildContext
	dir       string
	built     chan struct{} // closed when the first build has ended
	markBuilt func()        // closes built, once

	mu    sync.RWMutex    // protects files
	files map[string]File // of the last successful build, by URL path
}

// Has reports whether dir has sources to bundle. If not, it is a built frontend.
func Has(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(entryScript)))
	return err == nil
}

// New returns a Bundler for the frontend in dir. It builds nothing yet.
func New(dir string) (*Bundler, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	ctx, failure := api.Context(options(dir))
	if failure != nil {
		return nil, fmt.Errorf("set up the bundler: %s", Format(filepath.Base(dir), failure.Errors))
	}
	b := &Bundler{ctx: ctx, dir: dir, built: make(chan struct{})}
	b.markBuilt = sync.OnceFunc(func() { close(b.built) })
	return b, nil
}

// options are the options of every build of the frontend in dir.
func options(dir string) api.BuildOptions {
	return api.BuildOptions{
		AbsWorkingDir: dir,
		EntryPointsAdvanced: []api.EntryPoint{
			{InputPath: entryScript, OutputPath: "index"},
			{InputPath: entryStyles, OutputPath: "styles"},
		},
		Outdir:     filepath.Join(dir, "dist"), // only for names; nothing is written
		Bundle:     true,
		Splitting:  true, // dynamic imports become files
		ChunkNames: "[name]-[hash]",
		Format:     api.FormatESModule,
		Platform:   api.PlatformBrowser,
		Target:     api.ES2022,
		Sourcemap:  api.SourceMapLinked,
		Plugins:    []api.Plugin{publicFiles, packages},
		LogLevel:   api.LogLevelSilent,
	}
}

// publicFiles keeps absolute URLs in styles, which name files of public/.
var publicFiles = api.Plugin{Name: "public-files", Setup: func(build api.PluginBuild) {
	build.OnResolve(api.OnResolveOptions{Filter: "^/"}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
		if args.Kind != api.ResolveCSSURLToken {
			return api.OnResolveResult{}, nil
		}
		return api.OnResolveResult{Path: args.Path, External: true}, nil
	})
}}

// packages ignores the source maps of packages: following them takes a third of each
// build, and the SDK's sources are not debugged here.
var packages = api.Plugin{Name: "packages", Setup: func(build api.PluginBuild) {
	empty := base64.StdEncoding.EncodeToString([]byte(`{"version":3,"sources":[""],"mappings":"A"}`))
	instead := "\n//# sourceMappingURL=data:application/json;base64," + empty + "\n" // the last one in a file counts
	build.OnLoad(api.OnLoadOptions{Filter: `[/\\]node_modules[/\\].*\.m?js$`}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		content, err := os.ReadFile(args.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		text := string(content) + instead
		return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
	})
}}

// Close releases the Bundler's memory and cancels a build in progress.
func (b *Bundler) Close() { b.ctx.Dispose() }

// Build builds what has changed since the last time, until ctx ends. Calls must not
// overlap.
func (b *Bundler) Build(ctx context.Context) Report {
	start := time.Now()
	canceled := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(canceled)
		b.ctx.Cancel()
	})
	result := b.ctx.Rebuild()
	if !stop() {
		<-canceled // otherwise it could cancel the next build
	}
	if ctx.Err() != nil {
		return Report{Canceled: true}
	}
	name := filepath.Base(b.dir)
	report := Report{Problems: Format(name, result.Errors), Warnings: Format(name, result.Warnings)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(result.Errors) == 0 {
		files := make(map[string]File, len(result.OutputFiles))
		for _, out := range result.OutputFiles {
			url := b.url(out.Path)
			files[url] = File{Content: out.Contents, ETag: `"` + out.Hash + `"`}
			if b.files[url].ETag != files[url].ETag {
				report.Changed = append(report.Changed, url)
			}
		}
		for url := range b.files {
			if _, still := files[url]; !still {
				report.Changed = append(report.Changed, url)
			}
		}
		b.files = files
	}
	b.markBuilt()
	report.Took = time.Since(start)
	return report
}

// url is the URL path of the output that esbuild calls file.
func (b *Bundler) url(file string) string {
	rel, err := filepath.Rel(filepath.Join(b.dir, "dist"), file)
	if err != nil { // impossible: both are absolute
		rel = filepath.Base(file)
	}
	return path.Join("/", filepath.ToSlash(rel))
}

// Lookup returns the output at the URL path. It waits until the first build or ctx has
// ended. It may be called from any goroutine.
func (b *Bundler) Lookup(ctx context.Context, urlPath string) (File, bool) {
	select {
	case <-b.built:
	case <-ctx.Done():
		return File{}, false
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	file, ok := b.files[urlPath]
	return file, ok
}

// Format writes messages as package source does. Files are below the folder name.
func Format(name string, messages []api.Message) string {
	var problems source.Problems
	for _, m := range messages {
		problem := source.Problem{Position: source.Position{File: name, Line: 1, Column: 1}, Message: m.Text}
		if l := m.Location; l != nil {
			problem.Position = source.Position{File: path.Join(name, l.File), Line: l.Line, Column: l.Column + 1}
			problem.Excerpt = l.LineText
		}
		problems = append(problems, problem)
	}
	return problems.Error()
}
