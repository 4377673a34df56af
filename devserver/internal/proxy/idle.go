package proxy

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

// idle cancels a request when neither its body nor its response has made progress for
// some time. A rule has a timeout for each side of the proxy; as the proxy forwards
// everything immediately, the shorter one decides. Its methods may be called from any
// goroutine once watch has returned; stop and cause may be called on nil.
type idle struct {
	after  time.Duration
	option string // that sets it
	timer  *time.Timer
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	onIdle func() // also called then, in the timer's goroutine
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

// newIdle returns an idle for the options timeout and proxyTimeout, of which at least
// one is not 0. It calls onIdle when it has expired.
func newIdle(timeout, proxyTimeout time.Duration, onIdle func()) *idle {
	if proxyTimeout == 0 || timeout != 0 && timeout < proxyTimeout {
		return &idle{after: timeout, option: "timeout", onIdle: onIdle}
	}
	return &idle{after: proxyTimeout, option: "proxyTimeout", onIdle: onIdle}
}

// watch starts the timer. It returns a copy of r whose context i cancels, and the reads
// of whose body are progress.
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

// progress restarts the timer.
func (i *idle) progress() { i.timer.Reset(i.after) }

// stop stops the timer: the request may be idle from now on.
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

// progressBody is a body whose reads are progress. Reads of nothing are not.
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
