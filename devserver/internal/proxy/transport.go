package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"calling-an-api.example/devserver/internal/proxyconf"
)

// Transports hold the connections to upstreams. They outlive a Proxy, so that an
// edit of the rules drops no connection.
type Transports struct {
	verifying, trusting *http.Transport
}

// NewTransports returns Transports without connections.
func NewTransports() *Transports {
	t := &Transports{verifying: newTransport(), trusting: newTransport()}
	t.trusting.TLSClientConfig = &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // what "secure": false in proxy.conf.json asks for
	}
	return t
}

// Close closes the connections that are idle.
func (t *Transports) Close() {
	t.verifying.CloseIdleConnections()
	t.trusting.CloseIdleConnections()
}

func (t *Transports) forRule(rule *proxyconf.Rule) http.RoundTripper {
	if rule.Secure {
		return t.verifying
	}
	return t.trusting
}

func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:         dial,
		DisableCompression:  true, // compression is between the browser and the upstream
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        1024,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     4 * time.Second, // Node closes after 5 s; we must be first
		TLSHandshakeTimeout: 10 * time.Second,
	}
}

// dial connects to address. The name localhost means either loopback address:
// Node listens on ::1 alone where other servers take 127.0.0.1 alone.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host != "localhost" {
		return dialer.DialContext(ctx, network, address)
	}
	conn, err := dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err != nil && ctx.Err() == nil {
		if conn, err6 := dialer.DialContext(ctx, network, net.JoinHostPort("::1", port)); err6 == nil {
			return conn, nil
		}
	}
	return conn, err
}

// buffers are what ReverseProxy copies bodies through.
var buffers = &bufferPool{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}}

type bufferPool struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (p *bufferPool) Get() []byte { return *p.pool.Get().(*[]byte) }

// Put implements httputil.BufferPool.
func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }
