package inspect

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Record returns a handler that records the requests which next handles for party. next finds
// the exchange with [FromContext], and gets a traceparent that names it as the caller's span.
// A nil Recorder records nothing.
func (r *Recorder) Record(party Party, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.Serve(party, next, w, req) })
}

// Serve is [Recorder.Record] for one request.
func (r *Recorder) Serve(party Party, next http.Handler, w http.ResponseWriter, req *http.Request) {
	if r == nil {
		next.ServeHTTP(w, req)
		return
	}
	r.serve(party, "", next, w, req)
}

// serve is Serve for a request that may repeat another: replayOf is the exchange that it repeats, or "".
func (r *Recorder) serve(party Party, replayOf string, next http.Handler, w http.ResponseWriter, req *http.Request) {
	x := r.begin(party, req, replayOf)
	if x == nil {
		next.ServeHTTP(w, req)
		return
	}
	secrets := sharedValues(req.RequestURI)
	x.header = req.Header
	req = req.WithContext(context.WithValue(req.Context(), contextKey{}, &Exchange{x})) // Trailer must stay the server's
	req.Header = req.Header.Clone()
	req.Header.Set("Traceparent", "00-"+x.traceID+"-"+x.spanID+"-01")
	sent, got := &copied{}, &copied{}
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &bodyCopy{req.Body, sent}
	}
	writer := &responseCopy{ResponseWriter: w, copied: got}
	defer func() { r.end(x, writer, sent, got, secrets) }()
	next.ServeHTTP(writer, req)
}

// end records the response, and the bodies as far as they were copied.
func (r *Recorder) end(x *exchange, w *responseCopy, sent, got *copied, secrets []string) {
	requested, sentSize := sent.get()
	answered, gotSize := got.get()
	response := message{Status: w.status, Headers: headers(w.Header()), Type: mediaType(w.Header()), Size: gotSize}
	response.Body = shownBody(response.Type, w.Header().Get("Content-Encoding"), answered)
	body := shownBody(x.Request.Type, x.header.Get("Content-Encoding"), requested)
	secrets = append(secrets, sharedValues(string(requested))...)
	secrets = append(secrets, sharedValues(string(answered))...)
	secrets = append(secrets, sharedValues(w.Header().Get("Location"))...)
	token := tokenSent(x.header)
	if _, sentToken, found := strings.Cut(x.header.Get("Authorization"), " "); found {
		secrets = append(secrets, sentToken)
	}
	duration := r.now().Sub(x.Start)

	r.mu.Lock()
	defer r.mu.Unlock()
	if x.gone {
		return
	}
	x.Duration, x.Done, x.Response, x.Token = float64(duration.Microseconds())/1000, true, response, token
	x.Request.Body = body
	x.Request.Size = sentSize
	x.bound = x.header["Dpop"] != nil
	x.header = nil
	x.keepForReplay(requested)
	r.join(x, secrets)
	r.grow(x, x.size()-x.bytes)
	r.wake()
}

// copied is the start of a body, and its size. The transport may still read a request's body when
// the handler has returned.
type copied struct {
	mu    sync.Mutex // protects the fields below
	start []byte
	size  int64
}

func (c *copied) add(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size += int64(len(p))
	if room := maxBody - len(c.start); room > 0 {
		c.start = append(c.start, p[:min(room, len(p))]...)
	}
}

// get returns what was copied so far.
func (c *copied) get() (start []byte, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.start), c.size
}

// bodyCopy is a request's body that is copied as it is read.
type bodyCopy struct {
	io.ReadCloser
	copied *copied
}

// Read implements io.Reader.
func (b *bodyCopy) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.copied.add(p[:n])
	return n, err
}

// responseCopy is the response of a recorded request.
type responseCopy struct {
	http.ResponseWriter
	copied *copied
	status int // 0 until there is one
}

// WriteHeader implements http.ResponseWriter.
func (w *responseCopy) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *responseCopy) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.copied.add(p)
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the server's writer.
func (w *responseCopy) Unwrap() http.ResponseWriter { return w.ResponseWriter }
