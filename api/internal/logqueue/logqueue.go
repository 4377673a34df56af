// Package logqueue keeps a slow or dead reader of the log from delaying the requests that
// are logged.
//
// A write to a pipe that nobody reads blocks, and with it the request that is logged. A
// [Queue] takes lines at once, and one goroutine writes them, many at a time if many
// arrive. If the reader is too slow, the newest lines are dropped and counted.
package logqueue

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Queue is an io.Writer that never blocks and never fails. Its methods may be called from
// any goroutine.
type Queue struct {
	out     io.Writer // used by the goroutine of run alone
	max     int       // bytes
	dropped atomic.Int64

	mu      sync.Mutex    // protects all fields below
	pending []byte        // lines that are not being written yet, at most max bytes
	closed  bool          // Close was called
	more    chan struct{} // has an element if run should look; never closed
	done    chan struct{} // closed when run has ended
}

// New returns a Queue that writes to out. It holds at most size bytes, and as many again
// while they are being written. Close ends its goroutine.
func New(out io.Writer, size int) *Queue {
	q := &Queue{out: out, max: size, more: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

// Write queues line, or drops it if the queue is full or closed. The error is always nil.
func (q *Queue) Write(line []byte) (int, error) {
	q.mu.Lock()
	if q.closed || len(q.pending)+len(line) > q.max {
		q.mu.Unlock()
		q.dropped.Add(1)
		return len(line), nil
	}
	q.pending = append(q.pending, line...)
	q.mu.Unlock()
	q.wake()
	return len(line), nil
}

// Dropped returns how many lines were dropped: those for which there was no room, and
// writes that failed.
func (q *Queue) Dropped() int64 { return q.dropped.Load() }

// Close writes what is queued, for at most timeout. It reports whether everything was
// written. Later lines are dropped.
func (q *Queue) Close(timeout time.Duration) bool {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-q.done:
		return true
	case <-timer.C:
		return false // run ends with the process
	}
}

func (q *Queue) wake() {
	select {
	case q.more <- struct{}{}:
	default: // it is awake
	}
}

// run writes what is queued until Close is called and nothing is left.
func (q *Queue) run() {
	defer close(q.done)
	var lines []byte
	for range q.more {
		q.mu.Lock()
		lines, q.pending = q.pending, lines[:0]
		closed := q.closed
		q.mu.Unlock()
		if len(lines) > 0 {
			if _, err := q.out.Write(lines); err != nil { // the reader is gone
				q.dropped.Add(int64(bytes.Count(lines, []byte{'\n'})))
			}
		}
		if closed { // what was queued before is written, as no line is taken afterwards
			return
		}
	}
}
