// Package bundle compiles the page's TypeScript and CSS with esbuild, in this
// process, and holds the result in memory. A build that fails changes nothing:
// the last good one stays until the next.
package bundle

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/evanw/esbuild/pkg/api"
)

// The entry points, in the frontend's folder. They come out as /index.js and
// /styles.css, which index.html names. What the script imports dynamically comes
// out beside it.
const (
	entryScript = "src/index.ts"
	entryStyles = "styles.css"
)

// File is one output.
type File struct {
	Content []byte
	ETag    string // quoted; changes when the content does
}

// Report says how a build went.
type Report struct {
	Took     time.Duration
	Changed  []string // URL paths of outputs that differ from the last good build's, or are gone
	Canceled bool     // by Cancel; nothing else is known of it
	Problems string   // errors with their places, "" if the build is good
	Warnings string
}

// Bundler builds one frontend.
type Bundler struct {
	ctx   api.BuildContext
	dir   string
	built chan struct{} // closed when the first build has ended

	mu    sync.RWMutex
	files map[string]File // last good build's, by URL path
	tried bool
}

// Has reports whether dir holds sources to bundle; without, it is a built frontend.
func Has(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(entryScript)))
	return err == nil
}

// New returns a Bundler for the frontend in dir. It has built nothing yet.
func New(dir string) (*Bundler, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	ctx, fault := api.Context(options(dir))
	if fault != nil {
		return nil, fmt.Errorf("set up the bundler: %s", Format(filepath.Base(dir), fault.Errors))
	}
	return &Bundler{ctx: ctx, dir: dir, built: make(chan struct{})}, nil
}

// options are those of every build of the frontend in dir.
func options(dir string) api.BuildOptions {
	return api.BuildOptions{
		AbsWorkingDir: dir,
		EntryPointsAdvanced: []api.EntryPoint{
			{InputPath: entryScript, OutputPath: "index"},
			{InputPath: entryStyles, OutputPath: "styles"},
		},
		Outdir:     filepath.Join(dir, "dist"), // a name for paths; nothing is written
		Bundle:     true,
		Splitting:  true, // what is imported later is a file of its own
		ChunkNames: "[name]-[hash]",
		Format:     api.FormatESModule,
		Platform:   api.PlatformBrowser,
		Target:     api.ES2022,
		Sourcemap:  api.SourceMapLinked,
		Plugins:    []api.Plugin{publicFiles, packages},
		LogLevel:   api.LogLevelSilent,
	}
}

// publicFiles leaves absolute URLs in the styles alone: they name files of public/.
var publicFiles = api.Plugin{Name: "public-files", Setup: func(build api.PluginBuild) {
	build.OnResolve(api.OnResolveOptions{Filter: "^/"}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
		if args.Kind != api.ResolveCSSURLToken {
			return api.OnResolveResult{}, nil
		}
		return api.OnResolveResult{Path: args.Path, External: true}, nil
	})
}}

// packages has no source map of a package's own followed: nobody debugs the sources of
// the SDK here, and to map them takes a third of the time of each build.
var packages = api.Plugin{Name: "packages", Setup: func(build api.PluginBuild) {
	empty := base64.StdEncoding.EncodeToString([]byte(`{"version":3,"sources":[""],"mappings":"A"}`))
	instead := "\n//# sourceMappingURL=data:application/json;base64," + empty + "\n" // the last one counts
	build.OnLoad(api.OnLoadOptions{Filter: `[/\\]node_modules[/\\].*\.m?js$`}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		content, err := os.ReadFile(args.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		text := string(content) + instead
		return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
	})
}}

// Close releases the Bundler's memory. A build under way is cancelled.
func (b *Bundler) Close() { b.ctx.Dispose() }

// Cancel ends a build under way: what it builds is out of date.
func (b *Bundler) Cancel() { b.ctx.Cancel() }

// Build builds what changed since the last time. Calls must not overlap.
func (b *Bundler) Build() Report {
	start := time.Now()
	result := b.ctx.Rebuild()
	if len(result.Errors) == 1 && result.Errors[0].Text == "The build was canceled" { // esbuild has no other sign of it
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
	if !b.tried {
		b.tried = true
		close(b.built)
	}
	report.Took = time.Since(start)
	return report
}

// url is where the page finds the output that esbuild calls file.
func (b *Bundler) url(file string) string {
	rel, err := filepath.Rel(filepath.Join(b.dir, "dist"), file)
	if err != nil { // can't be: both are absolute
		rel = filepath.Base(file)
	}
	return path.Join("/", filepath.ToSlash(rel))
}

// Lookup returns the output at the URL path. It waits for the first build's end,
// or that of ctx.
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

// Format writes messages as compilers do: place, problem, the line itself and a
// mark under the fault. Places are below the folder name; lines and columns
// count from 1, columns in bytes.
func Format(name string, messages []api.Message) string {
	var b strings.Builder
	for _, m := range messages {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		l := m.Location
		if l == nil {
			fmt.Fprintf(&b, "%s: %s\n", name, m.Text)
			continue
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s\n", path.Join(name, l.File), l.Line, l.Column+1, m.Text)
		if l.LineText != "" {
			fmt.Fprintf(&b, "  %s\n  %s^\n", l.LineText, indent(l.LineText, l.Column))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// indent is as wide as the first column bytes of line: tabs stay tabs, every
// other character counts as one space.
func indent(line string, column int) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[:min(column, len(line))])
}
