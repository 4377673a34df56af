package bundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// metafile is esbuild's description of a build. Paths are relative to the frontend's
// folder, or begin with a namespace.
type metafile struct {
	Inputs map[string]struct {
		Imports []struct{ Path, Original string }
	}
	Outputs map[string]output
}

// output is a file in a metafile.
type output struct {
	EntryPoint, CSSBundle string
	Imports               []struct {
		Path, Kind string
		External   bool
	}
}

// build is a successful build, with what is needed to find its way in it.
type build struct {
	mode    string
	urls    urlsIn
	meta    metafile
	byEntry map[string]string // names of outputs by the key of their entry point
	loader  *loader
}

// assemble returns the outputs of a build by URL path, and the page that refers to them.
func assemble(dir, mode string, p page, l *loader, result api.BuildResult) (map[string]File, Page, error) {
	b := build{mode: mode, urls: urlsIn(dir), byEntry: map[string]string{}, loader: l}
	if result.Metafile != "" {
		if err := json.Unmarshal([]byte(result.Metafile), &b.meta); err != nil {
			return nil, Page{}, err
		}
	}
	files := map[string]File{}
	for _, out := range slices.Concat(result.OutputFiles, l.workers.files()) {
		files[b.urls.ofFile(out.Path)] = File{Content: out.Contents, ETag: `"` + out.Hash + `"`}
	}
	for name, out := range b.meta.Outputs {
		if out.EntryPoint != "" {
			b.byEntry[b.urls.entry(out.EntryPoint)] = name
		}
	}
	for _, name := range b.unusedStyles() {
		delete(files, b.urls.of(name))
		delete(files, b.urls.of(name)+".map")
	}
	head, err := b.rewrite(p)
	if err != nil {
		return nil, Page{}, err
	}
	sources := p.sources()
	if slices.ContainsFunc(slices.Collect(maps.Keys(files)), func(url string) bool { return path.Ext(url) == ".wasm" }) {
		sources.add("script-src", "'wasm-unsafe-eval'")
	}
	return files, Page{p.render("", head), sources}, nil
}

// unusedStyles returns the styles of dynamic imports. They are also part of the styles of
// the page's scripts. If they are all of these, esbuild makes one file of both.
func (b *build) unusedStyles() (names []string) {
	linked := map[string]bool{}
	for _, e := range b.loader.entries {
		linked[b.meta.Outputs[b.byEntry[e.key()]].CSSBundle] = true
	}
	for _, out := range b.meta.Outputs {
		if out.CSSBundle != "" && !linked[out.CSSBundle] {
			names = append(names, out.CSSBundle)
		}
	}
	return names
}

// rewrite writes the URLs of the outputs into p, and returns what its head needs in
// addition: the styles that scripts import, and in production what to load early.
func (b *build) rewrite(p page) (head string, err error) {
	var styles, preloads []string
	for _, r := range p.refs {
		e, ok := p.entries[r]
		if !ok {
			continue
		}
		name, ok := b.byEntry[e.key()]
		if !ok && e.kind == preloaded {
			name, ok = b.byEntry[entry{file: e.file, kind: asset}.key()]
		}
		switch {
		case !ok && e.kind == preloaded:
			p.parts[r.part].skip = true // it is part of another file
			continue
		case !ok:
			return "", fmt.Errorf("%s has no output", e.name)
		}
		p.set(r, b.urls.of(name)+suffix(r.url))
		if e.kind == moduleScript {
			if out := b.meta.Outputs[name]; out.CSSBundle != "" {
				styles = append(styles, out.CSSBundle)
			}
			preloads = append(preloads, b.staticImports(name)...)
		}
	}
	var text strings.Builder
	link := func(rel string, names []string) {
		for i, name := range names {
			if !slices.Contains(names[:i], name) {
				fmt.Fprintf(&text, `<link rel="%s" href="%s">`, rel, html.EscapeString(b.urls.of(name)))
			}
		}
	}
	if link("stylesheet", styles); b.mode == production {
		link("modulepreload", append(preloads, b.marked()...))
	}
	return text.String(), nil
}

// staticImports returns the outputs that the one called name imports, with theirs.
func (b *build) staticImports(name string) (all []string) {
	queue := []string{name}
	for len(queue) > 0 {
		out := b.meta.Outputs[queue[0]]
		queue = queue[1:]
		for _, i := range out.Imports {
			if i.Kind == "import-statement" && !i.External && !slices.Contains(all, i.Path) {
				all, queue = append(all, i.Path), append(queue, i.Path)
			}
		}
	}
	return all
}

// marked returns the outputs of the dynamic imports that are marked as needed at once,
// with what they import.
func (b *build) marked() (all []string) {
	_, preloads := b.loader.read()
	slices.SortFunc(preloads, func(a, b preload) int {
		return cmp.Or(cmp.Compare(a.importer, b.importer), cmp.Compare(a.name, b.name))
	})
	for _, p := range preloads {
		for _, i := range b.meta.Inputs[p.importer].Imports {
			if name := b.byEntry[i.Path]; i.Original == p.name && name != "" {
				all = append(append(all, name), b.staticImports(name)...)
			}
		}
	}
	return all
}

// urlsIn converts between esbuild's names and URL paths, for the frontend in that folder.
type urlsIn string

// of returns the URL path of the output with that name in a metafile.
func (dir urlsIn) of(name string) string {
	return dir.ofFile(filepath.Join(string(dir), filepath.FromSlash(name)))
}

// ofFile returns the URL path of the output that esbuild would write to file.
func (dir urlsIn) ofFile(file string) string {
	rel, err := filepath.Rel(filepath.Join(string(dir), "dist"), file)
	if err != nil { // impossible: both are absolute
		rel = filepath.Base(file)
	}
	return path.Join("/", filepath.ToSlash(rel))
}

// entry returns the key of an entry point's name in a metafile.
func (dir urlsIn) entry(name string) string {
	namespace, file, found := strings.Cut(name, ":")
	if !found || namespace != copyNamespace {
		return name
	}
	if rel, err := filepath.Rel(string(dir), file); err == nil {
		file = filepath.ToSlash(rel)
	}
	return namespace + ":" + file
}
