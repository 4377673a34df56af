// Package spa serves a single-page app: the compiled bundle, the files of public/, and
// index.html for all other paths (SPA fallback).
//
// It is an allowlist: nothing else in the frontend's folder is served, neither
// package.json nor sources nor node_modules.
package spa

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
	"syscall"
	"time"

	"calling-an-api.example/devserver/internal/source"
)

// Options are the settings of a Handler. All are required, Bundle only for a frontend that
// is compiled here.
type Options struct {
	Dir    string        // the frontend's folder, with index.html
	Public string        // subfolder whose files are served as they are: "public", or "." for a built frontend
	Bundle Bundle        // nil for a built frontend
	Inject func() string // returns markup for the beginning of index.html's head
	Log    *slog.Logger
}

// Bundle is a compiled frontend. Its methods are called from many goroutines, and return
// ok = false if ctx ends first.
type Bundle interface {
	// Page returns index.html and its Content-Security-Policy, "" for none.
	Page(ctx context.Context) (content []byte, policy string, ok bool)
	// Lookup returns the compiled file at a URL path, and its quoted ETag.
	Lookup(ctx context.Context, urlPath string) (content []byte, etag string, ok bool)
}

// Handler returns the handler of the app.
func Handler(opts Options) http.Handler {
	return &handler{Options: opts}
}

type handler struct {
	Options
	hashed hashedNames
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "Not found: no proxy rule matches this path, and the app answers only GET.", http.StatusNotFound)
		return
	}
	// With no-cache the browser revalidates its copy each time.
	w.Header().Set("Cache-Control", "no-cache")
	switch {
	case isPrivate(r.URL.Path):
		http.Error(w, "Not found: dotfiles, node_modules and package metadata are never served.", http.StatusNotFound)
	case r.URL.Path == "/" || r.URL.Path == "/index.html":
		h.serveIndex(w, r)
	case h.servePublic(w, r) || h.serveBundle(w, r):
	case isRoute(r):
		h.serveIndex(w, r)
	default:
		http.Error(w, "Not found: no proxy rule, file of public/ or compiled file has this path.", http.StatusNotFound)
	}
}

// serveIndex answers with index.html.
func (h *handler) serveIndex(w http.ResponseWriter, r *http.Request) {
	content, err := h.index(w, r)
	switch {
	case r.Context().Err() != nil:
		return // the browser is gone
	case isExhausted(err):
		h.exhausted(w, err)
		return
	case err != nil:
		h.Log.Error("index.html is unreadable", "err", err)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotFound)
		// The script reloads the page when there is an index.html.
		_, _ = fmt.Fprintf(w, "<!doctype html><title>No index.html</title>%s<p>The frontend's folder has no readable index.html; the log says why.", h.Inject())
		return
	}
	content = inject(content, h.Inject())
	sum := sha256.Sum256(content)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	serve(w, r, content, `"`+hex.EncodeToString(sum[:8])+`"`)
}

// index returns index.html, and sets its policy.
func (h *handler) index(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if h.Bundle == nil {
		return source.ReadFile(filepath.Join(h.Dir, "index.html"))
	}
	content, policy, _ := h.Bundle.Page(r.Context())
	if policy != "" {
		w.Header().Set("Content-Security-Policy", policy)
	}
	return content, nil
}

// isExhausted reports whether err says that there are too many open files.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// exhausted answers that a file cannot be opened now.
func (h *handler) exhausted(w http.ResponseWriter, err error) {
	h.Log.Error("too many open files; raise the limit (ulimit -n), or close pages", "err", err)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", "1")
	http.Error(w, "The dev server has too many open files and cannot open another. Raise the limit (ulimit -n), or close pages.", http.StatusServiceUnavailable)
}

// serveBundle answers if the path is a compiled file's.
func (h *handler) serveBundle(w http.ResponseWriter, r *http.Request) bool {
	ext := path.Ext(r.URL.Path)
	if h.Bundle == nil || ext == "" {
		return false // a route must not wait for the first build
	}
	content, etag, ok := h.Bundle.Lookup(r.Context(), r.URL.Path)
	if ok {
		w.Header().Set("Content-Type", cmp.Or(contentTypes[ext], "application/octet-stream"))
		serve(w, r, content, etag)
	}
	return ok
}

// servePublic answers if the path is that of a file in public/. The folder is opened each
// time, because it may have been replaced. os.Root prevents paths and links that lead
// out of it.
func (h *handler) servePublic(w http.ResponseWriter, r *http.Request) bool {
	name := path.Join(h.Public, path.Clean("/"+r.URL.Path))
	root, err := os.OpenRoot(h.Dir)
	if err != nil {
		return h.failed(w, err)
	}
	defer func() { _ = root.Close() }() // it was only read
	info, err := root.Stat(name)        // before it is opened: opening a named pipe would wait for a writer
	if err != nil {
		return h.failed(w, err)
	}
	if info.IsDir() {
		return false
	}
	if err := source.CheckMode(name, info.Mode()); err != nil {
		h.Log.Error("a file is not served", "err", err)
		http.Error(w, "Not found: "+err.Error()+".", http.StatusNotFound)
		return true
	}
	file, err := root.Open(name)
	if err != nil {
		return h.failed(w, err)
	}
	defer func() { _ = file.Close() }() // it was only read
	if contentType := contentTypes[path.Ext(name)]; contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	if h.hashed.has(root, path.Clean("/"+r.URL.Path)) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	// HTTP times have whole seconds, which cannot distinguish two saves in one second.
	w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(w, r, name, time.Time{}, file)
	return true
}

// failed answers if err says that there are too many open files, and reports whether it
// has. Other errors mean that the path is no file's.
func (h *handler) failed(w http.ResponseWriter, err error) bool {
	if isExhausted(err) {
		h.exhausted(w, err)
		return true
	}
	return false
}

// isPrivate reports whether the path, however it is encoded, has a dotfile, the parent
// folder, node_modules or package metadata in it.
func isPrivate(path string) bool {
	for range 3 { // more encoding is not legitimate
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

// isRoute reports whether r may be for a route of the app, by the rule of Angular's dev
// server: the client accepts HTML, and the path has no file extension.
func isRoute(r *http.Request) bool {
	if contentTypes[strings.ToLower(path.Ext(r.URL.Path))] != "" {
		return false
	}
	accept := r.Header.Get("Accept")
	return accept == "" || slices.ContainsFunc([]string{"text/html", "text/*", "*/*"}, func(kind string) bool {
		return strings.Contains(accept, kind)
	})
}

// contentTypes are the types of files by extension. The system's own table is not used,
// because it differs between machines.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".xml": "text/xml; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".ts": "text/plain; charset=utf-8", ".map": "application/json", ".json": "application/json", ".webmanifest": "application/manifest+json",
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".webp": "image/webp", ".avif": "image/avif", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2",
	".eot": "application/vnd.ms-fontobject", ".otf": "font/otf", ".ttf": "font/ttf", ".bmp": "image/bmp", ".ogg": "audio/ogg", ".wav": "audio/wav",
	".zip": "application/zip", ".csv": "text/csv; charset=utf-8", ".md": "text/markdown; charset=utf-8", ".htm": "text/html; charset=utf-8",
	".cjs": "text/javascript; charset=utf-8", ".jsx": "text/plain; charset=utf-8", ".tsx": "text/plain; charset=utf-8", ".wasm": "application/wasm", ".pdf": "application/pdf", ".mp4": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg",
	".apng": "image/apng", ".jfif": "image/jpeg", ".flac": "audio/flac", ".aac": "audio/aac", ".opus": "audio/ogg", ".m4a": "audio/mp4", ".mov": "video/quicktime", ".vtt": "text/vtt; charset=utf-8",
}

// inject inserts markup at the beginning of the page's head, so that its script runs
// before those of the page.
func inject(page []byte, markup string) []byte {
	at := 0
	for _, start := range starts {
		if match := start.FindIndex(page); match != nil {
			at = match[1]
			break
		}
	}
	return slices.Concat(page[:at], []byte(markup), page[at:])
}

// starts are what the beginning of the head follows, if it is there.
var starts = []*regexp.Regexp{
	regexp.MustCompile(`(?i)<head(\s[^>]*)?>`), regexp.MustCompile(`(?i)<html(\s[^>]*)?>`), regexp.MustCompile(`(?i)<!doctype[^>]*>`),
}

// Check returns an error if dir is not a frontend's folder with an index.html.
func Check(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("the frontend's folder is unreadable (%w): run this in the repository's top folder, or name it with --frontend", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "index.html")); err != nil {
		return fmt.Errorf("the frontend's folder %s has no index.html: name another with --frontend", dir)
	}
	return nil
}
