package bundle

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"

	"calling-an-api.example/devserver/internal/source"
)

// Namespaces of files that are loaded in a special way.
const (
	copyNamespace   = "copy"   // copied for index.html
	inlineNamespace = "inline" // a script in index.html
	publicNamespace = "public" // a file of public/, imported by its URL
	urlNamespace    = "url"    // a file by its URL
	rawNamespace    = "raw"    // a file as text
	dataNamespace   = "data"   // a file as a data URL
	workerNamespace = "worker" // a script with everything that it imports, by its URL
	workerClass     = "worker-class"
	styleNamespace  = "style" // the text of a stylesheet with everything that it imports
)

// entryPrefix precedes the keys of entry points that are resolved here: inline scripts,
// and files that are copied.
const entryPrefix = "entry:"

// queries are the namespaces of imports whose path ends with a query, as Vite has them.
var queries = map[string]string{
	"?url": urlNamespace, "?raw": rawNamespace, "?inline": dataNamespace,
	"?worker": workerClass, "?worker&url": workerNamespace, "?classic-worker&url": workerNamespace,
}

// loader adds what esbuild lacks: it resolves URLs of the page, finds files that scripts
// refer to by URL, and records what a build reads. Its methods may be called from any
// goroutine.
type loader struct {
	dir     string // the frontend's folder
	mode    string
	entries []entry
	workers *workers

	mu     sync.Mutex // protects the fields below
	inputs map[string]bool
	cache  map[string]cached // of scripts, by path
}

// cached is a script that was read.
type cached struct {
	info os.FileInfo
	script
}

func newLoader(dir, mode string, entries []entry, w *workers) *loader {
	return &loader{dir: dir, mode: mode, entries: entries, workers: w, inputs: map[string]bool{}, cache: map[string]cached{}}
}

// plugin returns l as a plugin.
func (l *loader) plugin() api.Plugin {
	return api.Plugin{Name: "frontend", Setup: func(build api.PluginBuild) {
		build.OnStart(func() (api.OnStartResult, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.inputs = map[string]bool{}
			l.workers.begin()
			return api.OnStartResult{}, nil
		})
		build.OnResolve(api.OnResolveOptions{Filter: "^" + entryPrefix}, l.resolveEntry)
		build.OnResolve(api.OnResolveOptions{Filter: "^/"}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			return l.resolveAbsolute(build, args)
		})
		build.OnResolve(api.OnResolveOptions{Filter: `^(@[a-z0-9._-]+/)?[a-z0-9][a-z0-9._-]*$`}, resolveStyle)
		build.OnResolve(api.OnResolveOptions{Filter: `^~[^/]`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			return resolveTilde(build, args)
		})
		build.OnResolve(api.OnResolveOptions{Filter: `\?(url|raw|inline|worker|worker&url|classic-worker&url)$`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			return l.resolveQuery(build, args)
		})
		build.OnResolve(api.OnResolveOptions{Filter: `\?[A-Za-z&]+$`}, rejectQuery)
		build.OnResolve(api.OnResolveOptions{Filter: builtinFilter}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			return l.resolveBuiltin(build, args)
		})
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: "file"}, l.load)
		for _, namespace := range []string{copyNamespace, urlNamespace, rawNamespace, dataNamespace} {
			build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: namespace}, l.loadAsset)
		}
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: inlineNamespace}, l.loadInline)
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: publicNamespace}, loadPublic)
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: emptyNamespace}, loadEmpty)
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: workerNamespace}, l.loadWorker)
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: workerClass}, l.loadWorkerClass)
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: styleNamespace}, l.loadStyle)
	}}
}

// resolveEntry resolves an entry point.
func (l *loader) resolveEntry(args api.OnResolveArgs) (api.OnResolveResult, error) {
	key := strings.TrimPrefix(args.Path, entryPrefix)
	i := slices.IndexFunc(l.entries, func(e entry) bool { return e.key() == key })
	if i < 0 {
		return api.OnResolveResult{}, fmt.Errorf("%q is not an entry point", key)
	}
	e := l.entries[i]
	if e.file == "" {
		return api.OnResolveResult{Path: e.name, Namespace: inlineNamespace}, nil
	}
	return api.OnResolveResult{Path: filepath.Join(l.dir, filepath.FromSlash(e.file)), Namespace: copyNamespace}, nil
}

// resolved marks calls of esbuild's own resolver, which must not come back here.
type resolved struct{}

// resolveAbsolute resolves a path that starts with a slash: a file of public/, or one of
// the frontend's folder. Other URLs in styles are left alone.
func (l *loader) resolveAbsolute(build api.PluginBuild, args api.OnResolveArgs) (api.OnResolveResult, error) {
	if _, again := args.PluginData.(resolved); again || args.Kind == api.ResolveEntryPoint {
		return api.OnResolveResult{}, nil
	}
	name := args.Path
	if i := strings.IndexAny(name, "?#"); i >= 0 {
		name = name[:i]
	}
	file := filepath.FromSlash(strings.TrimPrefix(name, "/"))
	suffix := strings.TrimPrefix(args.Path, name)
	query := queries[suffix] != ""
	public := filepath.Join(l.dir, "public", file)
	switch {
	case !isRegular(public):
	case args.Kind == api.ResolveCSSURLToken, args.Kind == api.ResolveJSDynamicImport && suffix == "":
		return api.OnResolveResult{Path: args.Path, External: true}, nil
	case suffix == "" && args.Kind != api.ResolveCSSImportRule, suffix == "?url":
		return api.OnResolveResult{Path: name, Namespace: publicNamespace}, nil
	case query:
		return located(public, suffix), nil
	}
	switch {
	case !query && isRegular(filepath.Join(l.dir, file)):
		return resolveAgain(build, "./"+strings.TrimPrefix(args.Path, "/"), l.dir, args)
	case query && isRegular(filepath.Join(l.dir, file)):
		return located(filepath.Join(l.dir, file), suffix), nil
	case args.Kind == api.ResolveCSSURLToken:
		return api.OnResolveResult{Path: args.Path, External: true}, nil
	}
	return api.OnResolveResult{}, nil
}

// resolveTilde resolves "~package/file" in styles, webpack's way to name a package.
func resolveTilde(build api.PluginBuild, args api.OnResolveArgs) (api.OnResolveResult, error) {
	if args.Kind != api.ResolveCSSURLToken && args.Kind != api.ResolveCSSImportRule {
		return api.OnResolveResult{}, nil
	}
	return resolveAgain(build, args.Path[1:], args.ResolveDir, args)
}

// resolveAgain has esbuild resolve path in dir.
func resolveAgain(build api.PluginBuild, path, dir string, args api.OnResolveArgs) (api.OnResolveResult, error) {
	result := build.Resolve(path, api.ResolveOptions{
		Importer: args.Importer, Namespace: args.Namespace, ResolveDir: dir, Kind: args.Kind, PluginData: resolved{},
	})
	sideEffects := api.SideEffectsTrue
	if !result.SideEffects {
		sideEffects = api.SideEffectsFalse
	}
	return api.OnResolveResult{
		SideEffects: sideEffects, Path: result.Path, Namespace: result.Namespace, Suffix: result.Suffix, External: result.External, PluginData: result.PluginData,
		Errors: result.Errors, Warnings: result.Warnings,
	}, nil
}

// resolveQuery resolves a path with one of the queries.
func (l *loader) resolveQuery(build api.PluginBuild, args api.OnResolveArgs) (api.OnResolveResult, error) {
	name, query, _ := strings.Cut(args.Path, "?")
	if strings.HasPrefix(name, "/") {
		return l.resolveAbsolute(build, args)
	}
	result, err := resolveAgain(build, name, args.ResolveDir, args)
	if err != nil || len(result.Errors) > 0 {
		return result, err
	}
	return located(result.Path, "?"+query), nil
}

// rejectQuery reports a query that means something to a plugin of another tool. esbuild
// would ignore it.
func rejectQuery(args api.OnResolveArgs) (api.OnResolveResult, error) {
	_, again := args.PluginData.(resolved)
	if again || args.Kind == api.ResolveCSSURLToken || args.Kind == api.ResolveEntryPoint {
		return api.OnResolveResult{}, nil
	}
	_, query, _ := strings.Cut(args.Path, "?")
	return api.OnResolveResult{}, fmt.Errorf("?%s after a path is not supported here: use ?url, ?raw, ?inline or ?worker, or no query", query)
}

// located returns the result for file with one of the queries.
func located(file, query string) api.OnResolveResult {
	result := api.OnResolveResult{Path: file, Namespace: queries[query]}
	if result.Namespace == dataNamespace && filepath.Ext(file) == ".css" {
		result.Namespace = styleNamespace
	}
	if result.Namespace == workerNamespace { // its output is JavaScript, whatever the source is
		w := workerScript{file, query == "?classic-worker&url"}
		result.Path, result.PluginData = file+".js", w
		if w.classic {
			result.Path = file + ".classic.js"
		}
	}
	return result
}

// load records that a file is read, and prepares scripts.
func (l *loader) load(args api.OnLoadArgs) (api.OnLoadResult, error) {
	info, err := l.record(args.Path)
	if err != nil {
		return api.OnLoadResult{}, err
	}
	kind, ok := scriptLoaders[filepath.Ext(args.Path)]
	switch {
	case filepath.Ext(args.Path) == ".css" && !inPackage(args.Path):
		return l.loadStyles(args.Path)
	case !ok:
		return api.OnLoadResult{}, nil // esbuild reads it
	}
	l.mu.Lock()
	c, ok := l.cache[args.Path]
	l.mu.Unlock()
	if !ok || !os.SameFile(c.info, info) || c.info.ModTime() != info.ModTime() || c.info.Size() != info.Size() {
		code, err := os.ReadFile(args.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		c = cached{info, scan(args.Path, code)}
		l.mu.Lock()
		l.cache[args.Path] = c
		l.mu.Unlock()
	}
	contents, problems, warnings := l.prepare(args.Path, c.script)
	return api.OnLoadResult{Contents: &contents, Loader: kind, Errors: problems, Warnings: warnings}, nil
}

// scriptLoaders are the loaders of scripts, by extension.
var scriptLoaders = map[string]api.Loader{
	".js": api.LoaderJS, ".mjs": api.LoaderJS, ".cjs": api.LoaderJS, ".jsx": api.LoaderJSX,
	".ts": api.LoaderTS, ".mts": api.LoaderTS, ".cts": api.LoaderTS, ".tsx": api.LoaderTSX,
}

// record adds the file to the inputs of the build, and checks that it can be read.
func (l *loader) record(file string) (os.FileInfo, error) {
	l.mu.Lock()
	l.inputs[file] = true
	l.mu.Unlock()
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	return info, source.CheckMode(l.pretty(file), info.Mode())
}

// pretty returns the path of file for messages.
func (l *loader) pretty(file string) string {
	if rel, err := filepath.Rel(l.dir, file); err == nil {
		return filepath.ToSlash(rel)
	}
	return file
}

// read returns what the last build has read. It is valid until the next build.
func (l *loader) read() (inputs map[string]bool, preloads []preload) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for file, c := range l.cache {
		if l.inputs[file] {
			for _, name := range c.preloads {
				preloads = append(preloads, preload{l.pretty(file), name})
			}
		}
	}
	return maps.Clone(l.inputs), preloads
}

// preload is an import that a script marks as needed at once.
type preload struct{ importer, name string }

// loadAsset loads a file whole.
func (l *loader) loadAsset(args api.OnLoadArgs) (api.OnLoadResult, error) {
	if _, err := l.record(args.Path); err != nil {
		return api.OnLoadResult{}, err
	}
	data, err := os.ReadFile(args.Path)
	text := string(data)
	kinds := map[string]api.Loader{copyNamespace: api.LoaderCopy, urlNamespace: api.LoaderFile, rawNamespace: api.LoaderText, dataNamespace: api.LoaderDataURL}
	return api.OnLoadResult{Contents: &text, Loader: kinds[args.Namespace]}, err
}

// loadInline loads a script of index.html.
func (l *loader) loadInline(args api.OnLoadArgs) (api.OnLoadResult, error) {
	i := slices.IndexFunc(l.entries, func(e entry) bool { return e.file == "" && e.name == args.Path })
	if i < 0 {
		return api.OnLoadResult{}, fmt.Errorf("%q is not in index.html", args.Path)
	}
	file := filepath.Join(l.dir, args.Path)
	contents, problems, warnings := l.prepare(file, scan(file, []byte(l.entries[i].code)))
	return api.OnLoadResult{Contents: &contents, Loader: api.LoaderJS, ResolveDir: l.dir, Errors: problems, Warnings: warnings}, nil
}

// loadPublic returns a module with the URL of a file of public/.
func loadPublic(args api.OnLoadArgs) (api.OnLoadResult, error) {
	text := fmt.Sprintf("export default %q", args.Path)
	return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
}
