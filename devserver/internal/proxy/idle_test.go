package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestIdle runs with the clock of a synctest bubble, so it is exact.
func TestIdle(t *testing.T) {
	t.Parallel()
	const step = 299 * time.Millisecond // less than the timeout of 300 ms
	for name, tc := range map[string]struct {
		act   func(i *idle, r *http.Request) // after each step, ten times
		after time.Duration                  // that the request is canceled, 0 for never
	}{
		"without progress":  {func(*idle, *http.Request) {}, 300 * time.Millisecond},
		"written responses": {func(i *idle, _ *http.Request) { i.progress() }, 10*step + 300*time.Millisecond},
		"read request body": {func(_ *idle, r *http.Request) { _, _ = r.Body.Read(make([]byte, 1)) }, 10*step + 300*time.Millisecond},
		"read response body": {func(i *idle, _ *http.Request) {
			_, _ = i.body(io.NopCloser(strings.NewReader("x"))).Read(make([]byte, 1))
		}, 10*step + 300*time.Millisecond},
		"reads of nothing": {func(i *idle, _ *http.Request) {
			_, _ = i.body(io.NopCloser(strings.NewReader(""))).Read(make([]byte, 1))
		}, 300 * time.Millisecond},
		"an open WebSocket": {func(i *idle, _ *http.Request) { i.stop() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				var canceled time.Duration
				i := newIdle(time.Minute, 300*time.Millisecond, func() { canceled = time.Since(begin) })
				in, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", io.NopCloser(strings.NewReader("a long body")))
				if err != nil {
					t.Fatal(err)
				}
				r := i.watch(in)
				defer i.release()
				for range 10 {
					time.Sleep(step)
					tc.act(i, r)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if canceled != tc.after {
					t.Errorf("canceled after %v, want %v", canceled, tc.after)
				}
				timeout, ok := errors.AsType[*idleError](i.cause())
				if want := tc.after > 0; ok != want {
					t.Fatalf("cause %v, want an idleError: %v", i.cause(), want)
				}
				if ok && timeout.Error() != "no data for 300 ms, the rule's proxyTimeout" {
					t.Errorf("cause %q", timeout)
				}
				if got := r.Context().Err(); ok && !errors.Is(got, context.Canceled) {
					t.Errorf("the request's context says %v, want canceled", got)
				}
			})
		})
	}
}
