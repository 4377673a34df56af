// Package saver saves a state in the background after it has changed, so that requests need not wait
// for it, and those who must know that it is saved can.
package saver

import (
	"sync"
	"time"
)

// Intervals between the begin of one save and that of the next: many changes are saved at once, and
// what failed is tried again.
const (
	interval = 100 * time.Millisecond
	retry    = time.Second
)

// Saver calls a function after changes. Its methods may be called from any goroutine, also after
// Close. A nil Saver saves nothing.
type Saver struct {
	write  func() error
	failed func(error)
	wake   chan struct{} // with room for one: there is a change
	hurry  chan struct{} // with room for one: somebody waits
	done   chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex // protects the fields below
	isDirty  bool       // there are changes that no call of write has begun to save
	isClosed bool
	waiting  []chan struct{} // of those who wait for the next save
}

// New returns a Saver that calls write, one call at a time, and failed for the first of several
// errors in a row. Close releases it.
func New(write func() error, failed func(error)) *Saver {
	s := &Saver{write: write, failed: failed, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run()
	return s
}

// Save has what has changed saved soon, and before Close returns.
func (s *Saver) Save() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isDirty = true
	signal(s.wake)
}

// SaveNow has what has changed saved, and returns when that was tried.
func (s *Saver) SaveNow() {
	if s == nil {
		return
	}
	saved := make(chan struct{})
	s.mu.Lock()
	if s.isDirty = true; !s.isClosed {
		s.waiting = append(s.waiting, saved)
		signal(s.hurry)
		s.mu.Unlock()
		<-saved
		return
	}
	s.mu.Unlock()
}

// Close saves what has changed, and ends the Saver. It may be called more than once.
func (s *Saver) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.isClosed = true
	signal(s.hurry)
	s.mu.Unlock()
	<-s.done
}

// signal sends to a channel with room for one, unless something is in it.
func signal(channel chan<- struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

// run is the goroutine: it saves until the Saver is closed.
func (s *Saver) run() {
	defer close(s.done)
	isFailing := false
	for {
		err, isClosed := s.next()
		if err != nil && !isFailing {
			s.failed(err)
		}
		isFailing = err != nil
		if isClosed {
			return
		}
		pause := time.NewTimer(map[bool]time.Duration{false: interval, true: retry}[isFailing])
		select {
		case <-pause.C:
		case <-s.hurry:
			signal(s.wake)
		}
		pause.Stop()
		if isFailing {
			continue
		}
		select {
		case <-s.wake:
		case <-s.hurry:
		}
	}
}

// next saves what has changed, if anything has. isClosed is whether that was the last time.
func (s *Saver) next() (err error, isClosed bool) { //nolint:revive // the error is not next's own
	s.mu.Lock()
	isDirty, waiting, isClosed := s.isDirty, s.waiting, s.isClosed
	s.isDirty, s.waiting = false, nil
	s.mu.Unlock()
	if isDirty {
		if err = s.write(); err != nil {
			s.mu.Lock()
			s.isDirty = true
			s.mu.Unlock()
		}
	}
	for _, saved := range waiting {
		close(saved)
	}
	return err, isClosed
}
