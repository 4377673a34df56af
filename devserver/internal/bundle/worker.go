package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"
)

// workerScript is the plugin data of a worker's script.
type workerScript struct {
	file    string
	classic bool // it is not a module
}

// workers builds the scripts of workers, and stylesheets that are imported as text: each
// is a bundle of its own, because it shares nothing with the page. Its methods may be called from any goroutine.
type workers struct {
	options api.BuildOptions // without entry points and plugins
	dir     string
	mode    string
	chain   []string // the workers whose scripts refer to these

	mu      sync.Mutex                  // protects the fields below, not the builds
	byFile  map[string]*worker          // by path, and whether it is a classic one
	outputs map[string][]api.OutputFile // of the current build, without the scripts
}

// worker is one worker's script.
type worker struct {
	mu     sync.Mutex // held during a build
	ctx    api.BuildContext
	loader *loader
}

func newWorkers(dir, mode string, options api.BuildOptions, chain []string) *workers {
	return &workers{dir: dir, mode: mode, options: options, chain: chain, byFile: map[string]*worker{}, outputs: map[string][]api.OutputFile{}}
}

// isWorker reports whether file is the script of the worker that is being built.
func (w *workers) isWorker(file string) bool {
	return len(w.chain) > 0 && w.chain[len(w.chain)-1] == file
}

// close releases the contexts of all workers.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.byFile {
		one.ctx.Dispose()
		one.loader.workers.close()
	}
}

// build returns the script of the worker in file. What it refers to, such as images, is
// in files afterwards.
func (w *workers) build(file string, classic bool) (script []byte, inputs map[string]bool, messages api.BuildResult) {
	key := fmt.Sprint(classic, " ", file)
	if slices.Contains(w.chain, file) {
		return nil, nil, api.BuildResult{Errors: []api.Message{{Text: "workers that start each other are not supported: " + filepath.Base(file)}}}
	}
	w.mu.Lock()
	one := w.byFile[key]
	if one == nil {
		options := w.options
		options.Splitting = false // dynamic imports are part of the script
		if classic {
			options.Format = api.FormatIIFE
			options.Define = withDefine(options.Define, "import.meta.url", "self.location.href")
		}
		nested := newWorkers(w.dir, w.mode, w.options, append(slices.Clip(w.chain), file))
		one = &worker{loader: newLoader(w.dir, w.mode, []entry{{file: file, kind: moduleScript}}, nested)}
		name := filepath.Base(file)
		options.EntryPointsAdvanced = []api.EntryPoint{{InputPath: file, OutputPath: name}}
		options.EntryNames = "[name]"
		options.Sourcemap = api.SourceMapNone
		if w.mode == development && filepath.Ext(file) != ".css" {
			options.Sourcemap = api.SourceMapInline
		}
		options.Metafile = false
		options.Plugins = []api.Plugin{one.loader.plugin()}
		var failure *api.ContextError
		if one.ctx, failure = api.Context(options); failure != nil {
			w.mu.Unlock()
			return nil, nil, api.BuildResult{Errors: failure.Errors}
		}
		w.byFile[key] = one
	}
	w.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	kind := ""
	if filepath.Ext(file) == ".css" {
		kind = ".css"
	}
	result := one.ctx.Rebuild()
	inputs, _ = one.loader.read()
	var others []api.OutputFile
	for _, out := range result.OutputFiles {
		if isAsset := strings.Contains(filepath.ToSlash(out.Path), "/assets/"); !isAsset && filepath.Ext(out.Path) == cmp.Or(kind, ".js") {
			script = out.Contents
		} else if strings.Contains(filepath.ToSlash(out.Path), "/assets/") { // not styles, which a worker cannot use
			others = append(others, out)
		}
	}
	others = append(others, one.loader.workers.files()...)
	w.mu.Lock()
	w.outputs[key] = others
	w.mu.Unlock()
	return script, inputs, result
}

// begin forgets the outputs of the last build.
func (w *workers) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.outputs)
}

// cancel cancels the builds in progress.
func (w *workers) cancel() {
	w.mu.Lock()
	all := slices.Collect(maps.Values(w.byFile))
	w.mu.Unlock()
	for _, one := range all {
		one.ctx.Cancel()
		one.loader.workers.cancel()
	}
}

// files returns what the workers' scripts refer to.
func (w *workers) files() (all []api.OutputFile) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, outputs := range w.outputs {
		all = append(all, outputs...)
	}
	return all
}

// withDefine returns a copy of defines with one more.
func withDefine(defines map[string]string, name, value string) map[string]string {
	out := maps.Clone(defines)
	out[name] = value
	return out
}

// loadWorker loads the script of a worker as a file of its own, and returns its URL.
func (l *loader) loadWorker(args api.OnLoadArgs) (api.OnLoadResult, error) {
	w, ok := args.PluginData.(workerScript)
	if !ok {
		return api.OnLoadResult{}, fmt.Errorf("%s is not a worker", args.Path)
	}
	return l.loadBuilt(w.file, w.classic, api.LoaderFile)
}

// loadBuilt loads the result of a build of its own.
func (l *loader) loadBuilt(file string, classic bool, kind api.Loader) (api.OnLoadResult, error) {
	script, inputs, result := l.workers.build(file, classic)
	l.mu.Lock()
	for file := range inputs {
		l.inputs[file] = true
	}
	l.mu.Unlock()
	if len(result.Errors) > 0 {
		return api.OnLoadResult{Errors: result.Errors, Warnings: result.Warnings}, nil
	}
	text := string(script)
	return api.OnLoadResult{Contents: &text, Loader: kind, Warnings: result.Warnings}, nil
}

// loadWorkerClass returns a module whose default export starts the worker.
func (l *loader) loadWorkerClass(args api.OnLoadArgs) (api.OnLoadResult, error) {
	text := fmt.Sprintf("import url from %q\nexport default class extends Worker { constructor(options) { super(url, { type: 'module', ...options }) } }",
		"./"+filepath.Base(args.Path)+"?worker&url")
	return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS, ResolveDir: filepath.Dir(args.Path)}, nil
}
