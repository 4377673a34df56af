package watch

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"syscall"
)

// This file watches files that are not in a root, wherever they are.

// Inputs watches files wherever they are, instead of those of the last call, and with
// them their folders, in which a missing file may appear. They are absolute paths
// without symbolic links. They need not exist.
func (w *Watcher) Inputs(files []string) error {
	inputs, parents := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		inputs[file] = true
		parents[filepath.Dir(file)] = true
	}
	w.mu.Lock()
	before := w.parents
	w.inputs, w.parents = inputs, parents
	w.mu.Unlock()
	for folder := range before {
		if !parents[folder] && !w.inTree(folder) {
			_ = w.folders.Remove(folder) // it may be gone
		}
	}
	return w.addParents()
}

// inTree reports whether the folder is watched as part of a root.
func (w *Watcher) inTree(folder string) bool {
	for _, r := range w.known() {
		rel, err := filepath.Rel(r.real, folder)
		if r.tree && err == nil && filepath.IsLocal(rel) && !anyIgnored(rel) || folder == filepath.Dir(r.real) || folder == filepath.Dir(r.given) {
			return true
		}
	}
	return false
}

// addParents watches the folders of the inputs. For one that does not exist, it watches
// the next folder above it.
func (w *Watcher) addParents() error {
	w.mu.Lock()
	parents := slices.Sorted(maps.Keys(w.parents))
	w.mu.Unlock()
	var missing []string
	for _, folder := range parents {
		err := w.folders.Add(folder)
		for above := folder; isMissing(err) && above != filepath.Dir(above); {
			if above == folder {
				missing = append(missing, folder)
			}
			above = filepath.Dir(above)
			err = w.folders.Add(above)
		}
		if err != nil {
			return explain("watch "+folder, err)
		}
	}
	w.mu.Lock()
	w.missing = missing
	w.mu.Unlock()
	return nil
}

// isMissing reports whether err says that a folder does not exist, or is none.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
