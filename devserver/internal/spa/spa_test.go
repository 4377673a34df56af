package spa_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/spa"
)

const index = "<!doctype html><html><HEAD><title>App</title></HEAD><body></body></html>"

func newApp(t *testing.T) http.Handler {
	t.Helper()
	return newAppIn(t, t.TempDir())
}

func newAppIn(t *testing.T, dir string) http.Handler {
	t.Helper()
	for name, content := range map[string]string{
		"index.html": index, "package.json": "{}", "src/index.ts": "secret", "node_modules/a/index.js": "module",
		"public/logo.svg": "<svg/>", "public/robots.txt": "User-agent: *", "public/.hidden.txt": "hidden", "public/.well-known/x.json": "{}", "outside.txt": "outside",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "passwd.txt")
	if err := os.WriteFile(outside, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "public", "link.txt")); err != nil {
		t.Fatal(err)
	}
	return spa.Handler(spa.Options{
		Dir: dir, Public: "public", Inject: func() string { return "<script></script>" }, Log: slog.New(slog.DiscardHandler),
		Bundle: compiled{},
	})
}

// compiled is a bundle with one script.
type compiled struct{}

func (compiled) Page(context.Context) ([]byte, string, bool) { return []byte(index), "policy", true }

func (compiled) Lookup(_ context.Context, path string) ([]byte, string, bool) {
	return []byte("bundle"), `"tag"`, path == "/index.js"
}

func TestPaths(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	const navigation = "text/html,application/xhtml+xml,*/*;q=0.8"
	const page = "<HEAD><script></script>"
	for name, tc := range map[string]struct {
		method, path, accept string
		status               int
		body                 string // is part of the body
	}{
		"root":                      {"GET", "/", navigation, 200, page},
		"root for JSON":             {"GET", "/", "application/json", 200, page},
		"index.html":                {"GET", "/index.html", "", 200, page},
		"route":                     {"GET", "/external-api", navigation, 200, page},
		"deep route":                {"GET", "/users/7/edit", navigation, 200, page},
		"route with a dot":          {"GET", "/users/john.doe", navigation, 200, page},
		"route by curl":             {"GET", "/profile", "*/*", 200, page},
		"route by HEAD":             {"HEAD", "/profile", navigation, 200, ""},
		"JSON at a route":           {"GET", "/profile", "application/json", 404, "Not found"},
		"POST at a route":           {"POST", "/profile", navigation, 404, "Not found"},
		"bundle":                    {"GET", "/index.js", "*/*", 200, "bundle"},
		"missing script":            {"GET", "/chunk.js", "*/*", 404, "Not found"},
		"missing image":             {"GET", "/x.PNG", navigation, 404, "Not found"},
		"public file":               {"GET", "/logo.svg", "*/*", 200, "<svg/>"},
		"public text":               {"GET", "/robots.txt", "*/*", 200, "User-agent"},
		"dot-file":                  {"GET", "/.hidden.txt", "*/*", 404, "Not found"},
		"well-known file":           {"GET", "/.well-known/x.json", "*/*", 200, "{}"},
		"dot-file in well-known":    {"GET", "/.well-known/.env.txt", "*/*", 404, "Not found"},
		"source":                    {"GET", "/src/index.ts", "*/*", 404, "Not found"},
		"package.json":              {"GET", "/package.json", "*/*", 404, "Not found"},
		"module":                    {"GET", "/node_modules/a/index.js", "*/*", 404, "Not found"},
		"dot segments":              {"GET", "/../outside.txt", "*/*", 404, "Not found"},
		"dot segments, encoded":     {"GET", "/%2e%2e/outside.txt", "*/*", 404, "Not found"},
		"dot segments, deeper":      {"GET", "/a/..%2f..%2foutside.txt", "*/*", 404, "Not found"},
		"backslashes":               {"GET", `/..%5coutside.txt`, "*/*", 404, "Not found"},
		"dot-file as a route":       {"GET", "/.env", navigation, 404, "Not found"},
		"modules as a route":        {"GET", "/node_modules/a", navigation, 404, "Not found"},
		"dot segments as a route":   {"GET", "/../profile", navigation, 404, "Not found"},
		"escaped twice":             {"GET", "/%252e%252e/profile", navigation, 404, "Not found"},
		"link that leads elsewhere": {"GET", "/link.txt", "*/*", 404, "Not found"},
		"NUL byte":                  {"GET", "/logo.svg%00.txt", "*/*", 404, "Not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tc.method, tc.path, nil)
			if tc.accept != "" {
				r.Header.Set("Accept", tc.accept)
			}
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.body) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	for _, path := range []string{"/", "/profile", "/index.js"} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		tag := w.Header().Get("ETag")
		if tag == "" || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: ETag %q, Cache-Control %q", path, tag, w.Header().Get("Cache-Control"))
		}
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", tag)
		w = httptest.NewRecorder()
		if app.ServeHTTP(w, r); w.Code != http.StatusNotModified {
			t.Errorf("%s: %d with its own ETag", path, w.Code)
		}
	}
}

// TestHashedNames caches the files that a build lists, and no others.
func TestHashedNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"index.html": "", ".devserver-build": "the next build\n/assets/a-ABCDEFGH.js\n", "assets/a-ABCDEFGH.js": "", "assets/b-ABCDEFGH.js": "",
	} {
		if err := os.MkdirAll(filepath.Join(dir, "assets"), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app := spa.Handler(spa.Options{Dir: dir, Public: ".", Inject: func() string { return "" }, Log: slog.New(slog.DiscardHandler)})
	for path, want := range map[string]string{
		"/assets/a-ABCDEFGH.js": "public, max-age=31536000, immutable", "/assets/b-ABCDEFGH.js": "no-cache", "/": "no-cache", "/route": "no-cache",
	} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := w.Header().Get("Cache-Control"); w.Code != http.StatusOK || got != want {
			t.Errorf("%s: %d, Cache-Control %q, want %q", path, w.Code, got, want)
		}
	}
}

// TestNewContentOfTheSameSecond replaces a public file so that its time in whole
// seconds stays what it was.
func TestNewContentOfTheSameSecond(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	app := newAppIn(t, dir)
	file := filepath.Join(dir, "public", "logo.svg")
	get := func(tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/logo.svg", nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		return w
	}
	second := time.Now().Truncate(time.Second)
	if err := os.Chtimes(file, second, second); err != nil {
		t.Fatal(err)
	}
	tag := get("").Header().Get("ETag")
	if w := get(tag); w.Code != http.StatusNotModified {
		t.Errorf("unchanged: %d", w.Code)
	}
	if err := os.WriteFile(file, []byte("<new/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, second, second.Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if w := get(tag); w.Code != http.StatusOK || w.Body.String() != "<new/>" {
		t.Errorf("changed: %d %s", w.Code, w.Body)
	}
	// The whole folder is replaced by another of its name.
	if err := os.Rename(dir, dir+"-old"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir + "-old") })
	newAppIn(t, dir)
	if w := get(tag); w.Code != http.StatusOK || w.Body.String() != "<svg/>" {
		t.Errorf("replaced: %d %s", w.Code, w.Body)
	}
}

func TestInjection(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		"<HEAD lang=en>\n<title>İ</title></HEAD><body>": "<HEAD lang=en><script></script>\n<title>İ</title></HEAD><body>",
		"<title>\xe9</title></head>":                    "<script></script><title>\xe9</title></head>",
		"<!doctype html><html lang=en><title></title>":  "<!doctype html><html lang=en><script></script><title></title>",
		"<!DOCTYPE html><header>":                       "<!DOCTYPE html><script></script><header>",
		"no head":                                       "<script></script>no head",
	} {
		dir := t.TempDir()
		app := spa.Handler(spa.Options{Dir: dir, Public: ".", Inject: func() string { return "<script></script>" }, Log: slog.New(slog.DiscardHandler)})
		if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Body.String() != want {
			t.Errorf("got %q, want %q", w.Body, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := spa.Check(dir); err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("a folder without a page: %v", err)
	}
	if err := spa.Check(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "--frontend") {
		t.Errorf("no folder: %v", err)
	}
}
