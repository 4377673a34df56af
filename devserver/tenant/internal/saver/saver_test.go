package saver_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"calling-an-api.example/devserver/tenant/internal/saver"
)

// file is what is saved.
type file struct {
	state, saved, writes atomic.Int64
	broken               atomic.Bool
	errors               atomic.Int64
}

func (f *file) write() error {
	f.writes.Add(1)
	state := f.state.Load()
	time.Sleep(20 * time.Millisecond) // in a bubble
	if f.broken.Load() {
		return errors.New("broken")
	}
	f.saved.Store(state)
	return nil
}

func (f *file) new() *saver.Saver { return saver.New(f.write, func(error) { f.errors.Add(1) }) }

// TestManyChanges saves a thousand changes in a second by few writes, and the last one at Close.
func TestManyChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f file
		s := f.new()
		for range 1000 {
			f.state.Add(1)
			s.Save()
			time.Sleep(time.Millisecond)
		}
		s.Close()
		s.Close()
		if f.saved.Load() != 1000 || f.writes.Load() > 12 {
			t.Errorf("%d is saved, by %d writes", f.saved.Load(), f.writes.Load())
		}
		s.Save() // afterwards, nothing waits and nothing is written
		s.SaveNow()
		if f.writes.Load() > 12 {
			t.Error("it was closed")
		}
	})
}

// TestSaveNow waits for the change, also while another save is under way, and not for the interval.
func TestSaveNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f file
		s := f.new()
		defer s.Close()
		start := time.Now()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				state := f.state.Add(1)
				s.SaveNow()
				if f.saved.Load() < state {
					t.Errorf("%d is saved, not %d", f.saved.Load(), state)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took > 60*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Minute)
		if writes := f.writes.Load(); writes > 3 {
			t.Errorf("%d writes", writes)
		}
	})
}

// TestBrokenFile tries again until it works, and tells of it once. Nobody waits for that.
func TestBrokenFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f file
		f.broken.Store(true)
		s := f.new()
		f.state.Store(1)
		s.SaveNow()
		time.Sleep(5 * time.Second)
		if f.errors.Load() != 1 || f.writes.Load() < 4 || f.writes.Load() > 7 {
			t.Errorf("%d errors, %d writes", f.errors.Load(), f.writes.Load())
		}
		f.broken.Store(false)
		time.Sleep(2 * time.Second)
		if f.saved.Load() != 1 {
			t.Error("it was not saved")
		}
		f.broken.Store(true)
		f.state.Store(2)
		s.SaveNow()
		f.broken.Store(false)
		s.Close()
		if f.saved.Load() != 2 || f.errors.Load() != 2 {
			t.Errorf("at the end, %d is saved, after %d errors", f.saved.Load(), f.errors.Load())
		}
	})
}

// TestNoSaver is for a state that is not saved.
func TestNoSaver(t *testing.T) {
	t.Parallel()
	var s *saver.Saver
	s.Save()
	s.SaveNow()
	s.Close()
}
