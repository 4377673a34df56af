package bundle_test

import (
	"strings"
	"testing"
)

// TestUnsupported has what cannot be compiled reported with its place.
func TestUnsupported(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files map[string]string
		want  string // "" if there is no problem
		warns string
	}{
		"import.meta.glob":          {map[string]string{"src/index.ts": "\nconst all = import.meta.glob('./*.ts')"}, `frontend/src/index.ts:2:13: import.meta.glob is a function of Vite`, ""},
		"computed worker":           {map[string]string{"src/index.ts": "const a = './w.ts'\nnew Worker(new URL(a, import.meta.url))"}, `frontend/src/index.ts:2:20: the path of a worker must be a text`, ""},
		"computed file":             {map[string]string{"src/index.ts": "const a = 'x'\nnew URL(`./${a}.png`, import.meta.url)"}, "", `frontend/src/index.ts:2:9: this URL is computed`},
		"missing file":              {map[string]string{"src/index.ts": "new URL('./missing.png', import.meta.url)"}, `frontend/src/index.ts:1:9: "./missing.png" does not exist`, ""},
		"missing import":            {map[string]string{"src/index.ts": "import './missing.svg'"}, `frontend/src/index.ts:1:8: Could not resolve "./missing.svg"`, ""},
		"other language":            {map[string]string{"src/index.ts": "import './a.scss'", "src/a.scss": "a{}"}, `frontend/src/index.ts:1:8: No loader is configured for ".scss" files: src/a.scss; build the page with its own tool`, ""},
		"query of a plugin":         {map[string]string{"src/index.ts": "import x from './a.svg?react'\nconsole.log(x)", "src/a.svg": "<svg/>"}, `frontend/src/index.ts:1:15: ?react after a path is not supported here`, ""},
		"workers in a circle":       {map[string]string{"src/index.ts": "new Worker(new URL('./a.ts', import.meta.url))", "src/a.ts": "new Worker(new URL('./b.ts', import.meta.url))", "src/b.ts": "new Worker(new URL('./a.ts', import.meta.url))"}, "workers that start each other are not supported", ""},
		"worker that starts itself": {map[string]string{"src/index.ts": "new Worker(new URL('./a.ts', import.meta.url), { type: 'module' })", "src/a.ts": "new Worker(new URL('./a.ts', import.meta.url), { type: 'module' })"}, "", ""},
		"broken worker":             {map[string]string{"src/index.ts": "new Worker(new URL('./a.ts', import.meta.url))", "src/a.ts": "\nconst = 1"}, `frontend/src/a.ts:2:7: Expected identifier`, ""},
		"missing script":            {map[string]string{"index.html": "<head>\n<script type=module src=/src/other.ts></script>"}, `frontend/index.html:2:1: "/src/other.ts" does not exist`, ""},
		"inline script":             {map[string]string{"index.html": "<head>\n<script type=module>\n\nconst = 1\n</script>"}, `frontend/index.html:4:7: Expected identifier`, ""},
		"folder as a file":          {map[string]string{"index.html": "<script type=module src=/src/index.ts></script><link rel=prefetch href=/src>"}, "", `"/src": src is a folder, not a file`},
		"missing picture":           {map[string]string{"index.html": "<script type=module src=/src/index.ts></script><img src=x.png>"}, "", `frontend/index.html:1:48: "x.png" is neither in public/ nor in frontend`},
		"stylesheet of a language":  {map[string]string{"index.html": "<link rel=stylesheet href=a.scss>", "a.scss": ""}, `No loader is configured for ".scss" files: a.scss`, ""},
		"Tailwind":                  {map[string]string{"src/index.ts": "import './a.css'", "src/a.css": "/* @tailwind */\n.a { @apply p-4 }"}, `frontend/src/a.css:2:6: @apply needs PostCSS`, ""},
		"Tailwind 4":                {map[string]string{"src/index.ts": "import './a.css'", "src/a.css": "@import \"tailwindcss/theme.css\" layer(theme);"}, `frontend/src/a.css:1:1: @import "tailwindcss/theme.css" needs PostCSS`, ""},
		"computed import":           {map[string]string{"src/index.ts": "const a = './b'\nimport(/* c */ a)\nimport(/* @vite-ignore */ a)"}, "", `frontend/src/index.ts:2:1: this import is computed`},
		"module of Node.js":         {map[string]string{"src/index.ts": "import fs from 'node:fs'\nconsole.log(fs)"}, "", `"node:fs" is a module of Node.js`},
		"missing package":           {map[string]string{"src/index.ts": "import '@a/b/c'"}, `Could not resolve "@a/b/c"; install it (npm install @a/b)`, ""},
		"hidden in JSX":             {map[string]string{"src/index.ts": "import './a'", "src/a.tsx": "const a = <p>Don't {new URL('./x.png', import.meta.url).href}</p>", "src/x.png": "", "node_modules/react/jsx-runtime.js": "export const jsx = 1, jsxs = 1"}, "", `frontend/src/a.tsx:1:21: this URL was taken for a comment or text`},
		"configuration of Vite":     {map[string]string{"vite.config.ts": ""}, "", `frontend/vite.config.ts:1:1: it is not read`},
		"no entry":                  {map[string]string{"index.html": "<h1>nothing</h1>"}, "", `frontend/index.html:1:1: it names no script`},
		"variables with an error":   {map[string]string{".env": "VITE_A='secret"}, "frontend/.env:1:1: a line of this file is not NAME=value", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := frontend(t, script)
			for file, content := range tc.files {
				write(t, dir, file, content)
			}
			r := open(t, dir).Build(t.Context())
			if text := r.Problems.Error(); !strings.Contains(text, tc.want) || tc.want == "" && text != "" {
				t.Errorf("problems: %s", text)
			}
			if text := r.Warnings.Error(); !strings.Contains(text, tc.warns) || tc.warns == "" && text != "" {
				t.Errorf("warnings: %s", text)
			}
		})
	}
}
