// Package watch tells when files change, soon after a save is complete.
//
// Editors save in many ways: in place, by a temporary file and a rename, by
// deleting and making anew. Watching folders, never files, sees all of them.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long nothing must happen before changes are reported: one save
// is several events, all within a millisecond or two.
const quiet = 10 * time.Millisecond

// Watcher watches folders with all that is in them, and single files.
type Watcher struct {
	fs    *fsnotify.Watcher
	trees []string
	files []string
}

// New returns a Watcher of nothing yet. Run ends it.
func New() (*Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	return &Watcher{fs: w}, nil
}

// Tree watches everything below dir, folders that come later too. What no person
// edits is left out: node_modules, dist, and names that begin with a dot.
func (w *Watcher) Tree(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	w.trees = append(w.trees, dir)
	return w.addTree(dir)
}

// File watches the file at path, which need not exist, but its folder must.
func (w *Watcher) File(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	w.files = append(w.files, path)
	if err := w.fs.Add(filepath.Dir(path)); err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	return nil
}

func (w *Watcher) addTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // it went while we looked
			return nil
		case err != nil:
			return fmt.Errorf("watch %s: %w", path, err)
		case !d.IsDir():
			return nil
		case path != dir && ignored(d.Name()):
			return filepath.SkipDir
		}
		if err := w.fs.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("watch %s: %w", path, err)
		}
		return nil
	})
}

func ignored(name string) bool {
	return name == "node_modules" || name == "dist" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~")
}

// Run calls changed with the absolute paths of what changed, sorted, until ctx
// ends, and then releases the Watcher. Calls never overlap; what happens during
// one is in the next. Faults of watching itself go to failed.
func (w *Watcher) Run(ctx context.Context, changed func(paths []string), failed func(error)) {
	defer func() { _ = w.fs.Close() }() // nothing is read from it any more
	pending := map[string]bool{}
	timer := time.NewTimer(quiet)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.fs.Events:
			if event.Op != fsnotify.Chmod && w.concerns(event.Name) {
				if event.Has(fsnotify.Create) {
					if err := w.addTree(event.Name); err != nil {
						failed(err)
					}
				}
				pending[event.Name] = true
				timer.Reset(quiet)
			}
		case err := <-w.fs.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				failed(err)
				continue
			}
			for _, path := range slices.Concat(w.trees, w.files) { // anything may have changed
				pending[path] = true
			}
			timer.Reset(quiet)
		case <-timer.C:
			changed(slices.Sorted(maps.Keys(pending)))
			clear(pending)
		}
	}
}

// concerns reports whether path is one that somebody asked for.
func (w *Watcher) concerns(path string) bool {
	if slices.Contains(w.files, path) {
		return true
	}
	for _, tree := range w.trees {
		if rel, err := filepath.Rel(tree, path); err == nil && filepath.IsLocal(rel) {
			return !slices.ContainsFunc(strings.Split(rel, string(filepath.Separator)), func(name string) bool {
				return name != "." && ignored(name)
			})
		}
	}
	return false
}
