package bundle

import (
	"context"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-sourcemap/sourcemap"

	"calling-an-api.example/devserver/internal/source"
)

// Locate returns the place in the sources of a place in the output at a URL path, and
// the content of that source. Lines and columns count from 1. It may be called from any
// goroutine.
func (b *Bundler) Locate(ctx context.Context, urlPath string, line, column int) (at source.Position, text string, ok bool) {
	data, ok := b.Lookup(ctx, urlPath+".map")
	if !ok {
		return at, "", false
	}
	// Sources are relative to the map.
	place := "file://" + path.Join("/", filepath.ToSlash(b.dir), "dist", urlPath+".map")
	m, err := sourcemap.Parse(place, data.Content)
	if err != nil {
		return at, "", false
	}
	name, _, line, column, ok := m.Source(line, column-1)
	if !ok {
		return at, "", false
	}
	file := filepath.FromSlash(strings.TrimPrefix(name, "file://"))
	content, err := source.ReadFile(file)
	if err != nil {
		content = nil // it has just been removed; the position is enough
	}
	rel, err := filepath.Rel(b.dir, file)
	if err != nil {
		return at, "", false
	}
	// Names begin with that of the frontend's folder, as in problems.
	return source.Position{File: path.Join(filepath.Base(b.dir), filepath.ToSlash(rel)), Line: line, Column: column + 1}, string(content), true
}
