package bundle_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/bundle"
)

func TestProduction(t *testing.T) {
	t.Parallel()
	dir := frontend(t, script)
	write(t, dir, "index.html", `<HEAD lang="en"><link rel="stylesheet" href="/styles.css"><script type="module" src="/src/index.ts"></script></head>`)
	write(t, dir, "public/icon.svg", "<svg/>")
	write(t, dir, "src/index-page.ts", "export const page = 'a chunk of its own'\n")
	write(t, dir, "src/index.ts", "import { word } from './word'\nvoid import('./index-page').then(({ page }) => console.log(page, word))\n")
	out := filepath.Join(t.TempDir(), "some", "dist")
	build := func() (index string) {
		t.Helper()
		built, err := bundle.Production(bundle.ProductionOptions{
			Dir: dir, Out: out, Policy: func(bundle.Sources) string { return "script-src 'self'" }, More: map[string][]byte{"auth_config.json": []byte("{}")},
		})
		if err != nil || len(built.Sizes) != 3 {
			t.Fatalf("%v, %v", built, err)
		}
		data, err := os.ReadFile(filepath.Join(out, "index.html"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	first := build()
	names := regexp.MustCompile(`"/(assets/(?:index|styles)-[A-Z0-9]{8}\.(?:js|css))"`).FindAllStringSubmatch(first, -1)
	if len(names) != 2 {
		t.Fatalf("index.html names no hashed outputs: %s", first)
	}
	for _, name := range []string{names[0][1], names[1][1], "icon.svg", "auth_config.json"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(first, `<meta http-equiv="Content-Security-Policy" content="script-src &#39;self&#39;">`) {
		t.Errorf("index.html holds no policy: %s", first)
	}
	if again := build(); again != first {
		t.Errorf("the same sources give another build: %s", again)
	}
	write(t, dir, "src/word.ts", "export const word: string = 'second'\n")
	if second := build(); second == first {
		t.Error("other sources give the same names")
	}
	if _, err := os.Stat(filepath.Join(out, names[1][1])); err == nil {
		t.Error("what the last build left is still there")
	}

	write(t, dir, "src/word.ts", "export const = 1")
	if _, err := bundle.Production(bundle.ProductionOptions{Dir: dir, Out: out}); err == nil || !strings.Contains(err.Error(), "src/word.ts:1:14") {
		t.Errorf("a broken source: %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, "index.html")); err != nil {
		t.Errorf("the last good build is gone: %v", err)
	}
}

func TestProductionReplacesBuildsAlone(t *testing.T) {
	t.Parallel()
	dir := frontend(t, script)
	for name, file := range map[string]string{"sources": "src/a.ts", "a page": "index.html", "other files": "letter.txt"} {
		out := t.TempDir()
		write(t, out, file, "precious")
		if _, err := bundle.Production(bundle.ProductionOptions{Dir: dir, Out: out}); err == nil || !strings.Contains(err.Error(), "not an earlier build") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(out, file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	above := filepath.Dir(dir)
	write(t, above, ".devserver-build", "")
	if _, err := bundle.Production(bundle.ProductionOptions{Dir: dir, Out: above}); err == nil || !strings.Contains(err.Error(), "sources") {
		t.Errorf("the folder above: %v", err)
	}
	write(t, dir, "index.html", "<script type=module src=src/index.ts></script>")
	_, err := bundle.Production(bundle.ProductionOptions{Dir: dir, Out: filepath.Join(t.TempDir(), "dist"), Policy: func(bundle.Sources) string { return "x" }})
	if err == nil || !strings.Contains(err.Error(), "no <head>") {
		t.Errorf("an index.html without a head: %v", err)
	}
}

// TestCancel ends the context of builds before, during and after them.
func TestCancel(t *testing.T) {
	t.Parallel()
	b := open(t, frontend(t, script))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := b.Build(ctx); !r.Canceled {
		t.Errorf("got %+v from a canceled context, want Canceled", r)
	}
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			cancel()
		}()
		if r := b.Build(ctx); len(r.Problems) > 0 {
			t.Errorf("a canceled build reports %q", r.Problems)
		}
		<-done
	}
	if r := b.Build(t.Context()); r.Canceled || len(r.Problems) > 0 {
		t.Errorf("got %+v from the last build", r)
	}
}
