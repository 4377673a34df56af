package site

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxSource is the size of the largest source that is shown, in bytes.
const maxSource = 256 << 10

// serveSource responds with a source of the page, or the proxy rules, as they are now, so that the
// page can show how it is done. It serves what the dev server compiles, and nothing else: no hidden
// file, no package, and nothing outside of the frontend's folder.
func (s *Site) serveSource(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("file")
	file, shown, err := s.openSource(name)
	if err != nil {
		http.Error(w, "There is no such source.", http.StatusNotFound)
		return
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxSource))
	if err != nil {
		http.Error(w, "The source cannot be read.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Source-Path", shown)
	_, _ = w.Write(data) //nolint:gosec // plain text, nosniff; it fails only if the browser is gone
}

// openSource opens the source called name, which a user knows as shown.
func (s *Site) openSource(name string) (file *os.File, shown string, err error) {
	if name == "proxy.conf.json" {
		file, err = os.Open(s.Config.ProxyConfig)
		return file, filepath.ToSlash(s.Config.ProxyConfig), err
	}
	isHidden := slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
		return strings.HasPrefix(part, ".") || part == "node_modules"
	})
	if isHidden || !slices.Contains([]string{".ts", ".tsx", ".js", ".jsx", ".css", ".html"}, path.Ext(name)) {
		return nil, "", fs.ErrNotExist
	}
	root, err := os.OpenRoot(s.Config.Frontend)
	if err != nil {
		return nil, "", err
	}
	file, err = root.Open(filepath.FromSlash(name))
	return file, path.Join(filepath.ToSlash(s.Config.Frontend), name), errors.Join(err, root.Close())
}
