package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// idle gives a request up when for some time not a byte of it or of its answer
// has moved. What comes from one side goes to the other at once, so of the two
// timeouts that a rule can have the shorter one counts.
type idle struct {
	after  time.Duration
	option string // that says so
	timer  *time.Timer
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	stops  func() // what else waits for the request
}

// idleError says why a request was given up.
type idleError struct {
	after  time.Duration
	option string
}

func (e *idleError) Error() string {
	return fmt.Sprintf("nothing moved for %v, which is the rule's %s", e.after, e.option)
}

func newIdle(timeout, proxyTimeout time.Duration, stops func()) *idle {
	if proxyTimeout == 0 || timeout != 0 && timeout < proxyTimeout {
		return &idle{after: timeout, option: "timeout", stops: stops}
	}
	return &idle{after: proxyTimeout, option: "proxyTimeout", stops: stops}
}

// watch returns r so that it is given up, beginning now.
func (i *idle) watch(r *http.Request) *http.Request {
	i.ctx, i.cancel = context.WithCancelCause(r.Context())
	i.timer = time.AfterFunc(i.after, func() {
		i.cancel(&idleError{i.after, i.option})
		i.stops()
	})
	r = r.WithContext(i.ctx)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = i.body(r.Body)
	}
	return r
}

// moved begins anew.
func (i *idle) moved() { i.timer.Reset(i.after) }

// stop ends it without giving anything up.
func (i *idle) stop() { i.timer.Stop() }

// cause says why the request was given up, or by whom else; nil is not.
func (i *idle) cause() error { return context.Cause(i.ctx) }

// release ends it when the request has ended.
func (i *idle) release() {
	i.stop()
	i.cancel(nil)
}

// body returns b, whose reading counts as movement.
func (i *idle) body(b io.ReadCloser) io.ReadCloser { return &movingBody{b, i} }

type movingBody struct {
	io.ReadCloser
	idle *idle
}

// Read implements io.Reader.
func (b *movingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.idle.moved()
	}
	return n, err
}
