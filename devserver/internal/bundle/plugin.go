package bundle

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"
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
