package proxy

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
)

// responseWriter wraps the server's writer for ReverseProxy. It prevents net/http from
// adding headers to responses, and observes their progress.
type responseWriter struct {
	http.ResponseWriter
	in     *http.Request
	upload *upload   // the request's body, or nil
	idle   *idle     // told of progress, or nil
	names  *caseConn // has the response's original header names, or nil
	status int       // 0 until there is one

	webSocket context.Context // its end closes the connection of a WebSocket; nil for other requests
}

// WriteHeader implements http.ResponseWriter.
func (w *responseWriter) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols { // an informational response
		// The server sends 100 itself when the body is first read, which is after the
		// upstream has sent its own 100. HTTP/1.0 has no informational responses (RFC
		// 9110 §15.2).
		if status != http.StatusContinue && w.in.ProtoAtLeast(1, 1) {
			removeHopByHop(w.Header())
			w.ResponseWriter.WriteHeader(status)
		}
		return
	}
	w.status = status
	header := w.Header()
	if w.upload != nil && !w.upload.whole.Load() && w.in.ProtoMajor == 1 { // an HTTP/2 stream ends by itself
		header.Set("Connection", "close")
	}
	if w.names != nil {
		w.names.restoreHeaders(header)
	}
	for _, name := range []string{"Content-Type", "Date"} { // the server would add them
		if _, ok := header[name]; !ok {
			header[name] = nil
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.idle != nil {
		w.idle.progress()
	}
	return w.ResponseWriter.Write(p)
}

// Hijack implements http.Hijacker for WebSockets. ReverseProxy closes only the upstream's
// connection when the request ends, and a browser that does not read would block it.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && w.webSocket != nil {
		context.AfterFunc(w.webSocket, func() { _ = conn.Close() }) // nothing to do about an error
	}
	return conn, buffered, err
}

// Unwrap lets http.ResponseController reach the server's writer.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// removeHopByHop removes the fields of an interim response that are for the connection
// only (RFC 9110 §7.6.1), as ReverseProxy does with those of a final one.
func removeHopByHop(header http.Header) {
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		delete(header, name)
	}
}
