package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"os"
	"strings"
	"time"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// flushInterval is the longest time that a part of a response stays in the server's
// buffer. A small response is then one write to the connection, and the head of a slow
// one still arrives before its body. Event streams and responses of unknown length
// are flushed at once, by ReverseProxy.
const flushInterval = time.Millisecond

// exchange is one request and its response. Its methods are called by the request's
// goroutine only.
type exchange struct {
	*route
	in   *http.Request
	plan plan
	w    responseWriter

	observer Observer // nil if nobody is told

	upload *upload // in's body, nil if it has none
	idle   *idle   // nil if the rule has no timeout
}

// exchange returns the exchange of r, and tells its observer of the plan.
func (rt *route) exchange(w http.ResponseWriter, r *http.Request, p plan) *exchange {
	x := &exchange{route: rt, in: r, plan: p}
	x.w.ResponseWriter, x.w.in = w, r
	if rt.observe != nil {
		if x.observer = rt.observe(r); x.observer != nil {
			x.tell("")
		}
	}
	return x
}

// tell tells the observer of the plan, and of the code of the proxy's own answer.
func (x *exchange) tell(problem string) {
	f := Forwarding{Rule: x.rule.Name, Place: x.rule.Place(), Problem: problem}
	if x.plan.target != nil && x.plan.uri != "" {
		f.URL = x.plan.target.Scheme + "://" + x.plan.target.Host + x.plan.uri
	}
	x.observer.Forwarding(f)
}

// forward sends the request and returns the response. If marked, the request carries
// the CDN-Loop mark.
func (x *exchange) forward(marked bool) {
	r := x.in
	if x.upload = newUpload(x.w.ResponseWriter, r); x.upload != nil {
		x.w.upload = x.upload
		r.Body = x.upload
		defer x.upload.end()
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { whenEnded(info.Conn, x.upload.stop) },
		}))
	}
	if x.rule.Timeout > 0 || x.rule.ProxyTimeout > 0 {
		x.idle = newIdle(x.rule.Timeout, x.rule.ProxyTimeout, x.upload.stop)
		x.w.idle = x.idle
		r = x.idle.watch(r)
		defer x.idle.release()
	}
	if x.rule.PreserveHeaderKeyCase {
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { x.w.names, _ = info.Conn.(*caseConn) },
		}))
	}
	transport := x.requests
	if x.plan.websocket {
		transport = x.handshakes
		ctx, end := x.transports.webSocket(r.Context())
		defer end()
		r = r.WithContext(ctx)
		x.w.webSocket = ctx
	}
	proxy := httputil.ReverseProxy{
		Rewrite:        func(pr *httputil.ProxyRequest) { x.rewrite(pr.Out, marked) },
		Transport:      transport,
		FlushInterval:  flushInterval,
		BufferPool:     buffers,
		ErrorLog:       x.errorLog,
		ModifyResponse: x.modify,
		ErrorHandler:   func(_ http.ResponseWriter, _ *http.Request, err error) { x.failed(err) },
	}
	proxy.ServeHTTP(&x.w, r)
}

// failed answers a request that could not be forwarded, or whose response is invalid. If
// the client has disconnected, it aborts the response: net/http would send a 200.
func (x *exchange) failed(err error) {
	broken := x.upload.broken()
	switch {
	case broken != nil && isGone(broken):
		panic(http.ErrAbortHandler)
	case broken != nil:
		x.answer(badRequest(x.rule, x.plan, broken))
		return
	case x.upload != nil && x.upload.stopped.Load(): // the server has canceled the context because of that
		if errors.Is(err, context.Canceled) || errors.Is(err, os.ErrDeadlineExceeded) {
			err = io.ErrUnexpectedEOF // the upstream closed the connection
		}
	case x.in.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	}
	if timeout, ok := errors.AsType[*idleError](x.idle.cause()); ok {
		err = timeout
	}
	x.answer(explain(x.rule, x.plan, x.api, err))
}

// isGone reports whether err, of reading a request, means that the client disconnected.
func isGone(err error) bool {
	var network net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.As(err, &network)
}

// truncations logs responses that the upstream has not completed. It is the writer of
// ReverseProxy's log, which reports nothing else once a response has begun.
type truncations struct {
	rule *proxyconf.Rule
	log  *slog.Logger
}

// Write implements io.Writer for one line.
func (t truncations) Write(line []byte) (int, error) {
	cause := strings.TrimSpace(string(line))
	if _, after, ok := strings.Cut(cause, "body copy: "); ok {
		cause = after
	}
	if t.rule.LogLevel != proxyconf.LogNothing {
		t.log.Warn("the upstream broke off its answer", "rule", t.rule.Name, "cause", cause)
	}
	return len(line), nil
}

// logRequest returns a function that logs the request after its response. It leaves
// out the query, which may contain secrets.
func (x *exchange) logRequest() func() {
	begin := time.Now()
	return func() {
		status := any(x.w.status)
		if x.w.status == 0 {
			status = "none"
		}
		to := "no target"
		if x.plan.target != nil {
			path, query, _ := strings.Cut(x.plan.uri, "?")
			if query != "" {
				path += "?…"
			}
			to = x.plan.target.Scheme + "://" + x.plan.target.Host + path
		}
		x.log.Info("proxied "+x.in.Method+" "+x.in.URL.EscapedPath(),
			"rule", x.rule.Name, "to", to, "status", status, "took", time.Since(begin).Round(time.Microsecond))
	}
}
