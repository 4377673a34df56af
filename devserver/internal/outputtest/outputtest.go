// Package outputtest collects what a program prints, and lets tests wait for it.
// Only tests import it.
package outputtest

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a program may take to print something.
const patience = 30 * time.Second

// Output is an io.Writer that keeps what is written to it.
type Output struct {
	mu    sync.Mutex
	text  strings.Builder
	wrote chan struct{} // closed and replaced at each write
}

// New returns an empty Output.
func New() *Output { return &Output{wrote: make(chan struct{})} }

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.wrote)
	o.wrote = make(chan struct{})
	return o.text.Write(p)
}

// String returns all that was written.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Await returns the last group of pattern's first match, or the match itself if it
// has no groups, in what was or will be written. It ends the test if that does not
// come.
func (o *Output) Await(t testing.TB, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		o.mu.Lock()
		text, wrote := o.text.String(), o.wrote
		o.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-wrote:
		case <-deadline:
			t.Fatalf("never printed %q:\n%s", pattern, text)
		}
	}
}
