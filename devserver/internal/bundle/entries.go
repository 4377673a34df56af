package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"calling-an-api.example/devserver/internal/source"
)

// HasSources reports whether the frontend in dir must be compiled. Otherwise it is
// served as it is: another tool has built it, or it is written for browsers.
func HasSources(dir string) bool {
	text, err := source.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil || isRegular(filepath.Join(dir, marker)) {
		return false
	}
	project := slices.ContainsFunc([]string{"package.json", "tsconfig.json", "jsconfig.json"}, func(name string) bool { return isRegular(filepath.Join(dir, name)) })
	if info, err := os.Stat(filepath.Join(dir, "public")); err == nil && info.IsDir() && project {
		return true
	}
	d := parse(text)
	for _, r := range d.refs {
		local := localPath(r.url)
		switch file := path.Clean("/" + local); {
		case r.kind != moduleScript || d.maps && path.Ext(file) == ".js": // with an import map, browsers find packages
		case r.attr < 0 && (project || slices.ContainsFunc(imports([]byte(r.code)), isForBundlers)):
			return true
		case local == "":
		case project, slices.Contains(compiledExtensions, path.Ext(file)), needsBundler(filepath.Join(dir, filepath.FromSlash(file))):
			return true
		}
	}
	return false
}

// compiledExtensions are those of scripts that no browser understands.
var compiledExtensions = []string{".ts", ".tsx", ".jsx", ".mts", ".cts"}

var importedName = regexp.MustCompile(`(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']`)

// needsBundler reports whether the script imports what no browser can.
func needsBundler(file string) bool {
	code, err := source.ReadFile(file)
	return err == nil && slices.ContainsFunc(imports(code), isForBundlers)
}

// imports returns what a script imports.
func imports(code []byte) (names []string) {
	for _, match := range importedName.FindAllSubmatch(code, -1) {
		names = append(names, string(match[1]))
	}
	return names
}

// isForBundlers reports whether an imported name is that of a package, or of a file that
// is no script.
func isForBundlers(name string) bool {
	if strings.Contains(name, "://") {
		return false
	}
	ext := path.Ext(name)
	return !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "/") || ext != ".js" && ext != ".mjs"
}

// plan is what a build compiles. If it changes, esbuild needs a new context.
type plan struct {
	env      map[string]string
	tsconfig string
	jsx      string // package with the JSX runtime
	entries  []entry
}

// entry is a file that index.html refers to.
type entry struct {
	name string // path in index.html, without the first slash; for an inline script, any name
	file string // path from the frontend's folder, with slashes and without symbolic links; "" for an inline script
	kind kind
	code string // of an inline script
	line int    // of index.html at which that begins
}

// key identifies the entry in esbuild's metafile.
func (e entry) key() string {
	switch {
	case e.file == "":
		return inlineNamespace + ":" + e.name
	case e.kind == asset:
		return copyNamespace + ":" + e.file
	}
	return e.file
}

// point returns the entry point. In development, the output of src/main.ts is
// /src/main.ts.js, and that of styles.css is /styles.css.
func (e entry) point(mode string) api.EntryPoint {
	output := strings.TrimSuffix(e.name, path.Ext(e.name))
	if mode == development && e.kind == moduleScript {
		output = e.name
	}
	input := "./" + e.file // which esbuild resolves, with the settings of its tsconfig.json
	if e.file == "" || e.kind == asset {
		input = entryPrefix + e.key()
	}
	return api.EntryPoint{InputPath: input, OutputPath: output}
}

// page is an index.html whose URLs are resolved.
type page struct {
	*document
	entries map[*ref]entry
	env     map[string]string // of the page
}

// resolve reads what the URLs of index.html refer to, and rewrites those of public/.
// Files of public/ go before those with the same path in the frontend's folder.
func resolve(dir string, text []byte) (p page, problems, warnings source.Problems) {
	p = page{document: parse(text), entries: map[*ref]entry{}}
	name := path.Join(filepath.Base(dir), "index.html")
	inline := 0
	for _, r := range p.refs {
		if r.attr < 0 {
			inline++
			p.entries[r] = entry{name: "inline-" + strconv.Itoa(inline), kind: moduleScript, code: r.code, line: source.At("", string(text), r.offset).Line}
			continue
		}
		local := localPath(r.url)
		if local == "" {
			continue
		}
		file := path.Clean("/" + local)[1:]
		if isRegular(filepath.Join(dir, "public", filepath.FromSlash(file))) {
			p.set(r, (&url.URL{Path: "/" + file}).EscapedPath()+suffix(r.url))
			continue
		}
		if isPrivate(file) && !strings.HasPrefix(file, "node_modules/") {
			continue
		}
		target, err := realFile(dir, file)
		switch {
		case err == nil:
			p.entries[r] = entry{name: file, file: target, kind: r.kind}
		case r.kind == asset && errors.Is(err, fs.ErrNotExist):
			warnings = append(warnings, source.New(name, string(text), r.offset,
				fmt.Sprintf("%q is neither in public/ nor in %s; the URL is left as it is", r.url, filepath.Base(dir))))
		case r.kind == asset:
			warnings = append(warnings, source.New(name, string(text), r.offset, fmt.Sprintf("%q: %v; the URL is left as it is", r.url, err)))
		case errors.Is(err, fs.ErrNotExist):
			problems = append(problems, source.New(name, string(text), r.offset, fmt.Sprintf("%q does not exist", r.url)))
		default:
			problems = append(problems, source.New(name, string(text), r.offset, fmt.Sprintf("%q: %v", r.url, err)))
		}
	}
	if len(p.entries) == 0 && len(problems) == 0 {
		warnings = append(warnings, source.New(name, string(text), 0, "it names no script or stylesheet to compile; docs/frontend.md says what is compiled"))
	}
	for _, config := range ignoredConfigs {
		if isRegular(filepath.Join(dir, config)) {
			warnings = append(warnings, source.New(path.Join(filepath.Base(dir), config), "", 0, "it is not read, and no plugin runs: write aliases as paths in tsconfig.json, and values as VITE_ variables in .env"))
		}
	}
	return p, problems, warnings
}

// ignoredConfigs configure other tools.
var ignoredConfigs = []string{
	"vite.config.ts", "vite.config.js", "vite.config.mts", "vite.config.mjs", "postcss.config.js", "postcss.config.cjs", "postcss.config.mjs",
	"tailwind.config.js", "tailwind.config.cjs", "tailwind.config.ts",
}

// realFile returns the path of a regular file below dir, from dir and without symbolic
// links.
func realFile(dir, name string) (string, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err == nil {
		err = source.CheckMode(name, info.Mode())
	}
	if err != nil {
		return "", err
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(dir, target)
	return filepath.ToSlash(rel), err
}

// isPrivate reports whether file has a part that starts with a dot, or node_modules.
func isPrivate(file string) bool {
	return slices.ContainsFunc(strings.Split(file, "/"), func(part string) bool {
		return strings.HasPrefix(part, ".") || part == "node_modules"
	})
}

// localPath returns the path of a URL of index.html that refers to a file of the
// frontend, "" for all others.
func localPath(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" {
		return ""
	}
	return u.Path
}

// suffix returns the query and fragment of a URL.
func suffix(text string) string {
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		return text[i:]
	}
	return ""
}

// newPlan returns the plan of a build of p.
func newPlan(dir string, p page) plan {
	out := plan{env: p.env, tsconfig: TSConfig(dir), jsx: jsxRuntime(dir)}
	for _, r := range p.refs {
		e, ok := p.entries[r]
		if isNew := !slices.ContainsFunc(out.entries, func(other entry) bool { return other.key() == e.key() }); ok && e.kind != preloaded && isNew {
			out.entries = append(out.entries, e)
		}
	}
	return out
}

// jsxRuntime returns the package with the JSX runtime, for frontends whose configuration
// does not name one.
func jsxRuntime(dir string) string {
	data, err := source.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return "react"
	}
	var p struct{ Dependencies, DevDependencies map[string]string }
	_ = json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &p) // npm reports what is wrong with it
	for _, name := range []string{"react", "preact"} {
		if p.Dependencies[name] != "" || p.DevDependencies[name] != "" {
			return name
		}
	}
	return "react"
}
