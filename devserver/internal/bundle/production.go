package bundle

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"calling-an-api.example/devserver/internal/source"
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

// ProductionOptions are the settings of [Production].
type ProductionOptions struct {
	Dir     string                 // the frontend's folder
	Out     string                 // folder to write to
	Environ []string               // environment, "NAME=value" each
	Policy  func(s Sources) string // returns the Content-Security-Policy that index.html contains; nil for none
	More    map[string][]byte      // additional files, by name
}

// Built is the result of [Production].
type Built struct {
	Sizes    map[string]Size // of the compiled files, by URL path
	Warnings source.Problems
}

// Production writes a production build of a frontend to a folder, replacing an earlier
// build: minified outputs with hashed names, an index.html that refers to them, and the
// files of public/. On error the folder is unchanged, and the result has the warnings;
// problems of the sources are [source.Problems].
func Production(opts ProductionOptions) (built Built, err error) {
	dir, err := realPath(opts.Dir)
	if err != nil {
		return built, err
	}
	if err := replaceable(dir, opts.Out); err != nil {
		return built, err
	}
	files, page, warnings, err := compile(dir, opts)
	built = Built{Sizes: map[string]Size{}, Warnings: warnings}
	if err != nil {
		return built, err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(opts.Out)), 0o750); err != nil {
		return built, err
	}
	next, err := os.MkdirTemp(filepath.Dir(filepath.Clean(opts.Out)), ".dist-")
	if err != nil {
		return built, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(next)) }() // if it was not renamed
	if err := copyPublic(dir, next); err != nil {
		return built, err
	}
	names := []string{}
	for url, file := range files {
		gzipped, err := gzippedSize(file.Content)
		if err != nil {
			return built, err
		}
		built.Sizes[url] = Size{len(file.Content), gzipped}
		names = append(names, url)
		if err := write(next, url, file.Content); err != nil {
			return built, err
		}
	}
	slices.Sort(names)
	more := maps.Clone(opts.More)
	if more == nil {
		more = map[string][]byte{}
	}
	more["index.html"] = page
	more[marker] = []byte("The next build replaces this folder. The names of these files contain a hash of their content:\n" +
		strings.Join(names, "\n") + "\n")
	for name, content := range more {
		if err := write(next, name, content); err != nil {
			return built, err
		}
	}
	return built, replace(next, opts.Out)
}

// compile returns the outputs by URL path, and index.html.
func compile(dir string, opts ProductionOptions) (files map[string]File, index []byte, warnings source.Problems, err error) {
	env, err := readEnv(dir, production, opts.Environ)
	if err != nil {
		return nil, nil, nil, err
	}
	text, err := source.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		return nil, nil, nil, err
	}
	p, faults, warnings := resolve(dir, fillIn(text, production, env))
	p.env = env
	plan := newPlan(dir, p)
	esbuild, l := options(dir, production, plan)
	defer l.workers.close()
	var result api.BuildResult
	if len(faults) == 0 && len(plan.entries) > 0 {
		result = api.Build(esbuild)
		faults = problems(dir, plan, result.Errors)
		warnings = append(warnings, problems(dir, plan, result.Warnings)...)
	}
	if len(faults) > 0 {
		return nil, nil, warnings, faults
	}
	files, page, err := assemble(dir, production, p, l, result)
	if err == nil {
		err = minify(files)
	}
	if err != nil || opts.Policy == nil {
		return files, page.Content, warnings, err
	}
	meta := `<meta http-equiv="Content-Security-Policy" content="` + html.EscapeString(opts.Policy(page.Sources)) + `">`
	index = parse(page.Content).render(meta, "")
	if bytes.Equal(index, page.Content) {
		return nil, nil, nil, fmt.Errorf("%s has no <head> for the Content-Security-Policy", path.Join(filepath.Base(dir), "index.html"))
	}
	return files, index, warnings, nil
}

// minify shortens the names in scripts. esbuild would shorten those of CSS modules too,
// to single letters, which may be classes of a stylesheet that it does not know. Names of
// files stay those of what they are made from.
func minify(files map[string]File) error {
	for url, file := range files {
		if path.Ext(url) != ".js" {
			continue
		}
		result := api.Transform(string(file.Content), api.TransformOptions{
			MinifyIdentifiers: true, MinifyWhitespace: true, MinifySyntax: true, Target: api.ES2022, LogLevel: api.LogLevelSilent,
		})
		if len(result.Errors) > 0 {
			return fmt.Errorf("shorten the names in %s: %s", url, result.Errors[0].Text)
		}
		file.Content = result.Code
		files[url] = file
	}
	return nil
}

// replace moves the folder next to out.
func replace(next, out string) error {
	if err := os.Chmod(next, 0o755); err != nil { //nolint:gosec // for a web server to read
		return err
	}
	old := next + "-old"
	if err := os.Rename(out, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(next, out); err != nil {
		return errors.Join(fmt.Errorf("replace the earlier build: %w", err), os.Rename(old, out))
	}
	return os.RemoveAll(old)
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
	place, err := realPath(out)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(place, dir); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("%s contains the sources of the page", out)
	}
	return nil
}
