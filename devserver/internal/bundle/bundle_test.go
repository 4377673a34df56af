package bundle_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/bundle"
)

// frontend writes a small frontend and returns its folder.
func frontend(tb testing.TB, script string) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "frontend")
	write(tb, dir, "index.html", `<!doctype html><html><head><link rel="stylesheet" href="/styles.css"><script type="module" src="/src/index.ts"></script></head></html>`)
	write(tb, dir, "src/index.ts", script)
	write(tb, dir, "src/word.ts", "export const word: string = 'first'\n")
	write(tb, dir, "styles.css", "body { background: url(/icon.svg) }\n")
	write(tb, dir, "public/icon.svg", "<svg/>")
	return dir
}

func write(tb testing.TB, dir, name, content string) {
	tb.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

const script = "import { word } from './word'\nconsole.log(word)\n"

func open(tb testing.TB, dir string) *bundle.Bundler {
	tb.Helper()
	b, err := bundle.New(dir, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b
}

func TestBuild(t *testing.T) {
	t.Parallel()
	dir := frontend(t, script)
	b := open(t, dir)
	if r := b.Build(t.Context()); len(r.Problems) > 0 || len(r.Changed) != 5 {
		t.Fatalf("first build: %+v", r)
	}
	for path, want := range map[string]string{
		"/src/index.ts.js": `"first"`, "/src/index.ts.js.map": "src/word.ts", "/styles.css": "/icon.svg",
	} {
		if f, ok := b.Lookup(t.Context(), path); !ok || !strings.Contains(string(f.Content), want) {
			t.Errorf("%s: %t %s", path, ok, f.Content)
		}
	}
	if _, ok := b.Lookup(t.Context(), "/src/index.ts"); ok {
		t.Error("a source is served")
	}

	before, _ := b.Lookup(t.Context(), "/src/index.ts.js")
	if r := b.Build(t.Context()); len(r.Changed) > 0 || len(r.Problems) > 0 {
		t.Errorf("build of the same: %+v", r)
	}
	write(t, dir, "src/word.ts", "export const word: string = 'second'\n")
	if r := b.Build(t.Context()); strings.Join(r.Changed, " ") != "/src/index.ts.js /src/index.ts.js.map" && strings.Join(r.Changed, " ") != "/src/index.ts.js.map /src/index.ts.js" || len(r.Problems) > 0 {
		t.Errorf("build after an edit: %+v", r)
	}
	if after, _ := b.Lookup(t.Context(), "/src/index.ts.js"); after.ETag == before.ETag || !strings.Contains(string(after.Content), "second") {
		t.Errorf("after an edit: %s", after.Content)
	}
}

func TestBrokenEditKeepsTheLastGoodBuild(t *testing.T) {
	t.Parallel()
	dir := frontend(t, script)
	b := open(t, dir)
	b.Build(t.Context())
	write(t, dir, "src/word.ts", "export const word = 'ok'\n\tconst é: = 1\n")
	r := b.Build(t.Context())
	want := "frontend/src/word.ts:2:12: Unexpected \"=\"\n  \tconst é: = 1\n  \t         ^"
	if r.Problems.Error() != want || len(r.Changed) > 0 {
		t.Errorf("got %q\nwant %q", r.Problems.Error(), want)
	}
	if f, ok := b.Lookup(t.Context(), "/src/index.ts.js"); !ok || !strings.Contains(string(f.Content), "first") {
		t.Errorf("the last good build is gone: %s", f.Content)
	}
}

func TestLookupWaitsForTheFirstBuild(t *testing.T) {
	t.Parallel()
	b := open(t, frontend(t, "this is not TypeScript"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := b.Lookup(gone, "/src/index.ts.js"); ok {
		t.Error("found before any build")
	}
	found := make(chan bool)
	go func() {
		_, ok := b.Lookup(t.Context(), "/src/index.ts.js")
		found <- ok
	}()
	if r := b.Build(t.Context()); len(r.Problems) == 0 {
		t.Error("no problem reported")
	}
	if <-found {
		t.Error("found although no build was good")
	}
}

func BenchmarkRebuild(b *testing.B) {
	dir := frontend(b, script)
	bundler := open(b, dir)
	n := 0
	for b.Loop() {
		n++
		write(b, dir, "src/word.ts", "export const word = '"+strings.Repeat("x", n%50)+"'\n")
		if r := bundler.Build(b.Context()); len(r.Problems) > 0 {
			b.Fatal(r.Problems)
		}
	}
}

// TestMapsOfPackages keeps the sources that a package was made of out of the source map.
func TestMapsOfPackages(t *testing.T) {
	t.Parallel()
	dir := frontend(t, "import { part } from 'some-package'\nconsole.log(part)\n")
	write(t, dir, "node_modules/some-package/package.json", `{"name": "some-package", "type": "module", "main": "index.js"}`)
	write(t, dir, "node_modules/some-package/index.js", "export const part = 'of a package'\n//# sourceMappingURL=index.js.map\n")
	write(t, dir, "node_modules/some-package/index.js.map", `{"version": 3, "sources": ["made-of-this.ts"], "mappings": "AAAA"}`)
	bundler := open(t, dir)
	if r := bundler.Build(t.Context()); len(r.Problems) > 0 || len(r.Warnings) > 0 {
		t.Fatal(r.Problems, r.Warnings)
	}
	script, _ := bundler.Lookup(t.Context(), "/src/index.ts.js")
	sources, _ := bundler.Lookup(t.Context(), "/src/index.ts.js.map")
	if !strings.Contains(string(script.Content), "of a package") {
		t.Errorf("the package is not in the script: %s", script.Content)
	}
	if text := string(sources.Content); !strings.Contains(text, "src/index.ts") || strings.Contains(text, "made-of-this") {
		t.Errorf("the map is of\n%s", text)
	}
}
