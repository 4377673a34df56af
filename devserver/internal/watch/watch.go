// Package watch reports changes of files, soon after a save is complete.
//
// Editors save in different ways: in place, by renaming a temporary file, by deleting
// and creating the file. Watching folders instead of files detects all of them.
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
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	quiet   = 10 * time.Millisecond  // debounce: a save is several events
	longest = 100 * time.Millisecond // that a change waits for others
)

// Watcher watches folders with everything below them, and single files. Its
// methods may be called from any goroutine.
type Watcher struct {
	fs *fsnotify.Watcher

	mu    sync.Mutex // protects roots
	roots []root
}

// root is a folder or file to watch. If given is a symbolic link, events have the real
// path and are reported with the given one.
type root struct {
	given, real string
	tree        bool
}

// New returns a Watcher that watches nothing yet. Close releases it.
func New() (*Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	return &Watcher{fs: w}, nil
}

// Close stops watching.
func (w *Watcher) Close() { _ = w.fs.Close() } // nothing is lost

// Tree watches dir and everything below it, including folders that are created later.
// It ignores node_modules, dist, and names that start with a dot.
func (w *Watcher) Tree(dir string) error {
	r, err := w.root(dir, true)
	if err != nil {
		return err
	}
	return w.addTree(r.real)
}

// File watches the file at path. Its folder must exist.
func (w *Watcher) File(path string) error {
	_, err := w.root(path, false)
	return err
}

// root adds path and watches its folder, where it may be replaced.
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
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.IndexFunc(w.roots, func(known root) bool { return known.given == r.given && known.tree == r.tree }); i >= 0 {
		w.roots[i] = r // it is watched already
	} else {
		w.roots = append(w.roots, r)
	}
	return r, nil
}

// addTree watches dir and the folders below it. Folders that disappear meanwhile are
// skipped.
func (w *Watcher) addTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just been removed
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

// ignored reports whether changes of a file or folder with that name are of no interest.
func ignored(name string) bool {
	return name == "node_modules" || name == "dist" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~")
}

// Run sends the absolute paths of what changed to changes, sorted, until ctx ends.
// What happens while the receiver is busy is in the next batch. failed is called with
// errors of watching itself. It must run in one goroutine only.
func (w *Watcher) Run(ctx context.Context, changes chan<- []string, failed func(error)) {
	pending := map[string]bool{}
	var first time.Time // of what is pending
	var batch []string
	var out chan<- []string // changes while there is a batch to send, otherwise nil
	timer := time.NewTimer(quiet)
	timer.Stop()
	defer timer.Stop()
	add := func(path string) {
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
			add(path)
		case err := <-w.fs.Errors:
			w.recover(err, add, failed)
		case <-timer.C:
			batch, out = slices.Sorted(maps.Keys(pending)), changes
		case out <- batch:
			for _, path := range batch {
				delete(pending, path)
			}
			out = nil
			if len(pending) > 0 { // it came while the batch waited
				first = time.Now()
				timer.Reset(quiet)
			}
		}
	}
}

// recover handles an error of fsnotify. After an overflow anything may have changed.
func (w *Watcher) recover(err error, add func(path string), failed func(error)) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		failed(err)
		return
	}
	for _, r := range w.known() {
		if r.tree {
			if err := w.addTree(r.real); err != nil {
				failed(err)
			}
		}
		add(r.given)
	}
}

// known returns a copy of the roots.
func (w *Watcher) known() []root {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.roots)
}

// asGiven returns the path of an event below the given path of its root, "" if it is
// not watched, and whether it is in a tree.
func (w *Watcher) asGiven(path string) (given string, tree bool) {
	for _, r := range w.known() {
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
