package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// upload is a request's body. The upstream may respond or disconnect before it has read
// all of it. The rest is then discarded, and the browser's connection is closed after
// the response, because it cannot be reused (RFC 9112 §9.3). Its methods may be called
// from any goroutine; stop and broken may be called on nil.
type upload struct {
	io.ReadCloser
	control *http.ResponseController
	whole   atomic.Bool           // read to its end
	stopped atomic.Bool           // stop has made reads fail
	failure atomic.Pointer[error] // of reading it

	mu    sync.Mutex // protects ended
	ended bool       // the handler has returned, so control may not be used
}

// newUpload returns r's body as an upload, or nil if it has none.
func newUpload(w http.ResponseWriter, r *http.Request) *upload {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	u := &upload{ReadCloser: r.Body, control: http.NewResponseController(w)}
	// Otherwise an HTTP/1 server reads the whole body before it responds. HTTP/2 is
	// always full duplex, and returns an error here.
	_ = u.control.EnableFullDuplex()
	return u
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		u.whole.Store(true)
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, http.ErrBodyReadAfterClose):
		u.failure.Store(&err)
	}
	return n, err
}

// stop makes reads of an incomplete upload fail.
func (u *upload) stop() {
	if u == nil || u.whole.Load() {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.ended {
		u.stopped.Store(true)                          // the server cancels the context, as if the browser had disconnected
		_ = u.control.SetReadDeadline(time.Unix(1, 0)) // fails only on a closed connection
	}
}

// end stops u and waits until nothing reads it. Without it, the server would wait for
// the browser to send the rest.
func (u *upload) end() {
	u.stop()
	_ = u.Close() // Read has reported its errors
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = true
}

// broken returns the error of reading u from the browser, or nil.
func (u *upload) broken() error {
	if u == nil {
		return nil
	}
	if failure := u.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// stopAfter wraps the body of a response, and stops u when it ends or is closed.
func (u *upload) stopAfter(body io.ReadCloser) io.ReadCloser { return &lastBody{body, u} }

// lastBody is the body of a response, whose end stops the upload.
type lastBody struct {
	io.ReadCloser
	upload *upload
}

// Read implements io.Reader.
func (b *lastBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.upload.stop()
	}
	return n, err
}

// Close implements io.Closer.
func (b *lastBody) Close() error {
	b.upload.stop()
	return b.ReadCloser.Close()
}
