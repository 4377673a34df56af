package inspect

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
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
	req = req.WithContext(context.WithValue(req.Context(), contextKey{}, &Exchange{x})) // Trailer must stay the server's
	req.Header = req.Header.Clone()
	flags := "01"
	if x.parentID != "" { // the caller decides whether the trace is sampled
		flags = req.Header.Get("Traceparent")[flagsAt:][:2]
	} else {
		req.Header.Del("Tracestate") // of another trace (W3C Trace Context §3.2)
	}
	req.Header.Set("Traceparent", "00-"+x.traceID+"-"+x.spanID+"-"+flags)
	sent, got := &copied{}, &copied{}
	sent.whole = req.Body == nil || req.Body == http.NoBody
	if !sent.whole {
		req.Body = &bodyCopy{req.Body, sent}
	}
	writer := &responseCopy{ResponseWriter: w, copied: got}
	defer func() {
		aborted := recover()
		r.end(x, writer, sent, got, aborted != nil)
		if aborted != nil {
			panic(aborted)
		}
	}()
	next.ServeHTTP(writer, req)
}

// end records the response, and the bodies as far as they were copied.
func (r *Recorder) end(x *exchange, w *responseCopy, sent, got *copied, aborted bool) {
	requested, sentSize, isWhole := sent.get()
	answered, gotSize, _ := got.get()
	response := message{Status: w.status, Headers: headers(w.Header()), Type: mediaType(w.Header()), Size: gotSize}
	links := append(sharedValues(x.Request.rawURL), sharedValues(w.Header().Get("Location"))...)
	keep := func(media, encoding string, data []byte) (shown string) {
		isHTML := media == "text/html" // of a web_message, which hands over the code
		if !isHTML && !isReadable(media) {
			return ""
		}
		text := readable(encoding, data)
		links = append(links, sharedValues(text)...)
		if isHTML {
			return ""
		}
		return maskBody(text)
	}
	response.Body = keep(response.Type, field(w.Header(), "Content-Encoding"), answered)
	body := keep(x.Request.Type, x.header.Get("Content-Encoding"), requested)
	token := tokenSent(x.header)
	if _, access := accessToken(x.header); len(access) >= 20 {
		links = append(links, access)
	}
	duration := r.now().Sub(x.Start)

	r.mu.Lock()
	defer r.mu.Unlock()
	if x.gone {
		return
	}
	x.Duration, x.Done, x.Aborted, x.Response, x.Token = float64(duration.Microseconds())/1000, true, aborted, response, token
	x.Request.Body, x.Request.Size = body, max(sentSize, x.Request.Size)
	x.bound = x.header["Dpop"] != nil
	x.header, x.Request.rawURL = nil, ""
	x.keepForReplay(requested, isWhole)
	r.join(x, links)
	r.grow(x, x.size()-x.bytes)
	r.wake()
}

// copied is the start of a body, and its size. The transport may still read a request's body when
// the handler has returned.
type copied struct {
	mu    sync.Mutex // protects the fields below
	start []byte
	size  int64
	whole bool // it was read to its end
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
func (c *copied) get() (start []byte, size int64, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.start), c.size, c.whole
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
	if errors.Is(err, io.EOF) {
		b.copied.mu.Lock()
		b.copied.whole = true
		b.copied.mu.Unlock()
	}
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

// Hijack implements http.Hijacker for WebSockets, whose 101 is written to the connection.
func (w *responseCopy) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.status = http.StatusSwitchingProtocols
	}
	return conn, buffered, err
}

// Unwrap lets http.ResponseController reach the server's writer.
func (w *responseCopy) Unwrap() http.ResponseWriter { return w.ResponseWriter }
