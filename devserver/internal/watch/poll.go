package watch

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// poller looks at folders with an interval.
type poller struct {
	events chan fsnotify.Event
	errors chan error
	over   chan struct{} // closed by Close
	done   chan struct{} // closed when run has ended

	mu      sync.Mutex                      // protects folders
	folders map[string]map[string]fileState // by path, then by name
}

// fileState is what shows that a file has changed.
type fileState struct {
	modified time.Time
	size     int64
	mode     fs.FileMode
}

func newPoller(interval time.Duration) *poller {
	p := &poller{
		events: make(chan fsnotify.Event), errors: make(chan error), over: make(chan struct{}), done: make(chan struct{}),
		folders: map[string]map[string]fileState{},
	}
	go p.run(interval)
	return p
}

// run looks at the folders until Close.
func (p *poller) run(interval time.Duration) {
	defer close(p.done)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-p.over:
			return
		case <-tick.C:
		}
		for _, event := range p.changes() {
			select {
			case p.events <- event:
			case <-p.over:
				return
			}
		}
	}
}

// changes returns what has changed since the last time.
func (p *poller) changes() (events []fsnotify.Event) {
	for _, folder := range p.WatchList() {
		now, err := list(folder)
		p.mu.Lock()
		before, watched := p.folders[folder]
		if watched && err == nil {
			p.folders[folder] = now
		} else if watched {
			delete(p.folders, folder) // it is gone, as its parent shows
		}
		p.mu.Unlock()
		for name, state := range now {
			old, existed := before[name]
			if watched && (!existed || old != state) {
				op := fsnotify.Write
				if !existed || old.mode.Type() != state.mode.Type() {
					op = fsnotify.Create
				}
				events = append(events, fsnotify.Event{Name: filepath.Join(folder, name), Op: op})
			}
		}
		for name := range before {
			if _, still := now[name]; !still {
				events = append(events, fsnotify.Event{Name: filepath.Join(folder, name), Op: fsnotify.Remove})
			}
		}
	}
	return events
}

// list returns the states of what is in folder. It follows links, and leaves out what is
// just being removed. The time of a folder says nothing about what is in it.
func list(folder string) (map[string]fileState, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	states := make(map[string]fileState, len(entries))
	for _, entry := range entries {
		info, err := os.Stat(filepath.Join(folder, entry.Name()))
		switch {
		case err != nil:
		case info.IsDir():
			states[entry.Name()] = fileState{mode: info.Mode()}
		default:
			states[entry.Name()] = fileState{info.ModTime(), info.Size(), info.Mode()}
		}
	}
	return states, nil
}

// Add implements folders.
func (p *poller) Add(folder string) error {
	p.mu.Lock()
	_, known := p.folders[folder]
	p.mu.Unlock()
	if known {
		return nil
	}
	states, err := list(folder)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folders[folder] = states
	return nil
}

// Remove implements folders.
func (p *poller) Remove(folder string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.folders, folder)
	return nil
}

// WatchList implements folders.
func (p *poller) WatchList() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.folders))
}

// Events implements folders.
func (p *poller) Events() <-chan fsnotify.Event { return p.events }

// Errors implements folders. There are none.
func (p *poller) Errors() <-chan error { return p.errors }

// Close implements folders. It may be called once.
func (p *poller) Close() error {
	close(p.over)
	<-p.done
	return nil
}
