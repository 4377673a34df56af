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
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	quiet     = 4 * time.Millisecond   // debounce: a save is several events
	longest   = 100 * time.Millisecond // that a change waits for others
	emptyWait = time.Second            // that an empty file waits for its content
)

// Watcher watches folders with everything below them, and single files. Its
// methods may be called from any goroutine.
type Watcher struct {
	folders folders

	mu      sync.Mutex // protects the fields below
	roots   []root
	inputs  map[string]bool // files, by real path
	parents map[string]bool // folders of inputs
	missing []string        // those of them that do not exist
}

// folders watches folders, without those below them. It is the system's notification, or
// a poller.
type folders interface {
	Add(folder string) error
	Remove(folder string) error
	WatchList() []string
	Events() <-chan fsnotify.Event
	Errors() <-chan error
	Close() error
}

// root is a folder or file to watch. If given is a symbolic link, events have the real
// path and are reported with the given one.
type root struct {
	given, real string
	tree        bool
}

// New returns a Watcher that watches nothing yet. Close releases it. If poll is not 0,
// the Watcher looks at the files itself with that interval, for file systems that do not
// notify of changes. Otherwise it uses no time while nothing changes.
func New(poll time.Duration) (*Watcher, error) {
	if poll > 0 {
		return &Watcher{folders: newPoller(poll)}, nil
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, explain("watch files", err)
	}
	return &Watcher{folders: notified{w}}, nil
}

// notified is the system's notification.
type notified struct{ *fsnotify.Watcher }

func (n notified) Events() <-chan fsnotify.Event { return n.Watcher.Events }
func (n notified) Errors() <-chan error          { return n.Watcher.Errors }

// explain adds what to do about a limit of the system.
func explain(what string, err error) error {
	const instead = "or use --poll 1s (variable DEV_POLL=1s)"
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%s: the system's limit of watched folders is reached: raise it (sudo sysctl fs.inotify.max_user_watches=524288), %s", what, instead)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%s: the system's limit of watching programs or of open files is reached: raise it (sudo sysctl fs.inotify.max_user_instances=1024, ulimit -n), %s", what, instead)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Close stops watching.
func (w *Watcher) Close() { _ = w.folders.Close() } // nothing is lost

// Tree watches dir and everything below it, including folders that are created later.
// It ignores node_modules, dist, and names that start with a dot. It does not follow
// symbolic links; see [Watcher.Inputs].
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
		if err := w.folders.Add(folder); err != nil {
			return root{}, explain("watch "+path, err)
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
			return explain("watch "+path, err)
		case !d.IsDir():
			return nil
		case path != dir && ignored(d.Name()):
			return filepath.SkipDir
		}
		if err := w.folders.Add(path); err != nil && !isMissing(err) {
			return explain("watch "+path, err)
		}
		return nil
	})
}

// ignored reports whether changes of a file or folder with that name are of no interest.
func ignored(name string) bool {
	return name == "node_modules" || name == "dist" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~")
}

func anyIgnored(path string) bool {
	return path != "." && slices.ContainsFunc(strings.Split(path, string(filepath.Separator)), ignored)
}

// Run sends the absolute paths of what changed to changes, sorted, until ctx ends.
// What happens while the receiver is busy is in the next batch. failed is called with
// errors of watching itself. It must run in one goroutine only.
func (w *Watcher) Run(ctx context.Context, changes chan<- []string, failed func(error)) {
	b := newBatch()
	defer b.timer.Stop()
	var out chan<- []string // changes while there is a batch to send, otherwise nil
	var batch []string
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.folders.Events():
			path := w.asGiven(event.Name)
			if event.Op == fsnotify.Chmod || path == "" {
				continue
			}
			b.add(path, event)
		case err := <-w.folders.Errors():
			w.recover(err, b, failed)
		case <-b.timer.C:
			if b.awaitsContent() {
				continue
			}
			if err := w.resync(b); err != nil {
				failed(err)
			}
			if batch = slices.Sorted(maps.Keys(b.paths)); len(batch) > 0 {
				out = changes
			}
		case out <- batch:
			out = nil
			b.sent(batch)
		}
	}
}

// resync watches folders that are new, also under another name.
func (w *Watcher) resync(b *batch) error {
	if !b.moved {
		return nil
	}
	b.moved = false
	// The system keeps watching a folder that was renamed, under its old name.
	for _, watched := range w.folders.WatchList() {
		if slices.ContainsFunc(b.gone, func(path string) bool {
			return watched == path || strings.HasPrefix(watched, path+string(filepath.Separator))
		}) {
			_ = w.folders.Remove(watched) // it may be gone
		}
	}
	b.gone = nil
	for _, r := range w.known() {
		if r.tree {
			if err := w.addTree(r.real); err != nil {
				return err
			}
		}
	}
	return w.addParents()
}

// recover handles an error of watching. After an overflow anything may have changed.
func (w *Watcher) recover(err error, b *batch, failed func(error)) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		failed(err)
		return
	}
	b.moved = true
	for _, r := range w.known() {
		b.add(r.given, fsnotify.Event{})
	}
}

// known returns a copy of the roots.
func (w *Watcher) known() []root {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.roots)
}

// asGiven returns the path of an event below the given path of its root, or that of an
// input; "" if it is not watched.
func (w *Watcher) asGiven(path string) string {
	for _, r := range w.known() {
		if path == r.given || path == r.real {
			return r.given
		}
		if rel, err := filepath.Rel(r.real, path); r.tree && err == nil && filepath.IsLocal(rel) && !anyIgnored(rel) {
			return filepath.Join(r.given, rel)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.inputs[path], w.parents[path], w.parents[filepath.Dir(path)] && !ignored(filepath.Base(path)):
		return path
	case slices.ContainsFunc(w.missing, func(folder string) bool { return strings.HasPrefix(folder, path+string(filepath.Separator)) }):
		return path
	}
	return ""
}
