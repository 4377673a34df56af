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

const (
	quiet   = 10 * time.Millisecond  // without events, after which a save is complete: one is several events
	longest = 100 * time.Millisecond // that a change waits for others to end
)

// Watcher watches folders with all that is in them, and single files.
type Watcher struct {
	fs    *fsnotify.Watcher
	roots []root
}

// root is something that somebody asked for. A link to it is followed: events
// come by its real path and are reported by the one it was asked for by.
type root struct {
	given, real string
	tree        bool
}

// New returns a Watcher of nothing yet. Close releases it.
func New() (*Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	return &Watcher{fs: w}, nil
}

// Close ends the watching.
func (w *Watcher) Close() { _ = w.fs.Close() } // nothing is read from it any more

// Tree watches dir and everything below it, folders that come later too. What no
// person edits is left out: node_modules, dist, and names that begin with a dot.
func (w *Watcher) Tree(dir string) error {
	r, err := w.root(dir, true)
	if err != nil {
		return err
	}
	return w.addTree(r.real)
}

// File watches the file at path, which need not exist, but its folder must.
func (w *Watcher) File(path string) error {
	_, err := w.root(path, false)
	return err
}

// root adds path, and watches the folder it is in, where it may be replaced.
func (w *Watcher) root(path string, tree bool) (root, error) {
	given, err := filepath.Abs(path)
	if err != nil {
		return root{}, err
	}
	r := root{given: given, real: given, tree: tree}
	if target, err := filepath.EvalSymlinks(given); err == nil {
		r.real = target
	}
	for _, folder := range []string{filepath.Dir(r.given), filepath.Dir(r.real)} {
		if err := w.fs.Add(folder); err != nil {
			return root{}, fmt.Errorf("watch %s: %w", path, err)
		}
	}
	if i := slices.IndexFunc(w.roots, func(known root) bool { return known.given == r.given && known.tree == r.tree }); i >= 0 {
		w.roots[i] = r // asked for before
	} else {
		w.roots = append(w.roots, r)
	}
	return r, nil
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
// ends. Calls never overlap; what happens during one is in the next. Faults of
// watching itself go to failed.
func (w *Watcher) Run(ctx context.Context, changed func(paths []string), failed func(error)) {
	pending := map[string]bool{}
	var first time.Time // of what is pending
	timer := time.NewTimer(quiet)
	timer.Stop()
	defer timer.Stop()
	note := func(path string) {
		if len(pending) == 0 {
			first = time.Now()
		}
		pending[path] = true
		timer.Reset(min(quiet, max(0, longest-time.Since(first))))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.fs.Events:
			path, tree := w.asGiven(event.Name)
			if event.Op == fsnotify.Chmod || path == "" {
				continue
			}
			if tree && event.Has(fsnotify.Create) {
				if err := w.addTree(event.Name); err != nil {
					failed(err)
				}
			}
			note(path)
		case err := <-w.fs.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				failed(err)
				continue
			}
			for _, r := range w.roots { // anything may have changed
				if r.tree {
					if err := w.addTree(r.real); err != nil {
						failed(err)
					}
				}
				note(r.given)
			}
		case <-timer.C:
			changed(slices.Sorted(maps.Keys(pending)))
			clear(pending)
		}
	}
}

// asGiven returns the path of an event as the person who asked for it would write
// it, "" if nobody did, and whether it is in a tree.
func (w *Watcher) asGiven(path string) (given string, tree bool) {
	for _, r := range w.roots {
		if path == r.given || path == r.real {
			return r.given, r.tree
		}
		if rel, err := filepath.Rel(r.real, path); r.tree && err == nil && filepath.IsLocal(rel) &&
			!slices.ContainsFunc(strings.Split(rel, string(filepath.Separator)), ignored) {
			return filepath.Join(r.given, rel), true
		}
	}
	return "", false
}
