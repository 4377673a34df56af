// Package spa serves a single-page app: index.html for the paths that its router
// knows, the compiled bundle, and the files of public/.
//
// Nothing else of the frontend's folder can be asked for. What is served is named
// here, so package.json, sources and node_modules need no rule that forbids them.
package spa

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Options are what a Handler needs; all are required, Lookup only where there is a bundle.
type Options struct {
	Dir    string        // the frontend's folder, with index.html
	Public string        // the folder below it whose files are served as they are: "public", or "." for a built frontend
	Lookup Lookup        // the bundle's outputs
	Inject func() string // markup that goes into index.html's head
	Log    *slog.Logger
}

// Lookup returns the compiled file at a URL path, with its quoted ETag.
type Lookup func(ctx context.Context, urlPath string) (content []byte, etag string, ok bool)

// Handler returns what serves the app.
func Handler(opts Options) http.Handler {
	return &handler{opts}
}

type handler struct{ Options }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "Not found: no proxy rule is for this path, and the app takes only GET.", http.StatusNotFound)
		return
	}
	// no-cache lets the browser keep a file but ask each time whether it is still right.
	w.Header().Set("Cache-Control", "no-cache")
	switch {
	case private(r.URL.Path):
		http.Error(w, "Not found: no page's business.", http.StatusNotFound)
	case r.URL.Path == "/" || r.URL.Path == "/index.html":
		h.serveIndex(w, r)
	case h.serveBundle(w, r) || h.servePublic(w, r):
	case isRoute(r):
		h.serveIndex(w, r)
	default:
		http.Error(w, "Not found: no proxy rule, file of public/ or compiled file has this path.", http.StatusNotFound)
	}
}

// serveIndex answers with index.html.
func (h *handler) serveIndex(w http.ResponseWriter, r *http.Request) {
	root, err := os.OpenRoot(h.Dir)
	var content []byte
	if err == nil {
		content, err = root.ReadFile("index.html")
		_ = root.Close() // it was only read
	}
	if err != nil {
		h.Log.Error("index.html can't be read", "err", err)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotFound)
		// With what loads it again once there is an index.html.
		_, _ = fmt.Fprintf(w, "<!doctype html><title>No index.html</title>%s<p>The frontend's folder has no index.html that can be read; the log says why.", h.Inject())
		return
	}
	content = inject(content, h.Inject())
	sum := sha256.Sum256(content)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	serve(w, r, content, `"`+hex.EncodeToString(sum[:8])+`"`)
}

// serveBundle answers if the path is that of a compiled file.
func (h *handler) serveBundle(w http.ResponseWriter, r *http.Request) bool {
	if h.Lookup == nil || !slices.Contains(compiled, path.Ext(r.URL.Path)) {
		return false // so that a route never waits for the first build
	}
	content, etag, ok := h.Lookup(r.Context(), r.URL.Path)
	if ok {
		w.Header().Set("Content-Type", contentTypes[path.Ext(r.URL.Path)])
		serve(w, r, content, etag)
	}
	return ok
}

// servePublic answers if the path is that of a file in public/. The folder is
// opened each time, as it may be another one of the same name by now; os.Root
// lets no path and no link lead out of it.
func (h *handler) servePublic(w http.ResponseWriter, r *http.Request) bool {
	name := path.Join(h.Public, path.Clean("/"+r.URL.Path))
	root, err := os.OpenRoot(h.Dir)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }() // it was only read
	file, err := root.Open(name)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	if contentType := contentTypes[path.Ext(name)]; contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	// Times in whole seconds, which HTTP has, would take two saves of a second for one.
	w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(w, r, name, time.Time{}, file)
	return true
}

// private reports whether what the path names is no page's business, however it is
// spelt: dot-files, the folder above, and what npm keeps beside a page.
func private(path string) bool {
	for range 3 { // nobody who means well escapes an escape
		for part := range strings.FieldsFuncSeq(strings.TrimPrefix(path, "/.well-known/"), func(c rune) bool { return c == '/' || c == '\\' }) {
			if strings.HasPrefix(part, ".") || strings.EqualFold(part, "node_modules") ||
				strings.EqualFold(part, "package.json") || strings.EqualFold(part, "package-lock.json") {
				return true
			}
		}
		decoded, err := url.PathUnescape(path)
		if err != nil || decoded == path {
			return false
		}
		path = decoded
	}
	return true
}

func serve(w http.ResponseWriter, r *http.Request, content []byte, etag string) {
	w.Header().Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// isRoute reports whether r may be for a path that the app's router knows, as
// Angular's dev server decides it: the client takes HTML, and the path doesn't
// end like a file's.
func isRoute(r *http.Request) bool {
	if contentTypes[strings.ToLower(path.Ext(r.URL.Path))] != "" {
		return false
	}
	accept := r.Header.Get("Accept")
	return accept == "" || slices.ContainsFunc([]string{"text/html", "text/*", "*/*"}, func(kind string) bool {
		return strings.Contains(accept, kind)
	})
}

// compiled are the endings of the bundle's outputs.
var compiled = []string{".js", ".css", ".map"}

// contentTypes has the endings of files that pages are made of. The system's own
// table is not asked: it differs from machine to machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".xml": "text/xml; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".ts": "text/plain; charset=utf-8", ".map": "application/json", ".json": "application/json", ".webmanifest": "application/manifest+json",
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".webp": "image/webp", ".avif": "image/avif", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2",
	".eot": "application/vnd.ms-fontobject", ".otf": "font/otf", ".ttf": "font/ttf", ".bmp": "image/bmp", ".ogg": "audio/ogg", ".wav": "audio/wav",
	".zip": "application/zip", ".csv": "text/csv; charset=utf-8", ".md": "text/markdown; charset=utf-8", ".htm": "text/html; charset=utf-8",
	".cjs": "text/javascript; charset=utf-8", ".jsx": "text/plain; charset=utf-8", ".tsx": "text/plain; charset=utf-8", ".wasm": "application/wasm", ".pdf": "application/pdf", ".mp4": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg",
}

// inject puts markup at the end of the page's head, or after all else where it
// has none.
func inject(page []byte, markup string) []byte {
	at := len(page)
	if place := headEnd.FindIndex(page); place != nil {
		at = place[0]
	}
	return slices.Concat(page[:at], []byte(markup), page[at:])
}

var headEnd = regexp.MustCompile(`(?i)</head>`)

// Check returns what is missing of the frontend's folder.
func Check(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("the frontend's folder can't be read (%w): run this in the repository's top folder, or name it with --frontend", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "index.html")); err != nil {
		return fmt.Errorf("the frontend's folder %s has no index.html: name another with --frontend", dir)
	}
	return nil
}
