package bundle

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
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

// prepare returns a script in which each new URL('./file', import.meta.url) has the URL
// of the compiled file. esbuild leaves such URLs alone, so they would be missing.
func (l *loader) prepare(file string, code []byte) (c cached, problems []api.Message) {
	isPackage := slices.Contains(strings.Split(filepath.ToSlash(file), "/"), "node_modules")
	var out, imports bytes.Buffer
	last := 0
	for _, use := range urlUses(code) {
		name, message := l.target(file, use)
		if message != "" {
			if !isPackage || use.path != "" {
				m := l.message(file, code, use.start, message)
				if isPackage || use.path == "" && !use.worker {
					c.warnings = append(c.warnings, m)
				} else {
					problems = append(problems, m)
				}
			}
			continue
		}
		if name == "" {
			continue
		}
		variable := fmt.Sprintf("__fileURL%d", use.start)
		out.Write(code[last:use.start])
		out.WriteString(variable)
		last = use.end
		if name == "import.meta.url" {
			fmt.Fprintf(&imports, "const %s = import.meta.url\n", variable)
		} else {
			fmt.Fprintf(&imports, "import %s from %q\n", variable, name)
		}
	}
	if i := bytes.Index(code, []byte("import.meta.glob")); i >= 0 && !isPackage && bytes.Contains(blank(code), []byte("import.meta.glob")) {
		problems = append(problems, l.message(file, code, i,
			"import.meta.glob is a function of Vite that is not supported here: import the files by name, or with import(`./folder/${name}.ts`)"))
	}
	for _, match := range preloading.FindAllSubmatch(code, -1) {
		c.preloads = append(c.preloads, string(match[1]))
	}
	if imports.Len() > 0 { // imports are hoisted, and lines stay where they are
		out.Write(code[last:])
		out.WriteString("\n")
		out.Write(imports.Bytes())
		code = out.Bytes()
	}
	if c.contents = string(code); isPackage {
		c.contents += emptyMap
	}
	return c, problems
}

// target returns what to import for a use of a file by its URL: a path with a query, or
// "import.meta.url" for the file itself. "" leaves the use alone. problem says why it
// cannot work.
func (l *loader) target(file string, use urlUse) (name, problem string) {
	switch {
	case use.path == "" && use.worker:
		return "", "the path of a worker must be a text, so that it can be compiled"
	case use.path == "":
		return "", "this URL is computed, so its file is not compiled: write the path as a text, or put the file into public/ and start the path with a slash"
	case strings.HasPrefix(use.path, "/"), strings.Contains(use.path, ":"), strings.HasSuffix(use.path, "/"), use.path == ".", use.path == "..", strings.HasPrefix(use.path, "#"):
		return "", ""
	}
	name, _, _ = strings.Cut(use.path, "?")
	name, _, _ = strings.Cut(name, "#")
	path := filepath.Join(filepath.Dir(file), filepath.FromSlash(name))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		extension, found := sourceExtension(path)
		if !found {
			return "", fmt.Sprintf("%q does not exist in the folder of this file", name)
		}
		name, path = strings.TrimSuffix(name, ".js")+extension, strings.TrimSuffix(path, ".js")+extension
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
func (l *loader) message(file string, code []byte, offset int, text string) api.Message {
	at := source.At(l.pretty(file), string(code), offset)
	line, _, _ := strings.Cut(string(code[offset-at.Column+1:]), "\n")
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

// resolveBuiltin resolves a module of Node.js that a package imports and nobody has
// installed to an empty module, as Vite does: packages test for it before they use it.
func (l *loader) resolveBuiltin(build api.PluginBuild, args api.OnResolveArgs) (api.OnResolveResult, error) {
	name := strings.TrimPrefix(args.Path, "node:")
	_, again := args.PluginData.(resolved)
	if again || !strings.Contains(filepath.ToSlash(args.Importer), "/node_modules/") {
		return api.OnResolveResult{}, nil
	}
	if name == args.Path {
		if result, err := resolveAgain(build, name, args.ResolveDir, args); err == nil && len(result.Errors) == 0 {
			return result, nil
		}
	}
	return api.OnResolveResult{Path: path.Clean(name), Namespace: emptyNamespace}, nil
}

func loadEmpty(api.OnLoadArgs) (api.OnLoadResult, error) {
	text := "module.exports = {}"
	return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
}
