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

	"github.com/tailscale/hujson"
)

// maxSource is the size of the largest source that is shown, in bytes.
const maxSource = 256 << 10

// rulesName is how the page asks for the proxy rules, whatever their file is called.
const rulesName = "proxy.conf.json"

// apiSources are the sources of the API that the page shows too.
var apiSources = []string{"api/gate/verifier.go", "api/gate/jwks/refresh.go"}

// withoutSecrets returns proxy rules without passwords of targets and values of headers.
func withoutSecrets(data []byte) ([]byte, error) {
	tree, err := hujson.Parse(data)
	if err != nil {
		return nil, errors.New("it is not valid")
	}
	for value := range tree.All() {
		object, ok := value.Value.(*hujson.Object)
		if !ok {
			continue
		}
		for i := range object.Members {
			member := &object.Members[i]
			switch name := member.Name.Value.(hujson.Literal).String(); name { //nolint:forcetypeassert // a name is a string
			case "auth", "headers":
				member.Value.Value = hujson.String("…")
			default:
				if text, ok := member.Value.Value.(hujson.Literal); ok && strings.Contains(text.String(), "@") { // a URL with a password
					member.Value.Value = hujson.String("…")
				}
			}
		}
	}
	return tree.Pack(), nil
}

// serveSource responds with a source of the page, or the proxy rules, as they are now, so that the
// page can show how it is done. It serves two files of the API, and scripts, styles and pages in the
// frontend's folder: no hidden file, and no package.
func (s *Site) serveSource(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("file")
	file, shown, err := s.openSource(name)
	if err != nil {
		http.Error(w, "There is no such source.", http.StatusNotFound)
		return
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxSource))
	if err == nil && name == rulesName {
		data, err = withoutSecrets(data)
	}
	if err != nil {
		http.Error(w, "The source cannot be read: "+err.Error(), http.StatusInternalServerError)
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
	if name == rulesName {
		file, err = os.Open(s.Config.ProxyConfig)
		return file, filepath.ToSlash(s.Config.ProxyConfig), err
	}
	if slices.Contains(apiSources, name) { // where the dev server runs in this project
		file, err = os.Open(filepath.FromSlash(name)) //nolint:gosec // one of two names
		return file, name, err
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
