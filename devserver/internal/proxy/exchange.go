package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"
)

// exchange is one request and its answer. It stands between ReverseProxy and the
// browser as the ResponseWriter, and its methods are ReverseProxy's hooks.
type exchange struct {
	http.ResponseWriter
	*route

	in        *http.Request
	websocket bool       // in is a WebSocket handshake
	target    *url.URL   // where it goes
	uri       string     // what is asked there
	marked    bool       // the request carries the mark by which loops are known
	status    int        // answered, or 0
	headFirst bool       // the body of the answer may come later than its head
	rest      int64      // of the answer's body, in bytes, if its length is known
	upload    *upload    // in's body, or nil
	idle      *idle      // gives up when nothing moves, or nil
	names     *namedConn // has the names of the answer's header fields, or nil
}

// serve passes the request on and its answer back.
func (e *exchange) serve() {
	r := e.in
	if e.upload = newUpload(e.ResponseWriter, r); e.upload != nil {
		r.Body = e.upload
		defer e.upload.end()
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { whenEnded(info.Conn, e.upload.stop) },
		}))
	}
	if e.rule.Timeout > 0 || e.rule.ProxyTimeout > 0 {
		e.idle = newIdle(e.rule.Timeout, e.rule.ProxyTimeout, e.upload.stop)
		r = e.idle.watch(r)
		defer e.idleEnd()
	}
	if e.rule.PreserveHeaderKeyCase {
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { e.names, _ = info.Conn.(*namedConn) },
		}))
	}
	proxy := httputil.ReverseProxy{
		Rewrite:        e.rewrite,
		Transport:      e.roundTrip,
		BufferPool:     buffers,
		ErrorLog:       e.brokenOff,
		ModifyResponse: e.modify,
		ErrorHandler:   e.failed,
	}
	if e.websocket {
		proxy.Transport = e.handshake
	}
	proxy.ServeHTTP(e, r)
}

// WriteHeader implements http.ResponseWriter.
func (e *exchange) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols { // one of those before the answer
		// The server writes 100 itself when the body is read, which is when the upstream
		// has asked for it. HTTP/1.0 has none of these (RFC 9110 §15.2).
		if status != http.StatusContinue && e.in.ProtoAtLeast(1, 1) {
			e.ResponseWriter.WriteHeader(status)
		}
		return
	}
	e.status = status
	header := e.Header()
	if e.upload != nil && !e.upload.whole.Load() && e.in.ProtoMajor == 1 { // an HTTP/2 stream ends by itself
		header.Set("Connection", "close")
	}
	if e.names != nil {
		e.names.restore(header)
	}
	for _, name := range []string{"Content-Type", "Date"} { // the server would make them up
		if _, ok := header[name]; !ok {
			header[name] = nil
		}
	}
	e.ResponseWriter.WriteHeader(status)
	if e.headFirst {
		_ = http.NewResponseController(e.ResponseWriter).Flush() // fails only if the browser is gone, as the body will
	}
}

// Write implements http.ResponseWriter. What has come of an answer goes on at
// once, in case the rest takes its time. (Where there is no telling what is the
// rest, ReverseProxy sees to that.)
func (e *exchange) Write(p []byte) (int, error) {
	if e.idle != nil {
		e.idle.moved()
	}
	n, err := e.ResponseWriter.Write(p)
	if e.rest -= int64(n); e.rest > 0 && err == nil {
		err = http.NewResponseController(e.ResponseWriter).Flush()
	}
	return n, err
}

// Unwrap gives http.ResponseController what this is around.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// failed answers when there is no answer from the upstream.
func (e *exchange) failed(_ http.ResponseWriter, _ *http.Request, err error) {
	broken := e.upload.broken()
	switch {
	case broken != nil && isGone(broken):
		return // the browser went away: nobody is there to be told, and nothing is wrong
	case broken != nil:
		e.answer(e.badRequest(broken))
		return
	case e.upload != nil && e.upload.stopped.Load(): // by us, whose context the server ends for it
		if errors.Is(err, context.Canceled) || errors.Is(err, os.ErrDeadlineExceeded) {
			err = io.ErrUnexpectedEOF // from the upstream
		}
	case e.in.Context().Err() != nil:
		return // the browser went away
	}
	e.answer(e.explain(err))
}

// isGone reports whether err, of reading a request, says that whoever sent it has gone.
func isGone(err error) bool {
	var network net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.As(err, &network)
}

// idleEnd ends the watch for idleness. An answer that it cut short is logged.
func (e *exchange) idleEnd() {
	var gaveUp *idleError
	if errors.As(e.idle.cause(), &gaveUp) && e.status != http.StatusGatewayTimeout {
		e.brokenOff.Print(gaveUp)
	}
	e.idle.release()
}

// logRequest returns what logs the request once it is answered. The query is left
// out, for it can hold secrets.
func (e *exchange) logRequest() func() {
	begin := time.Now()
	return func() {
		status := any(e.status)
		if e.status == 0 {
			status = "none"
		}
		to := "no target"
		if e.target != nil {
			path, query, _ := strings.Cut(e.uri, "?")
			if query != "" {
				path += "?…"
			}
			to = e.target.Scheme + "://" + e.target.Host + path
		}
		e.log.Info("proxied "+e.in.Method+" "+e.in.URL.EscapedPath(),
			"rule", e.rule.Name, "to", to, "status", status, "took", time.Since(begin).Round(time.Microsecond))
	}
}
