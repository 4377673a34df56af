package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// upload is a request's body. An answer, or the upstream's end, can come before it
// is whole, while the browser takes its time. Nobody wants the rest then, and there
// is no telling where in it the browser is, so its connection ends with the answer
// (RFC 9112 §9.3).
type upload struct {
	io.ReadCloser
	control *http.ResponseController
	whole   atomic.Bool
	stopped atomic.Bool
	fault   atomic.Pointer[error] // of reading it
}

// newUpload returns r's body as an upload, or nil if it has none.
func newUpload(w http.ResponseWriter, r *http.Request) *upload {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	u := &upload{ReadCloser: r.Body, control: http.NewResponseController(w)}
	// Without this the server would read the body before it sends the answer.
	// HTTP/2 does not need it, which is the error it can return.
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
		u.fault.Store(&err)
	}
	return n, err
}

// stop has whoever reads the rest of u get an error in place of it.
func (u *upload) stop() {
	if u != nil && !u.whole.Load() {
		u.stopped.Store(true)                          // the server takes the deadline for the browser's end; we know better
		_ = u.control.SetReadDeadline(time.Unix(1, 0)) // it fails on a connection that is gone
	}
}

// end stops u and waits until nobody reads it. The server would do the same, but
// wait for the browser.
func (u *upload) end() {
	u.stop()
	_ = u.Close() // what is wrong with it is known already
}

// broken returns what was wrong with reading u, or nil.
func (u *upload) broken() error {
	if u == nil {
		return nil
	}
	if fault := u.fault.Load(); fault != nil {
		return *fault
	}
	return nil
}

// answered has u stopped once body, that of the answer, has been read.
func (u *upload) answered(body io.ReadCloser) io.ReadCloser { return &lastBody{body, u} }

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
