package bundle_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/bundle"
)

// TestOutputs looks at production builds of what is easily lost.
func TestOutputs(t *testing.T) {
	t.Parallel()
	const page = "<head></head><script type=module src=/src/index.ts></script>"
	for name, tc := range map[string]struct {
		files map[string]string
		want  map[string]string // pattern of a path, and of its content
		count int               // of compiled files; 0 for any
	}{
		"all styles in a dynamic import": {
			map[string]string{"index.html": page, "src/index.ts": "void import('./app/index')", "src/app/index.ts": "import './a.css'", "src/app/a.css": ".a { color: red }"},
			map[string]string{`/assets/index-\w+\.css`: `color:red`, `/index.html`: `stylesheet`}, 3,
		},
		"early loading of what is compiled": {
			map[string]string{
				"index.html": `<link rel=preload as=style href=/styles.css><link rel=modulepreload href=/src/index.ts><link rel=preload as=script href=/src/word.ts><link rel=stylesheet href=/styles.css>` + page,
			},
			map[string]string{`/index.html`: `as="style" href="(/assets/styles-\w+\.css)"><link rel="modulepreload" href="/assets/index-\w+\.js"><link rel="stylesheet"`}, 2,
		},
		"settings of tsconfig.json": {
			map[string]string{"index.html": "<script type=module src=src/page.tsx></script>", "tsconfig.json": `{"compilerOptions": {"jsx": "react", "jsxFactory": "make"}}`, "src/page.tsx": "declare const make: any\nconsole.log(<b/>)"},
			map[string]string{`/assets/page-\w+\.js`: `make\("b"`}, 1,
		},
		"one script under two URLs": {
			map[string]string{"index.html": page + "<script type=module src=./src/index.ts></script>"}, map[string]string{`/assets/index-\w+\.js`: `first`}, 1,
		},
		"worker that imports styles": {
			map[string]string{"index.html": page, "src/index.ts": "new Worker(new URL('./w.ts', import.meta.url), { type: 'module' })", "src/w.ts": "import './a.css'\nconsole.log(1)", "src/a.css": "a{}"},
			map[string]string{`/assets/w\.ts-\w+\.js`: `console`}, 2,
		},
		"styles as text": {
			map[string]string{"index.html": page, "src/index.ts": "import css from './a.css?inline'\nconsole.log(css)", "src/a.css": "@import './b.css';", "src/b.css": ".b { background: url(./p.png) }", "src/p.png": "p"},
			map[string]string{`/assets/index-\w+\.js`: `\.b\{background:url\("?/assets/p-\w+\.png`, `/assets/p-\w+\.png`: `p`}, 2,
		},
		"classes of CSS modules": {
			map[string]string{"index.html": page, "src/index.ts": "import c from './m.module.css'\nconsole.log(c.title)", "src/m.module.css": ".title { color: red }"},
			map[string]string{`/assets/index-\w+\.css`: `\.m_title\{`, `/assets/index-\w+\.js`: `m_title`}, 2,
		},
		"stylesheet of a package": {
			map[string]string{
				"index.html": page + "<link rel=stylesheet href=styles.css>", "styles.css": "@import 'one';\n@import '@s/two';", "node_modules/one/package.json": `{"style": "dist/one.css", "main": "x.js"}`, "node_modules/one/dist/one.css": ".one{}",
				"node_modules/@s/two/package.json": `{"exports": {".": {"style": "./two.css", "default": "./x.js"}}}`, "node_modules/@s/two/two.css": ".two{color:red}", "node_modules/one/x.js": "",
			},
			map[string]string{`/assets/styles-\w+\.css`: `\.two`}, 2,
		},
		"file of a package by its URL": {
			map[string]string{"index.html": page, "src/index.ts": "console.log(new URL('pdf/engine.wasm', import.meta.url))", "node_modules/pdf/engine.wasm": "wasm"},
			map[string]string{`/assets/engine-\w+\.wasm`: `wasm`}, 2,
		},
		"pictures of a srcset": {
			map[string]string{"index.html": page + `<img srcset="/a.png 1x, b%20c.png 2x" alt>`, "a.png": "a", "b c.png": "b"},
			map[string]string{`/index.html`: `srcset="/assets/a-\w+\.png 1x, /assets/b c-\w+\.png 2x"`}, 3,
		},
		"file of public by its URL": {
			map[string]string{"index.html": page, "src/index.ts": "import u from '/icon.svg?url'\nimport r from '/icon.svg?raw'\nconsole.log(u, r)"},
			map[string]string{`/assets/index-\w+\.js`: `(?s)/icon\.svg.*<svg/>`}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := frontend(t, script)
			for file, content := range tc.files {
				write(t, dir, file, content)
			}
			out := filepath.Join(t.TempDir(), "dist")
			built, err := bundle.Production(bundle.ProductionOptions{Dir: dir, Out: out})
			if err != nil || tc.count > 0 && len(built.Sizes) != tc.count {
				t.Fatalf("%v: %v", err, built.Sizes)
			}
			found := map[string]bool{}
			for url := range built.Sizes {
				found[url] = true
			}
			found["/index.html"] = true
			for pattern, content := range tc.want {
				matched := false
				for url := range found {
					text, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(url)))
					if err != nil {
						t.Error(err)
					}
					matched = matched || regexp.MustCompile("^"+pattern+"$").MatchString(url) && regexp.MustCompile(content).Match(text)
				}
				if !matched {
					t.Errorf("no %s has %s: %v", pattern, content, built.Sizes)
				}
			}
			// All that the page names is there.
			index, err := os.ReadFile(filepath.Join(out, "index.html"))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?:src|href)="(/[^"]*)"`).FindAllStringSubmatch(string(index), -1) {
				if !found[path.Clean(m[1])] && !strings.HasPrefix(m[1], "/icon") {
					t.Errorf("%s is not there: %s", m[1], index)
				}
			}
		})
	}
}
