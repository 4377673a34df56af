package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// dialer connects to upstreams.
type dialer struct {
	localAddress string // to connect from; "" is any
	tls          *tls.Config
	reachable    *sync.Map // of Transports
}

const (
	holdTimeout  = time.Second           // how long a request waits for an upstream that restarts
	holdInterval = 20 * time.Millisecond // between its attempts
)

// dial connects to address. If an upstream was reachable before, it is probably
// restarting, as the API does after an edit, so dial retries for up to holdTimeout.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, network, address)
	if _, was := d.reachable.Load(address); was && errors.Is(err, syscall.ECONNREFUSED) {
		conn, err = d.hold(ctx, network, address)
	}
	if err != nil {
		d.reachable.Delete(address)
		return nil, err
	}
	d.reachable.Store(address, true)
	return &patientConn{Conn: conn, ended: make(chan struct{})}, nil
}

// hold retries until a server accepts, ctx ends, or holdTimeout has passed. It returns the
// last error.
func (d *dialer) hold(ctx context.Context, network, address string) (conn net.Conn, err error) {
	tick := time.NewTicker(holdInterval)
	defer tick.Stop()
	for deadline := time.Now().Add(holdTimeout); ; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
		conn, err = d.connect(ctx, network, address)
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(deadline) {
			return conn, err
		}
	}
}

// connect connects to address once. For localhost it tries both loopback addresses:
// some servers, such as Node's, listen on ::1 only, others on 127.0.0.1 only.
func (d *dialer) connect(ctx context.Context, network, address string) (net.Conn, error) {
	nd := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if local, err := netip.ParseAddr(d.localAddress); err == nil {
		nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(host, "localhost") {
		return nd.DialContext(ctx, network, address)
	}
	conn, err := nd.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err != nil && ctx.Err() == nil {
		if conn6, err6 := nd.DialContext(ctx, network, net.JoinHostPort("::1", port)); err6 == nil {
			return conn6, nil
		}
	}
	return conn, err
}

// writeErrorDelay is how long a failed write waits for the end of the response.
const writeErrorDelay = time.Second

// patientConn is a connection whose other end may respond and close before it has read
// the whole request, as servers do with a 413. http.Transport would report the failed
// write and discard the response that has arrived (golang/go#11745), so Write returns
// its error only when reading has ended, or after writeErrorDelay.
type patientConn struct {
	net.Conn
	ended   chan struct{} // closed when there is nothing more to read
	written atomic.Int64  // bytes
	closing atomic.Bool   // only TLS's last message may be written

	mu      sync.Mutex // protects the fields below
	isEnded bool
	onEnd   func() // called then, without mu held, if a request was sent; may be nil
	isSent  bool   // bytes were written since onEnd was set
}

// patient returns the patientConn of conn, which may have TLS or a caseConn over it, or
// nil if there is none.
func patient(conn net.Conn) *patientConn {
	c, ok := conn.(*patientConn)
	for !ok {
		wrapper, isWrapper := conn.(interface{ NetConn() net.Conn })
		if !isWrapper {
			return nil
		}
		conn = wrapper.NetConn()
		c, ok = conn.(*patientConn)
	}
	return c
}

// whenEnded makes conn call onEnd when there is nothing more to read after a byte of the
// request has been written. It replaces the function that the last request has set.
func whenEnded(conn net.Conn, onEnd func()) {
	if c := patient(conn); c != nil {
		c.mu.Lock()
		c.onEnd, c.isSent = onEnd, false
		c.mu.Unlock()
	}
}

// Read implements net.Conn.
func (c *patientConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.end()
	}
	return n, err
}

// Write implements net.Conn.
func (c *patientConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if n > 0 {
		c.written.Add(int64(n))
		c.sent()
	}
	if err != nil && !c.closing.Load() {
		timeout := time.NewTimer(writeErrorDelay)
		defer timeout.Stop()
		select {
		case <-c.ended:
		case <-timeout.C:
		}
	}
	return n, err
}

// SetWriteDeadline implements net.Conn. Only package tls sets one here, for the message
// that it sends before it closes the connection.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	c.closing.Store(true)
	return c.Conn.SetWriteDeadline(t)
}

// Close implements net.Conn.
func (c *patientConn) Close() error {
	c.end()
	return c.Conn.Close()
}

// sent records that bytes of a request were written, and calls onEnd if there is nothing
// to read any more.
func (c *patientConn) sent() {
	c.mu.Lock()
	first, onEnd := !c.isSent, c.onEnd
	c.isSent = true
	first = first && c.isEnded && onEnd != nil
	c.mu.Unlock()
	if first {
		onEnd()
	}
}

// end records that there is nothing more to read, and calls onEnd the first time if a
// request was sent.
func (c *patientConn) end() {
	c.mu.Lock()
	first, onEnd := !c.isEnded, c.onEnd
	call := first && c.isSent && onEnd != nil
	c.isEnded = true
	c.mu.Unlock()
	if first {
		close(c.ended)
	}
	if call {
		onEnd()
	}
}
