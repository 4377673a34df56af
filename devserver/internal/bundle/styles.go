package bundle

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"calling-an-api.example/devserver/internal/source"
)

// forPostCSS matches rules of stylesheets that PostCSS must compile. esbuild and browsers
// ignore them.
var forPostCSS = regexp.MustCompile(`@(?:tailwind|apply|config|plugin|utility)\b|@import\s+["']tailwindcss[^"'\n]*["']`)

var cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)

// loadStyles reports rules that need PostCSS. esbuild reads the file.
func (l *loader) loadStyles(file string) (api.OnLoadResult, error) {
	code, err := os.ReadFile(file) //nolint:gosec // a file that the page is built from
	if err != nil {
		return api.OnLoadResult{}, err
	}
	plain := cssComment.ReplaceAllFunc(code, func(comment []byte) []byte { return []byte(strings.Repeat(" ", len(comment))) })
	match := forPostCSS.FindIndex(plain)
	if match == nil {
		return api.OnLoadResult{}, nil
	}
	message := l.message(file, string(code), match[0], fmt.Sprintf("%s needs PostCSS, which does not run here: %s", code[match[0]:match[1]], otherTool))
	return api.OnLoadResult{Errors: []api.Message{message}}, nil
}

// otherTool is what to do with files that only another tool can compile.
const otherTool = "build the page with its own tool, and serve what that writes with --frontend"

// resolveStyle resolves @import "package" to the stylesheet that the package names, in
// "exports" under "style" or in the field "style", which esbuild does not know.
func resolveStyle(args api.OnResolveArgs) (api.OnResolveResult, error) {
	if args.Kind != api.ResolveCSSImportRule || isRegular(filepath.Join(args.ResolveDir, args.Path)) {
		return api.OnResolveResult{}, nil
	}
	manifest := findPackageFile(args.ResolveDir, args.Path+"/package.json")
	if manifest == "" {
		return api.OnResolveResult{}, nil
	}
	data, err := source.ReadFile(manifest)
	if err != nil {
		return api.OnResolveResult{}, nil //nolint:nilerr // esbuild reports it
	}
	var p struct {
		Style   string
		Exports struct {
			Main struct{ Style string } `json:"."`
		}
	}
	_ = json.Unmarshal(data, &p) // "exports" has many forms
	for _, style := range []string{p.Exports.Main.Style, p.Style} {
		if file := filepath.Join(filepath.Dir(manifest), filepath.FromSlash(style)); style != "" && isRegular(file) {
			return api.OnResolveResult{Path: file}, nil
		}
	}
	return api.OnResolveResult{}, nil
}

// findPackageFile returns the file of a package that is installed for code in dir, "" if
// there is none. name begins with the package's.
func findPackageFile(dir, name string) string {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") {
		return ""
	}
	for {
		if file := filepath.Join(dir, "node_modules", filepath.FromSlash(name)); isRegular(file) {
			return file
		}
		above := filepath.Dir(dir)
		if above == dir {
			return ""
		}
		dir = above
	}
}

// loadStyle loads the text of a stylesheet with everything that it imports.
func (l *loader) loadStyle(args api.OnLoadArgs) (api.OnLoadResult, error) {
	return l.loadBuilt(args.Path, false, api.LoaderText)
}
