package proxy

import (
	"crypto/rand"
	"crypto/tls"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// Transports hold the connections to upstreams. They outlive a Proxy, so that an
// edit of the rules drops no connection.
type Transports struct {
	mu sync.Mutex
	of map[kind]*direct // as many as rules differ in what makes a kind

	id   string // tells this process from others
	busy atomic.Int64
}

// kind is what connections differ in.
type kind struct {
	secure       bool   // certificates are verified
	localAddress string // they come from
	handshakes   bool   // they are for WebSocket handshakes, which HTTP/2 has not
	namesKept    bool   // header names are kept as they are written
}

// NewTransports returns Transports without connections.
func NewTransports() *Transports {
	return &Transports{of: map[kind]*direct{}, id: "devserver-" + strings.ToLower(rand.Text()[:12])}
}

// Close closes the connections that are idle.
func (t *Transports) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.of {
		d.CloseIdleConnections()
		d.conns.close(0)
	}
}

func (t *Transports) forRequests(rule *proxyconf.Rule) http.RoundTripper {
	d := t.get(kind{rule.Secure, rule.LocalAddress, false, rule.PreserveHeaderKeyCase})
	switch {
	case rule.FollowRedirects:
		return follower{d.Transport}
	case rule.PreserveHeaderKeyCase || !canTell:
		return d.Transport
	}
	return d
}

func (t *Transports) forHandshakes(rule *proxyconf.Rule) http.RoundTripper {
	return t.get(kind{rule.Secure, rule.LocalAddress, true, false}).Transport
}

// get returns the connections of kind k.
func (t *Transports) get(k kind) *direct {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[k] == nil {
		d := newDialer(k)
		t.of[k] = &direct{newTransport(k, d), &pool{dial: d.dial, idle: map[string][]*plainConn{}}}
	}
	return t.of[k]
}

func newDialer(k kind) dialer {
	return dialer{localAddress: k.localAddress, up: &sync.Map{}, tls: &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: !k.secure, //nolint:gosec // what "secure": false in proxy.conf.json asks for
	}}
}

func newTransport(k kind, d dialer) *http.Transport {
	transport := &http.Transport{
		DialContext:            d.dialPatient,
		TLSClientConfig:        d.tls,
		DisableCompression:     true, // compression is between the browser and the upstream
		ForceAttemptHTTP2:      !k.handshakes,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        maxIdleTime,
		TLSHandshakeTimeout:    maxHandshake,
		ExpectContinueTimeout:  time.Second, // then the body is sent, as if the upstream had asked for it
		MaxResponseHeaderBytes: maxAnswerHead,
	}
	if k.namesKept {
		transport.DialContext = d.dialNamed
		transport.DialTLSContext = d.dialNamedTLS
		transport.ForceAttemptHTTP2 = false
		transport.DisableKeepAlives = true // a connection has one answer, so its first head is the one
	}
	return transport
}

// maxHandshake bounds TLS handshakes.
const maxHandshake = 10 * time.Second

// suspicious is how many requests at the same time could be one that goes in a
// circle. From then on requests are marked, in the header field that is meant for
// it (RFC 8586), and one that comes back with the mark is refused. Before, no
// request is changed for the sake of an accident that hardly ever happens.
const suspicious = 64

// enter counts a request in, and returns how many there are and what counts it out.
func (t *Transports) enter() (busy int64, done func()) {
	return t.busy.Add(1), func() { t.busy.Add(-1) }
}

func (t *Transports) mark(r *http.Request) {
	r.Header["Cdn-Loop"] = []string{appended(r.Header["Cdn-Loop"], t.id)}
}

// passed reports whether r has come through here before.
func (t *Transports) passed(r *http.Request) bool {
	for _, value := range r.Header["Cdn-Loop"] {
		if strings.Contains(value, t.id) {
			return true
		}
	}
	return false
}

// buffers are what ReverseProxy copies bodies through.
var buffers = &bufferPool{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}}

type bufferPool struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (p *bufferPool) Get() []byte { return *p.pool.Get().(*[]byte) }

// Put implements httputil.BufferPool.
func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }
