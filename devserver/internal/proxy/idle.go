package proxy

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

// idle cancels a request when no byte of it or of its response has moved for some
// time. The two timeouts of a rule are about the two sides of the proxy; as it passes
// everything on at once, the shorter one decides. A nil *idle has no timeout.
type idle struct {
	after  time.Duration
	option string // that sets it
	timer  *time.Timer
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	onIdle func() // called besides
}

// idleError is the cause of a cancellation by idle.
type idleError struct {
	after  time.Duration
	option string
}

func (e *idleError) Error() string {
	text := strconv.FormatFloat(e.after.Seconds(), 'f', -1, 64) + " s"
	if e.after < time.Second {
		text = strconv.FormatInt(e.after.Milliseconds(), 10) + " ms"
	}
	return "no data for " + text + ", the rule's " + e.option
}

// newIdle returns an idle for the options timeout and proxyTimeout, of which one is
// not 0. It calls onIdle when it has expired.
func newIdle(timeout, proxyTimeout time.Duration, onIdle func()) *idle {
	if proxyTimeout == 0 || timeout != 0 && timeout < proxyTimeout {
		return &idle{after: timeout, option: "timeout", onIdle: onIdle}
	}
	return &idle{after: proxyTimeout, option: "proxyTimeout", onIdle: onIdle}
}

// watch starts the time, and returns r with a context and a body that belong to i.
func (i *idle) watch(r *http.Request) *http.Request {
	i.ctx, i.cancel = context.WithCancelCause(r.Context())
	i.timer = time.AfterFunc(i.after, func() {
		i.cancel(&idleError{i.after, i.option})
		i.onIdle()
	})
	r = r.WithContext(i.ctx) //nolint:contextcheck // derived from r's
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = i.body(r.Body)
	}
	return r
}

// progress restarts the time.
func (i *idle) progress() { i.timer.Reset(i.after) }

// stop ends the time. The request may then be idle.
func (i *idle) stop() {
	if i != nil {
		i.timer.Stop()
	}
}

// cause returns the cancellation cause, or nil.
func (i *idle) cause() error {
	if i == nil {
		return nil
	}
	return context.Cause(i.ctx)
}

// release must be called when the request has ended.
func (i *idle) release() {
	i.stop()
	i.cancel(nil)
}

// body returns b, whose reads count as progress.
func (i *idle) body(b io.ReadCloser) io.ReadCloser { return &progressBody{b, i} }

type progressBody struct {
	io.ReadCloser
	idle *idle
}

// Read implements io.Reader.
func (b *progressBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.idle.progress()
	}
	return n, err
}
