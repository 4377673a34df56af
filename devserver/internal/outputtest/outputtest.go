// Package outputtest collects the output of a program and lets tests wait for it. Only
// tests import it.
package outputtest

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a program may take to print something.
const patience = time.Minute

// Output is an io.Writer that keeps what is written to it. Its methods may be called from
// any goroutine.
type Output struct {
	mu    sync.Mutex // protects the fields below
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

// String returns everything that was written.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Await returns the last group of pattern's first match, or the match itself if it has
// no groups, in what was or will be written. It ends the test if there is no match
// within 30 seconds.
func (o *Output) Await(tb testing.TB, pattern string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	match, err := o.find(ctx, pattern)
	if err != nil {
		tb.Fatalf("never printed %q:\n%s", pattern, o)
	}
	return match
}

// Wait returns when pattern matches what was written, or ctx's error.
func (o *Output) Wait(ctx context.Context, pattern string) error {
	_, err := o.find(ctx, pattern)
	return err
}

func (o *Output) find(ctx context.Context, pattern string) (string, error) {
	re := regexp.MustCompile(pattern)
	for {
		o.mu.Lock()
		text, wrote := o.text.String(), o.wrote
		o.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[len(m)-1], nil
		}
		select {
		case <-wrote:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
