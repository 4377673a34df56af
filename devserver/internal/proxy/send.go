package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// sender sends requests over kept connections, which their upstream may close at any
// moment. http.Transport sends a request again on other connections if it is safe to
// repeat and has no body. Here, one with a small body is repeated too, and any request of
// which not a byte was written. A request that must not be repeated uses no connection
// that is probably about to be closed. One with a DPoP proof is never written twice: the
// upstream would take the second for a replay (RFC 9449 §11.1).
type sender struct {
	transports *Transports
	key        transportKey
	transport  *http.Transport // for key
}

// errSentOnce is the error of a request that could be sent again but for its DPoP proof.
var errSentOnce = errors.New("it closed the connection just as the request was sent; its DPoP proof can be used only once, so it was not sent again")

// RoundTrip implements http.RoundTripper.
func (s sender) RoundTrip(r *http.Request) (*http.Response, error) {
	transport, own := s.transports.ofClient(s, r)
	var resp *http.Response
	var err error
	if hasBody := r.Body != nil && r.Body != http.NoBody; !hasBody && isRepeatable(r) {
		resp, err = transport.RoundTrip(r)
	} else {
		resp, err = s.once(transport, r, hasBody, s.transports.keepAlives.limit(r.URL.Host, own))
	}
	if err == nil {
		s.transports.keepAlives.note(r.URL.Host, resp.Header)
		s.transports.claim(s, r, resp)
	}
	return resp, err
}

// isRepeatable reports whether r may be sent twice (RFC 9110 §9.2.2), as http.Transport does
// except for the proof.
func isRepeatable(r *http.Request) bool {
	if hasProof(r) {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil
}

// hasProof reports whether r carries a DPoP proof (RFC 9449 §4.1).
func hasProof(r *http.Request) bool { return r.Header["Dpop"] != nil }

// once sends r, whose bytes must not be written to two connections, or whose body can
// not be read twice. It uses no connection that has been idle for longer than limit.
func (s sender) once(transport *http.Transport, r *http.Request, hasBody bool, limit time.Duration) (*http.Response, error) {
	a := &attempt{limit: limit, single: !isRepeatable(r)}
	a.ctx, a.cancel = context.WithCancelCause(r.Context())
	r = r.WithContext(httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{GotConn: a.gotConn})) //nolint:contextcheck // derived from r's
	if hasBody {
		a.body = &keptBody{ReadCloser: r.Body, attempt: a}
		r.Body, r.GetBody = a.body, nil
	}
	for {
		resp, err := transport.RoundTrip(r)
		if a.refused {
			return nil, errSentOnce // err may also be that of the connection that gotConn has closed
		}
		if err == nil || !a.repeatable() || r.Context().Err() != nil || hasBody && !a.body.rewind() {
			return resp, err
		}
	}
}

// attempt is what happens to one request. http.Transport calls gotConn before it uses
// a connection, in the goroutine of RoundTrip.
type attempt struct {
	limit  time.Duration // longest time that a connection may have been idle
	single bool          // do not write it to a second connection
	body   *keptBody     // nil if the request has none
	ctx    context.Context
	cancel context.CancelCauseFunc

	conn   *patientConn // the last one; nil for HTTP/2
	start  int64        // bytes that were written to it before
	reused bool         // it has carried requests before
	sent   bool         // bytes were written to an earlier one

	refused bool // to write to a second connection
}

// gotConn is called with the connection for the next try.
func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	a.sent = a.sent || a.conn != nil && a.conn.written.Load() > a.start
	a.conn, a.reused = nil, info.Reused
	if secured, ok := info.Conn.(*tls.Conn); ok && secured.ConnectionState().NegotiatedProtocol == "h2" {
		return // it is shared with other requests, and says itself which ones were not processed
	}
	switch {
	case a.sent && a.single:
		a.refused = true
		a.cancel(errSentOnce)
		_ = info.Conn.Close() // so that nothing can be written to it
	case info.WasIdle && (a.sent || info.IdleTime > a.limit):
		_ = info.Conn.Close() // the next one is younger, or new
	}
	if a.conn = patient(info.Conn); a.conn != nil {
		a.start = a.conn.written.Load()
	}
}

// repeatable reports whether the request may be sent on another connection: the last one
// had been kept too long, and nothing was written to it, or repeating does no harm.
func (a *attempt) repeatable() bool {
	if !a.reused || a.conn == nil {
		return false
	}
	return !a.single || !a.sent && a.conn.written.Load() == a.start
}

// maxKept is how much of a body is kept to be sent again, in bytes. It is more than
// http.Transport reads before it notices that a connection is closed.
const maxKept = 64 << 10

// keptBody is the body of a request, whose start is kept while it is sent on a
// connection that may turn out to be closed. HTTP/2 closes it while it is read.
type keptBody struct {
	io.ReadCloser
	attempt *attempt

	mu    sync.Mutex // protects the fields below, but is not held while the body is read
	kept  []byte
	next  int  // in kept
	whole bool // kept is the whole body
	lost  bool // kept is not the start of the body
}

// Read implements io.Reader.
func (b *keptBody) Read(p []byte) (int, error) {
	if n, whole := b.readKept(p); n > 0 || whole {
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case n == 0 || b.lost:
	case !b.attempt.reused || len(b.kept)+n > maxKept:
		b.kept, b.next, b.lost = nil, 0, true
	default:
		b.kept = append(b.kept, p[:n]...)
		b.next = len(b.kept)
	}
	b.whole = errors.Is(err, io.EOF) && !b.lost
	return n, err
}

// readKept reads from what is kept. whole is whether there is nothing to read after it.
func (b *keptBody) readKept(p []byte) (n int, whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = copy(p, b.kept[b.next:])
	b.next += n
	return n, b.whole
}

// Close implements io.Closer. The body stays open while it may be sent again; upload.end
// closes it in any case.
func (b *keptBody) Close() error {
	b.mu.Lock()
	again := b.attempt.repeatable() && !b.lost
	b.mu.Unlock()
	if again {
		return nil
	}
	return b.ReadCloser.Close()
}

// rewind makes b readable from its start, and reports whether that is possible.
func (b *keptBody) rewind() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = 0
	return !b.lost
}

// keepAlives is how long upstreams keep idle connections, as far as they say so. Its
// methods may be called from any goroutine.
type keepAlives struct {
	timeouts sync.Map // time.Duration by host
	count    atomic.Int64
}

// maxHosts is how many hosts keepAlives knows: redirects may lead to any number.
const maxHosts = 1000

// defaultLimit is for upstreams that do not say it. Some servers close after 2 s.
const defaultLimit = time.Second

// note records the Keep-Alive header of a response of host, like "timeout=5, max=100".
func (k *keepAlives) note(host string, header http.Header) {
	values := header["Keep-Alive"]
	if len(values) == 0 {
		return
	}
	for parameter := range strings.SplitSeq(values[0], ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		seconds, err := strconv.Atoi(strings.Trim(value, ` "`))
		if err != nil || seconds < 0 || seconds > 3600 || !strings.EqualFold(strings.TrimSpace(name), "timeout") {
			continue
		}
		timeout := time.Duration(seconds) * time.Second
		known, ok := k.timeouts.Load(host)
		if known != timeout && (ok || k.count.Add(1) <= maxHosts) {
			k.timeouts.Store(host, timeout)
		}
	}
}

// limit returns how long a connection to host may have been idle when a request is sent
// that must not be repeated. A connection of the client's own is used for longer, because
// another one would not be logged in.
func (k *keepAlives) limit(host string, own bool) time.Duration {
	timeout, ok := k.timeouts.Load(host)
	switch {
	case ok:
		d := timeout.(time.Duration) //nolint:forcetypeassert // note stores no other
		return max(d-time.Second, d/2)
	case own:
		return ownIdleTimeout
	}
	return defaultLimit
}
