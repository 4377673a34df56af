package bundle

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"github.com/evanw/esbuild/pkg/api"
)

// Size is the size of an output in bytes, plain and compressed.
type Size struct{ Bytes, Gzipped int }

func gzippedSize(content []byte) (int, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		return 0, err
	}
	err := w.Close()
	return b.Len(), err
}

// Production writes a production build of the frontend in dir to the folder out, replacing
// an earlier build: minified outputs with hashed names, an index.html that refers to
// them, the files of public/, and the files in more, by name. index.html contains policy,
// a Content-Security-Policy, unless it is "". It returns the outputs' sizes by URL path.
// On error out is unchanged.
func Production(dir, out, policy string, more map[string][]byte) (sizes map[string]Size, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := replaceable(dir, out); err != nil {
		return nil, err
	}
	opts := options(dir)
	opts.EntryNames = "[name]-[hash]"
	opts.AssetNames = "[name]-[hash]"
	opts.MinifyWhitespace, opts.MinifyIdentifiers, opts.MinifySyntax = true, true, true
	opts.Sourcemap = api.SourceMapNone
	opts.Metafile = true
	result := api.Build(opts)
	if len(result.Errors) > 0 {
		return nil, errors.New(Format(filepath.Base(dir), result.Errors))
	}
	index, err := os.ReadFile(filepath.Join(dir, "index.html")) //nolint:gosec // in the caller's folder
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(out)), 0o750); err != nil {
		return nil, err
	}
	next, err := os.MkdirTemp(filepath.Dir(filepath.Clean(out)), ".dist-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(next)) }() // if it was not renamed
	if err := os.CopyFS(next, os.DirFS(filepath.Join(dir, "public"))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sizes = map[string]Size{}
	for _, output := range result.OutputFiles {
		name := filepath.Base(output.Path)
		gzipped, err := gzippedSize(output.Contents)
		if err != nil {
			return nil, err
		}
		sizes["/"+name] = Size{len(output.Contents), gzipped}
		if err := os.WriteFile(filepath.Join(next, name), output.Contents, 0o644); err != nil { //nolint:gosec // for a web server to read
			return nil, err
		}
	}
	if index, err = renamed(dir, index, result.Metafile); err != nil {
		return nil, err
	}
	if policy != "" {
		meta := `<meta http-equiv="Content-Security-Policy" content="` + html.EscapeString(policy) + `">`
		if !headStart.Match(index) {
			return nil, fmt.Errorf("%s has no <head> for the Content-Security-Policy", filepath.Join(filepath.Base(dir), "index.html"))
		}
		index = headStart.ReplaceAll(index, []byte("$0\n    "+meta))
	}
	files := maps.Clone(more)
	if files == nil {
		files = map[string][]byte{}
	}
	files["index.html"] = index
	files[marker] = []byte("The next build replaces this folder.\n")
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(next, name), content, 0o644); err != nil { //nolint:gosec // for a web server to read
			return nil, err
		}
	}
	if err := os.Chmod(next, 0o755); err != nil { //nolint:gosec // for a web server to read
		return nil, err
	}
	old := next + "-old"
	if err := os.Rename(out, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.Rename(next, out); err != nil {
		return nil, errors.Join(fmt.Errorf("replace the earlier build: %w", err), os.Rename(old, out))
	}
	return sizes, os.RemoveAll(old)
}

var headStart = regexp.MustCompile(`(?i)<head(\s[^>]*)?>`)

// renamed returns index with the hashed names of the entry points' outputs, according to
// esbuild's metafile.
func renamed(dir string, index []byte, metafile string) ([]byte, error) {
	var meta struct {
		Outputs map[string]struct{ EntryPoint string }
	}
	if err := json.Unmarshal([]byte(metafile), &meta); err != nil {
		return nil, err
	}
	known := map[string]string{entryScript: "/index.js", entryStyles: "/styles.css"}
	for output, one := range meta.Outputs {
		old, isEntry := known[one.EntryPoint]
		if !isEntry || path.Ext(output) != path.Ext(old) {
			continue // a script or a style sheet refers to it
		}
		if !bytes.Contains(index, []byte(`"`+old+`"`)) {
			return nil, fmt.Errorf("%s does not name %s, so the production build would not load it", filepath.Join(filepath.Base(dir), "index.html"), old)
		}
		index = bytes.ReplaceAll(index, []byte(`"`+old+`"`), []byte(`"/`+path.Base(output)+`"`))
	}
	return index, nil
}

// marker is a file that identifies a folder as an earlier build.
const marker = ".devserver-build"

// replaceable returns an error if the folder out must not be replaced by a build of dir:
// it is not an earlier build, or it contains the sources.
func replaceable(dir, out string) error {
	entries, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(out, marker)); err != nil {
		return fmt.Errorf("%s is not empty and not an earlier build: remove it, or name another folder", out)
	}
	place, err := filepath.EvalSymlinks(out)
	if err != nil {
		return err
	}
	if place, err = filepath.Abs(place); err != nil {
		return err
	}
	if sources, err := filepath.EvalSymlinks(dir); err != nil {
		return err
	} else if rel, err := filepath.Rel(place, sources); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("%s contains the sources of the page", out)
	}
	return nil
}
