package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// Transports holds the connections to upstreams. It outlives a Proxy, so that an edit
// of the rules closes no connection. The methods may be called from any goroutine.
type Transports struct {
	id       string       // unique to this process, see mark
	inFlight atomic.Int64 // requests that all Proxies are forwarding

	keepAlives keepAlives
	reachable  sync.Map    // addresses whose last connection attempt succeeded
	clients    sync.Map    // the open connections of Track: *client by net.Conn
	hasClaims  atomic.Bool // a client has had connections of its own

	closing    context.Context // ends with Close
	cancel     context.CancelFunc
	webSockets sync.WaitGroup // Add is called with mu held, before Close

	mu    sync.Mutex // protects byKey, and the order of webSocket and Close
	byKey map[transportKey]*http.Transport
}

// transportKey holds the options that a connection depends on. Rules with equal keys
// share connections.
type transportKey struct {
	secure       bool   // verify certificates
	localAddress string // to connect from
	handshakes   bool   // for WebSocket handshakes, which need HTTP/1.1
	keepCase     bool   // record header names as they are written
	alone        bool   // one request for each connection
}

// NewTransports returns Transports without connections.
func NewTransports() *Transports {
	t := &Transports{byKey: map[transportKey]*http.Transport{}, id: "devserver-" + strings.ToLower(rand.Text()[:12])}
	t.closing, t.cancel = context.WithCancel(context.Background())
	return t
}

// Close closes open WebSockets, at both ends, and waits until their handlers have
// returned. Then it closes idle connections; those of a client end with the client. Other
// requests in flight are not ended.
func (t *Transports) Close() {
	t.mu.Lock()
	t.cancel()
	t.mu.Unlock()
	t.webSockets.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, transport := range t.byKey {
		transport.CloseIdleConnections()
	}
}

// webSocket returns a context derived from ctx that Close cancels too, and makes Close
// wait until end is called.
func (t *Transports) webSocket(ctx context.Context) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing.Err() != nil {
		cancel()
		return ctx, cancel
	}
	t.webSockets.Add(1)
	stop := context.AfterFunc(t.closing, cancel)
	return ctx, func() {
		stop()
		cancel()
		t.webSockets.Done()
	}
}

// forRequests returns the transport for rule's requests.
func (t *Transports) forRequests(rule *proxyconf.Rule) http.RoundTripper {
	s := t.sender(transportKey{secure: rule.Secure, localAddress: rule.LocalAddress, keepCase: rule.PreserveHeaderKeyCase})
	if rule.FollowRedirects {
		return follower{s}
	}
	return s
}

// forHandshakes returns the transport for rule's WebSockets. They follow no redirect.
func (t *Transports) forHandshakes(rule *proxyconf.Rule) http.RoundTripper {
	return t.sender(transportKey{secure: rule.Secure, localAddress: rule.LocalAddress, handshakes: true})
}

// sender returns the sender for key.
func (t *Transports) sender(key transportKey) sender { return sender{t, key, t.get(key)} }

// get returns the transport for key, and creates it on first use.
func (t *Transports) get(key transportKey) *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byKey[key] == nil {
		t.byKey[key] = t.newTransport(key)
	}
	return t.byKey[key]
}

// newTransport returns a Transport for key. docs/decisions/0006 says why it is tuned
// like this.
func (t *Transports) newTransport(key transportKey) *http.Transport {
	d := &dialer{localAddress: key.localAddress, reachable: &t.reachable, tls: &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: !key.secure, //nolint:gosec // the option "secure": false
	}}
	transport := &http.Transport{
		Proxy:                  environmentProxy,
		OnProxyConnectResponse: checkTunnel,
		DialContext:            d.dial,
		TLSClientConfig:        d.tls,
		DisableCompression:     true, // the browser and the upstream agree on it
		ForceAttemptHTTP2:      !key.handshakes,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        4 * time.Second, // shorter than Node's 5 s, so that we close first
		TLSHandshakeTimeout:    handshakeTimeout,
		ExpectContinueTimeout:  time.Second, // then the body is sent unasked
		MaxResponseHeaderBytes: 1 << 20,
	}
	transport.DisableKeepAlives = key.alone
	if key.keepCase {
		transport.DialContext = d.dialKeepCase
		transport.DialTLSContext = d.dialKeepCaseTLS
		transport.ForceAttemptHTTP2 = false
		transport.DisableKeepAlives = true // so that a connection has exactly one response head
	}
	return transport
}

const handshakeTimeout = 10 * time.Second // for TLS

// loopThreshold is the number of in-flight requests above which loop detection (RFC
// 8586) is on. A loop exceeds it quickly; below it, no request is changed.
const loopThreshold = 64

// mark adds the ID of this process to r's CDN-Loop header.
func (t *Transports) mark(r *http.Request) {
	r.Header["Cdn-Loop"] = []string{appendToList(r.Header["Cdn-Loop"], t.id)}
}

// isLoop reports whether r's CDN-Loop header has the ID of this process.
func (t *Transports) isLoop(r *http.Request) bool {
	for _, value := range r.Header["Cdn-Loop"] {
		if strings.Contains(value, t.id) {
			return true
		}
	}
	return false
}

// buffers is the pool of ReverseProxy's copy buffers.
var buffers = &bufferPool{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}}

type bufferPool struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (p *bufferPool) Get() []byte {
	return *p.pool.Get().(*[]byte) //nolint:forcetypeassert // the pool holds no other
}

// Put implements httputil.BufferPool.
func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }
