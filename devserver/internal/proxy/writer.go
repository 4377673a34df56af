package proxy

import "net/http"

// responseWriter is between ReverseProxy and the server. It undoes what net/http adds
// to responses, and observes their progress.
type responseWriter struct {
	http.ResponseWriter
	in     *http.Request
	upload *upload   // the request's body, or nil
	idle   *idle     // told of progress, or nil
	names  *caseConn // has the response's original header names, or nil
	status int       // 0 until there is one
}

// WriteHeader implements http.ResponseWriter.
func (w *responseWriter) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols { // an informational response
		// The server itself sends 100 when the body is read, which is when the upstream has
		// asked for it. HTTP/1.0 has no informational responses (RFC 9110 §15.2).
		if status != http.StatusContinue && w.in.ProtoAtLeast(1, 1) {
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

// Unwrap lets http.ResponseController reach the server's writer.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
