package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/config"
	"calling-an-api.example/devserver/internal/outputtest"
)

// TestFollowsEveryInput edits what a frontend is built from, by every kind of link.
func TestFollowsEveryInput(t *testing.T) {
	t.Parallel()
	const script = "/src/index.ts.js"
	for name, tc := range map[string]struct {
		files map[string]string // beside the small frontend
		links map[string]string // by path, what they point to
		path  string            // URL path of what changes
		edit  func(f *followed)
		want  string
	}{
		"linked package": {
			files: map[string]string{
				"frontend/src/index.ts": "import { word } from 'linked'\nconsole.log(word)", "libs/linked/package.json": `{"name": "linked", "main": "index.js"}`,
				"libs/linked/index.js": "export * from './word'", "libs/linked/word.js": "export const word = 'first'",
			},
			links: map[string]string{"frontend/node_modules/linked": "../../libs/linked"}, path: script,
			edit: func(f *followed) { f.write("libs/linked/word.js", "export const word = 'edited'") }, want: "edited",
		},
		"package in node_modules": {
			files: map[string]string{
				"frontend/src/index.ts": "import { word } from 'pkg'\nconsole.log(word)", "frontend/node_modules/pkg/index.js": "export const word = 'first'",
			},
			path: script,
			edit: func(f *followed) {
				f.write("frontend/node_modules/pkg/index.js", "export const word = 'edited'")
			}, want: "edited",
		},
		"folder above": {
			files: map[string]string{"frontend/src/index.ts": "import { word } from '../../libs/word'\nconsole.log(word)", "libs/word.ts": "export const word = 'first'"}, path: script,
			edit: func(f *followed) { f.write("libs/word.ts", "export const word = 'edited'") }, want: "edited",
		},
		"linked folder": {
			files: map[string]string{"frontend/src/index.ts": "import { word } from './lib/word'\nconsole.log(word)", "libs/word.ts": "export const word = 'first'"},
			links: map[string]string{"frontend/src/lib": "../../libs"}, path: script,
			edit: func(f *followed) { f.write("libs/word.ts", "export const word = 'edited'") }, want: "edited",
		},
		"linked file": {
			files: map[string]string{"frontend/src/index.ts": "import { word } from './word'\nconsole.log(word)", "libs/word.ts": "export const word = 'first'"},
			links: map[string]string{"frontend/src/word.ts": "../../libs/word.ts"}, path: script,
			edit: func(f *followed) { f.write("libs/word.ts", "export const word = 'edited'") }, want: "edited",
		},
		"missing file in a linked folder": {
			files: map[string]string{"frontend/src/index.ts": "import './lib/word'\nconsole.log('first')", "libs/word.ts": "import './later'"},
			links: map[string]string{"frontend/src/lib": "../../libs"}, path: script,
			edit: func(f *followed) { f.write("libs/later.ts", "console.log('edited')") }, want: "edited",
		},
		"base of tsconfig.json": {
			files: map[string]string{
				"frontend/src/index.ts": "import { word } from '@/word'\nconsole.log(word)", "frontend/a/word.ts": "export const word = 'first'", "frontend/b/word.ts": "export const word = 'edited'",
				"frontend/tsconfig.json": `{"extends": "../config/base.json"}`, "config/base.json": `{"compilerOptions": {"paths": {"@/*": ["../frontend/a/*"]}}}`,
			},
			path: script,
			edit: func(f *followed) {
				f.write("config/base.json", `{"compilerOptions": {"paths": {"@/*": ["../frontend/b/*"]}}}`)
			}, want: "edited",
		},
		"styles of a package": {
			files: map[string]string{"frontend/styles.css": "@import '~look/a.css';", "frontend/node_modules/look/a.css": "a { color: red }"}, path: "/styles.css",
			edit: func(f *followed) { f.write("frontend/node_modules/look/a.css", "a { color: edited }") }, want: "edited",
		},
		"worker": {
			files: map[string]string{
				"frontend/src/index.ts": "new Worker(new URL('./w.ts', import.meta.url), { type: 'module' })", "frontend/src/w.ts": "import './in-worker'", "frontend/src/in-worker.ts": "console.log(1)",
			},
			path: script,                                                                                        // which has the hash of the worker in it
			edit: func(f *followed) { f.write("frontend/src/in-worker.ts", "console.log('edited')") }, want: "", // another hash
		},
		"variables": {
			files: map[string]string{"frontend/src/index.ts": "console.log(import.meta.env.VITE_WORD)"}, path: script,
			edit: func(f *followed) { f.write("frontend/.env", "VITE_WORD=edited\n") }, want: "edited",
		},
		"another script in index.html": {
			files: map[string]string{"frontend/src/other.ts": "console.log('edited')"}, path: "/src/other.ts.js",
			edit: func(f *followed) {
				f.write("frontend/index.html", `<head><script type="module" src="/src/other.ts"></script></head>`)
			}, want: "edited",
		},
		"file in a renamed folder": {
			files: map[string]string{"frontend/src/index.ts": "import { word } from './b/deep/word'\nconsole.log(word)", "frontend/src/a/deep/word.ts": "export const word = 'first'"}, path: script,
			edit: func(f *followed) {
				f.move("frontend/src/a", "frontend/src/b")
				f.await(script, "first")
				f.write("frontend/src/b/deep/word.ts", "export const word = 'edited'")
			}, want: "edited",
		},
		"node_modules taken away": {
			files: map[string]string{
				"frontend/src/index.ts": "import { word } from 'pkg'\nconsole.log(word)", "frontend/node_modules/pkg/index.js": "export const word = 'first'", "frontend/package.json": `{"dependencies": {"pkg": "1"}}`,
			},
			path: script,
			edit: func(f *followed) {
				f.move("frontend/node_modules", "away")
				f.log.Await(f, "the packages of the page are not installed: run npm install in frontend")
				f.write("away/pkg/index.js", "export const word = 'edited'")
				f.move("away", "frontend/node_modules")
			}, want: "edited",
		},
		"truncated, then written": {
			files: map[string]string{"frontend/src/index.ts": "import { word } from './word'\nconsole.log(word)", "frontend/src/word.ts": "export const word = 'first'"}, path: script,
			edit: func(f *followed) {
				f.write("frontend/src/word.ts", "")
				<-time.After(150 * time.Millisecond) // the other program's time
				f.write("frontend/src/word.ts", "export const word = 'edited'")
				f.await(script, "edited")
				if text := f.log.String(); strings.Contains(text, "No matching export") || strings.Contains(text, "is not a module") {
					f.Errorf("the empty file is reported: %s", text)
				}
			}, want: "edited",
		},
	} {
		for _, poll := range []time.Duration{0, 50 * time.Millisecond} {
			kind := name
			if poll > 0 {
				kind += ", by polling"
			}
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				f := newFollowed(t, tc.files, tc.links, poll)
				before := f.get(tc.path)
				tc.edit(f)
				for f.await(tc.path, tc.want) == before {
					f.next()
				}
			})
		}
	}
}

// followed is a dev server on a small frontend, and an open page.
type followed struct {
	*testing.T
	dir, page string
	log       *outputtest.Output
	client    *http.Client
	next      func() state
}

// newFollowed starts it with additional files and links, which are paths in dir.
func newFollowed(t *testing.T, files, links map[string]string, poll time.Duration) *followed {
	t.Helper()
	f := &followed{T: t, client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}}
	var stop func() error
	f.dir, f.log, stop = start(t, func(dir string, cfg *config.Config) {
		cfg.Poll = poll
		for name, content := range files {
			write(t, dir, name, content)
		}
		for name, target := range links {
			link := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(link), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Cleanup(func() {
		f.client.CloseIdleConnections()
		if err := stop(); err != nil {
			t.Errorf("ended with %v", err)
		}
		if t.Failed() {
			t.Log(f.log)
		}
	})
	f.page = f.log.Await(t, `page listening on (\S+?)"`)
	f.next = follow(t, f.client, f.page)
	return f
}

func (f *followed) write(name, content string) {
	f.Helper()
	write(f.T, f.dir, name, content)
}

func (f *followed) move(from, to string) {
	f.Helper()
	if err := os.Rename(filepath.Join(f.dir, from), filepath.Join(f.dir, to)); err != nil {
		f.Fatal(err)
	}
}

func (f *followed) get(path string) string {
	f.Helper()
	return text(f.T, get(f.T, f.client, f.page+path))
}

// await waits until what is served at path contains want and returns it. Open pages are
// told of each build.
func (f *followed) await(path, want string) string {
	f.Helper()
	for {
		if content := f.get(path); strings.Contains(content, want) {
			return content
		}
		f.next()
	}
}
