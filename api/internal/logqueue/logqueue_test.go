package logqueue_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"calling-an-api.example/api/internal/logqueue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// writer is an io.Writer by a function.
type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestWritesInOrder(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	q := logqueue.New(&out, 1<<20)
	want := ""
	for line := range strings.FieldsSeq(strings.Repeat("a b c ", 1000)) {
		want += line + "\n"
		_, _ = q.Write([]byte(line + "\n")) // never fails
	}
	if !q.Close(10*time.Second) || out.String() != want || q.Dropped() != 0 {
		t.Errorf("wrote %d bytes of %d, dropped %d lines", out.Len(), len(want), q.Dropped())
	}
}

// TestReaderThatStops has a reader that takes one write and then none, like the other end
// of a pipe.
func TestReaderThatStops(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var got strings.Builder
	q := logqueue.New(writer(func(p []byte) (int, error) {
		once.Do(func() { close(started) })
		<-release
		return got.Write(p)
	}), 10)
	write := func(line string) { _, _ = q.Write([]byte(line + "\n")) }
	write("first")
	<-started // by then, the queue is empty again
	for _, line := range []string{"one", "two", "too much", "x"} {
		write(line)
	}
	if n := q.Dropped(); n != 1 {
		t.Errorf("dropped %d lines, want the one that did not fit", n)
	}
	if q.Close(time.Millisecond) {
		t.Error("closed, although nothing was written")
	}
	write("late")
	close(release)
	if !q.Close(10 * time.Second) {
		t.Error("not closed")
	}
	if got.String() != "first\none\ntwo\nx\n" || q.Dropped() != 2 {
		t.Errorf("wrote %q, dropped %d", got.String(), q.Dropped())
	}
}

// TestReaderThatDies counts the lines that nobody gets.
func TestReaderThatDies(t *testing.T) {
	t.Parallel()
	q := logqueue.New(writer(func([]byte) (int, error) { return 0, errors.New("broken pipe") }), 1<<10)
	for range 5 {
		if _, err := io.WriteString(q, "line\n"); err != nil {
			t.Error(err)
		}
	}
	if !q.Close(10*time.Second) || q.Dropped() != 5 {
		t.Errorf("dropped %d lines, want 5", q.Dropped())
	}
}

// TestManyAtOnce writes from many goroutines. No line is torn or lost.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	writes := 0
	q := logqueue.New(writer(func(p []byte) (int, error) { writes++; return out.Write(p) }), 1<<20)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 100 {
				_, _ = io.WriteString(q, "a whole line\n")
			}
		})
	}
	group.Wait()
	if !q.Close(10*time.Second) || strings.Count(out.String(), "a whole line\n") != 5000 || out.Len() != 5000*len("a whole line\n") {
		t.Errorf("wrote %d bytes in %d writes", out.Len(), writes)
	}
}

func BenchmarkWrite(b *testing.B) {
	q := logqueue.New(io.Discard, 1<<20)
	line := []byte(strings.Repeat("x", 120) + "\n")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = q.Write(line)
	}
	q.Close(time.Second)
}
