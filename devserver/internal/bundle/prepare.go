package bundle

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"calling-an-api.example/devserver/internal/source"
)

// emptyMap is appended to the scripts of packages. Following their own source maps takes
// a third of each build, and packages are not debugged here.
var emptyMap = "\n//# sourceMappingURL=data:application/json;base64," +
	base64.StdEncoding.EncodeToString([]byte(`{"version":3,"sources":[""],"mappings":"A"}`)) + "\n" // the last one in a file counts

// script is a script, and what was found in it.
type script struct {
	code      string
	isPackage bool
	uses      []urlUse
	hidden    []int    // offsets of what looks like such a use, but was taken for a comment or text
	globs     []int    // offsets of import.meta.glob
	computed  []int    // offsets of imports whose name is not known before the code runs
	preloads  []string // names of imports that are marked as needed at once
}

// scan returns the script in file, whose content is code.
func scan(file string, code []byte) script {
	s := script{code: string(code), isPackage: inPackage(file)}
	for _, match := range preloading.FindAllSubmatch(code, -1) {
		s.preloads = append(s.preloads, string(match[1]))
	}
	if bytes.Contains(code, []byte("import.meta.")) {
		plain := blank(code)
		s.uses = urlUses(code, plain)
		if !s.isPackage {
			s.hidden = hiddenUses(code, plain)
			for _, match := range metaGlob.FindAllIndex(plain, -1) {
				s.globs = append(s.globs, match[0])
			}
		}
	}
	if !s.isPackage && computedImport.Match(code) {
		for _, match := range computedImport.FindAllIndex(blank(code), -1) {
			if !ignoredImport.Match(code[match[0]:match[1]]) {
				s.computed = append(s.computed, match[0])
			}
		}
	}
	if s.isPackage {
		s.code += emptyMap
	}
	return s
}

// inPackage reports whether file is in node_modules.
func inPackage(file string) bool {
	return slices.Contains(strings.Split(filepath.ToSlash(file), "/"), "node_modules")
}

// prepare returns the script in which each new URL('./file', import.meta.url) has the URL
// of the compiled file. esbuild leaves such URLs alone, so they would be missing.
func (l *loader) prepare(file string, s script) (contents string, problems, warnings []api.Message) {
	var out, imports strings.Builder
	last := 0
	for _, use := range s.uses {
		name, message := l.target(file, use)
		switch {
		case message != "" && s.isPackage && !use.known: // it computes where its files are
		case message != "" && (s.isPackage || !use.known && !use.worker):
			warnings = append(warnings, l.message(file, s.code, use.start, message))
		case message != "":
			problems = append(problems, l.message(file, s.code, use.start, message))
		case name != "":
			variable := fmt.Sprintf("__fileURL%d", use.start)
			out.WriteString(s.code[last:use.start])
			out.WriteString(variable)
			last = use.end
			if name == "import.meta.url" {
				fmt.Fprintf(&imports, "const %s = import.meta.url\n", variable)
			} else {
				fmt.Fprintf(&imports, "import %s from %q\n", variable, name)
			}
		}
	}
	for _, offset := range s.hidden {
		warnings = append(warnings, l.message(file, s.code, offset, "this URL was taken for a comment or text, so its file is not compiled: write it on a line of its own"))
	}
	for _, offset := range s.computed {
		warnings = append(warnings, l.message(file, s.code, offset,
			"this import is computed, so its file is not compiled: begin it with a text, like import(`./folder/${name}.ts`)"))
	}
	for _, offset := range s.globs {
		problems = append(problems, l.message(file, s.code, offset,
			"import.meta.glob is a function of Vite that is not supported here: import the files by name, or with import(`./folder/${name}.ts`)"))
	}
	if imports.Len() == 0 {
		return s.code, problems, warnings
	}
	// Imports are hoisted, and lines stay where they are.
	return out.String() + s.code[last:] + "\n" + imports.String(), problems, warnings
}

// target returns what to import for a use of a file by its URL: a path with a query, or
// "import.meta.url" for the file itself. "" leaves the use alone. problem says why it
// cannot work.
func (l *loader) target(file string, use urlUse) (name, problem string) {
	switch {
	case !use.known && use.worker:
		return "", "the path of a worker must be a text, so that it can be compiled"
	case !use.known:
		return "", "this URL is computed, so its file is not compiled: write the path as a text, or put the file into public/ and start the path with a slash"
	case use.path == "", strings.HasPrefix(use.path, "/"), strings.Contains(use.path, ":"), strings.HasSuffix(use.path, "/"), use.path == ".", use.path == "..", strings.HasPrefix(use.path, "#"):
		return "", ""
	}
	name, _, _ = strings.Cut(use.path, "?")
	name, _, _ = strings.Cut(name, "#")
	if decoded, err := url.PathUnescape(name); err == nil {
		name = decoded
	}
	path := filepath.Join(filepath.Dir(file), filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return "", ""
	}
	if errors.Is(err, fs.ErrNotExist) {
		extension, found := sourceExtension(path)
		installed := findPackageFile(filepath.Dir(file), name)
		switch {
		case found:
			name, path = strings.TrimSuffix(name, ".js")+extension, strings.TrimSuffix(path, ".js")+extension
		case installed != "":
			name, path = filepath.ToSlash(installed), installed
			if rel, err := filepath.Rel(filepath.Dir(file), installed); err == nil {
				name = filepath.ToSlash(rel)
			}
		default:
			return "", fmt.Sprintf("%q does not exist in the folder of this file", name)
		}
	}
	if !strings.HasPrefix(name, ".") {
		name = "./" + name
	}
	if _, isScript := scriptLoaders[filepath.Ext(name)]; !isScript {
		return name + "?url", ""
	}
	switch {
	case l.workers.isWorker(path):
		return "import.meta.url", ""
	case use.worker && !use.module:
		return name + "?classic-worker&url", ""
	}
	return name + "?worker&url", ""
}

// sourceExtension returns the extension of the source of path, which is written as that
// of the compiled script, or without one.
func sourceExtension(path string) (extension string, found bool) {
	for _, extension := range []string{".ts", ".tsx", ".js", ".jsx"} {
		if isRegular(strings.TrimSuffix(path, ".js") + extension) {
			return extension, true
		}
	}
	return "", false
}

// message returns a message at the offset in code, the content of file.
func (l *loader) message(file, code string, offset int, text string) api.Message {
	at := source.At(l.pretty(file), code, offset)
	line, _, _ := strings.Cut(code[offset-at.Column+1:], "\n")
	return api.Message{Text: text, Location: &api.Location{
		File: at.File, Line: at.Line, Column: at.Column - 1, LineText: strings.TrimSuffix(line, "\r"), Length: 1,
	}}
}

// emptyNamespace is that of modules of Node.js, which are empty in a browser.
const emptyNamespace = "empty"

// builtins are the modules of Node.js that packages for browsers too import.
var builtins = []string{
	"assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram", "dns", "domain", "events", "fs", "http",
	"http2", "https", "inspector", "module", "net", "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream",
	"string_decoder", "sys", "timers", "tls", "tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib",
}

// builtinFilter matches their names.
var builtinFilter = "^(node:.+|(" + strings.Join(builtins, "|") + ")(/.+)?)$"

// resolveBuiltin resolves a module of Node.js that nobody has installed for browsers to an
// empty module, as Vite does: packages test for it before they use it.
func (l *loader) resolveBuiltin(build api.PluginBuild, args api.OnResolveArgs) (api.OnResolveResult, error) {
	name := strings.TrimPrefix(args.Path, "node:")
	_, again := args.PluginData.(resolved)
	if again || args.Kind == api.ResolveCSSImportRule || args.Kind == api.ResolveCSSURLToken {
		return api.OnResolveResult{}, nil
	}
	if name == args.Path {
		if result, err := resolveAgain(build, name, args.ResolveDir, args); err == nil && len(result.Errors) == 0 {
			return api.OnResolveResult{}, nil // it is installed
		}
	}
	result := api.OnResolveResult{Path: path.Clean(name), Namespace: emptyNamespace}
	if !inPackage(args.Importer) {
		result.Warnings = []api.Message{{Text: fmt.Sprintf("%q is a module of Node.js, which browsers do not have, so it is empty", args.Path)}}
	}
	return result, nil
}

func loadEmpty(api.OnLoadArgs) (api.OnLoadResult, error) {
	text := "module.exports = {}"
	return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
}
