package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// look is a page, and what is true on it.
type look struct{ path, expression string }

// data is an expression that compares an attribute of the root element.
func data(name, want string) string {
	return fmt.Sprintf(`document.documentElement.dataset.%s === %q`, name, want)
}

// style is an expression that compares a computed style.
func style(selector, property, want string) string {
	return fmt.Sprintf(`getComputedStyle(document.querySelector(%q)).%s === %q`, selector, property, want)
}

// strangers are small projects as other tools have them, in the folder frontends. What
// is true of each is so in development and of its production build; {mode} stands for
// which of them it is. docs/frontend.md names them.
var strangers = map[string][]look{
	"entries": {
		{"/", data("first", "compiled")}, {"/", data("second", "plain")}, {"/", data("module", "compiled")}, {"/", data("inline", "classic")}, {"/", data("legacy", "copied")},
		{"/", style("h1", "color", "rgb(1, 2, 3)")}, {"/", style("h1", "textIndent", "3px")},
		{"/", `document.querySelectorAll('img')[0].naturalWidth === 2`}, {"/", `document.querySelectorAll('img')[1].naturalWidth === 2`},
		{"/deep/link", `document.querySelectorAll('img')[2].naturalWidth > 0`},
		{"/some/deep/link", data("first", "compiled")}, {"/some/deep/link", style("h1", "color", "rgb(1, 2, 3)")},
		{"/some/deep/link", `document.querySelectorAll('img')[0].naturalHeight === 3`},
	},
	"styles": {
		{"/", data("early", "rgb(1, 2, 3)")}, {"/", style("h1", "color", "rgb(1, 2, 3)")}, {"/", style("h1", "margin", "2px")}, {"/", style("h1", "padding", "4px")},
		{"/", style("h1", "textIndent", "6px")}, {"/", data("later", "loaded")}, {"/", style("h1", "letterSpacing", "5px")},
		{"/", style(".fancy", "color", "rgb(7, 7, 7)")}, {"/", style(".fancy", "borderLeftWidth", "8px")},
		{"/deep/link", style("h1", "padding", "4px")},
		{"/", `fetch(getComputedStyle(document.querySelector('.fancy')).backgroundImage.slice(5, -2)).then((r) => r.headers.get('Content-Type') === 'image/png')`},
		{"/", `fetch([...document.styleSheets].flatMap((s) => [...s.cssRules]).find((r) => r instanceof CSSFontFaceRule).style.src.match(/url\("([^"]+)/)[1]).then((r) => r.ok && r.headers.get('Content-Type') === 'font/woff2')`},
	},
	"assets": {
		{"/", data("pictures", "9x5 2x3 7x5 7x5")}, {"/", data("wasm", "42")}, {"/", data("text", "as text")}, {"/", data("data", "data")},
		{"/", data("small", "data:image/svg")}, {"/deep/link", data("font", "font/woff2")},
	},
	"workers": {
		{"/", data("module", "sum 42")}, {"/", data("classic", "sum 42")}, {"/", data("imported", "sum 42")}, {"/", data("shared", "sum 23")},
		{"/deep/link", data("nested", "sum 42, picture 200")},
	},
	"react": {
		{"/", `document.querySelector('h1')?.innerText === 'React in {mode}'`}, {"/", style("h1", "color", "rgb(1, 2, 3)")}, {"/", style("h1", "textIndent", "3px")},
		{"/", `document.querySelector('button').innerText === 'count 1' || (document.querySelector('button').innerText === 'count 0' && document.querySelector('button').click(), false)`},
	},
	"preact":   {{"/", `document.querySelector('h1')?.innerText === 'Hello, Preact'`}},
	"env":      {{"/", `document.documentElement.dataset.env === '{mode} ' + ('{mode}' === 'development') + ' ' + ('{mode}' === 'production') + ' / Variables {mode} environment Variables '`}, {"/", data("hot", "undefined")}, {"/", `document.title === 'Variables in {mode}'`}},
	"packages": {{"/", data("mode", "{mode}")}, {"/", data("files", "false")}, {"/", data("kind", "browser")}},
	"plain":    {{"/", data("word", "as it is")}, {"/", style("h1", "color", "rgb(1, 2, 3)")}},
}

// stranger copies a project of the folder frontends to a new folder, as its frontend/. Its
// folder packages becomes node_modules, which Git ignores; packages of npm are those of
// the folder clients.
func stranger(tb testing.TB, name string) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	frontend := filepath.Join(dir, "frontend")
	if err := os.CopyFS(frontend, os.DirFS(filepath.Join("frontends", name))); err != nil {
		tb.Fatal(err)
	}
	err := os.Rename(filepath.Join(frontend, "packages"), filepath.Join(frontend, "node_modules"))
	if errors.Is(err, fs.ErrNotExist) {
		err = os.Symlink(filepath.Join(repo, "devserver", "e2e", "clients", "node_modules"), filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		tb.Fatal(err)
	}
	return dir
}

// eventually waits until the JavaScript expression, or what it promises, is true.
func (b *tab) eventually(what, expression string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(async () => {
		for (;;) {
			try {
				if (await (%s)) return true
			} catch {} // something is not there yet
			await new Promise(requestAnimationFrame)
		}
	})()`, expression), chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v\n%s\n%s", what, err, b.describe(), ask[string](b, `document.documentElement.outerHTML`))
	}
}

func TestStrangersFrontends(t *testing.T) {
	t.Parallel()
	for name, looks := range strangers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := stranger(t, name)
			check := func(mode string, s *system) {
				t.Helper()
				s.talks = true // frameworks recommend their developer tools
				b := open(t, s)
				path := ""
				for _, l := range looks {
					if l.path != path {
						path = l.path
						b.visit(s.page + path)
					}
					b.eventually(mode+": "+l.expression, strings.ReplaceAll(l.expression, "{mode}", mode))
				}
			}
			environ := []string{"VITE_OVERRIDDEN=environment", "SECRET=never"}
			check("development", newSystemWith(t, dir, environ, "--types=false"))
			dist := filepath.Join(dir, "dist")
			build := exec.Command(filepath.Join(bin, "devserver"), "--frontend", filepath.Join(dir, "frontend"), "--build", dist)
			build.Env = append(machine(), environ...)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			check("production", newSystem(t, "", "--types=false", "--frontend", dist))
		})
	}
}
