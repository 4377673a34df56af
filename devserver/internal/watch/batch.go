package watch

import (
	"os"
	"time"

	"github.com/fsnotify/fsnotify"
)

// This file collects changes until a save is complete.

// batch is what has changed and was not sent yet. It is owned by Run.
type batch struct {
	paths map[string]bool
	gone  []string // paths of folders that were renamed or removed
	moved bool     // a folder may be new
	first time.Time
	empty time.Time // since when it waits for the content of an empty file
	timer *time.Timer
}

func newBatch() *batch {
	b := &batch{paths: map[string]bool{}, timer: time.NewTimer(quiet)}
	b.timer.Stop()
	return b
}

// add adds a path and restarts the wait for others.
func (b *batch) add(path string, event fsnotify.Event) {
	if len(b.paths) == 0 {
		b.first = time.Now()
	}
	b.paths[path] = true
	if event.Has(fsnotify.Rename) || event.Has(fsnotify.Remove) {
		b.gone = append(b.gone, event.Name)
	}
	b.moved = b.moved || !event.Has(fsnotify.Write)
	b.timer.Reset(min(quiet, max(0, longest-time.Since(b.first))))
}

// awaitsContent reports whether a file of the batch is empty and may be about to be
// written: some programs truncate a file first. The batch then waits for the next event.
func (b *batch) awaitsContent() bool {
	if b.empty.IsZero() {
		b.empty = time.Now()
	}
	left := emptyWait - time.Since(b.empty)
	if left > 0 {
		for path := range b.paths {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
				b.first = time.Now()
				b.timer.Reset(left)
				return true
			}
		}
	}
	b.empty = time.Time{}
	return false
}

// sent removes what was sent.
func (b *batch) sent(paths []string) {
	for _, path := range paths {
		delete(b.paths, path)
	}
	if len(b.paths) > 0 { // it came while the batch waited
		b.first = time.Now()
		b.timer.Reset(quiet)
	}
}
