package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// upload is a request's body. An answer can come before it is whole, and then
// there is no telling where in it the browser is, so the connection ends with
// that answer (RFC 9112 §9.3).
type upload struct {
	io.ReadCloser
	whole atomic.Bool
}

// newUpload returns r's body as an upload, or nil if it has none.
func newUpload(w http.ResponseWriter, r *http.Request) *upload {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	// Without this the server would read the body before it sends the answer.
	// HTTP/2 does not need it, which is the error it can return.
	_ = http.NewResponseController(w).EnableFullDuplex()
	return &upload{ReadCloser: r.Body}
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		u.whole.Store(true)
	}
	return n, err
}
