package bundle

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/evanw/esbuild/pkg/api"

	"calling-an-api.example/devserver/internal/source"
)

// This file loads what esbuild asks the plugin for, and records it: the inputs of a build
// are what is watched.

// cached is a script that was read.
type cached struct {
	info os.FileInfo
	script
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
