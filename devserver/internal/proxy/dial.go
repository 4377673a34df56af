package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
)

// dialer connects to upstreams.
type dialer struct {
	localAddress string
	tls          *tls.Config
	up           *sync.Map // addresses that were answered when last asked
}

const (
	maxHold  = time.Second           // that a request waits for an upstream to come back
	holdTick = 20 * time.Millisecond // between its attempts
)

// dial connects to address. An upstream that was up a moment ago may be about to
// be started anew, as the runner does with the API: it is waited for.
func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, network, address)
	if _, wasUp := d.up.Load(address); wasUp && errors.Is(err, syscall.ECONNREFUSED) {
		conn, err = d.hold(ctx, network, address)
	}
	if err != nil {
		d.up.Delete(address)
		return nil, err
	}
	d.up.Store(address, true)
	return conn, nil
}

// hold connects to address as soon as somebody listens there.
func (d dialer) hold(ctx context.Context, network, address string) (conn net.Conn, err error) {
	tick := time.NewTicker(holdTick)
	defer tick.Stop()
	for deadline := time.Now().Add(maxHold); ; {
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

// connect connects to address once. The name localhost means either loopback address:
// Node listens on ::1 alone where other servers take 127.0.0.1 alone.
func (d dialer) connect(ctx context.Context, network, address string) (net.Conn, error) {
	nd := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if local, err := netip.ParseAddr(d.localAddress); err == nil { // "" is any
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

// dialPatient is dial for http.Transport.
func (d dialer) dialPatient(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &patientConn{Conn: conn, ended: make(chan struct{})}, nil
}

// maxPatience bounds how long a failed write waits for what can still be read.
const maxPatience = time.Second

// patientConn is a connection whose other end may answer and hang up before it
// has read the whole request, as servers do with a 413. Writing then fails while
// the answer waits to be read, and http.Transport would report the one and drop
// the other; so a write fails only once there is nothing more to read.
type patientConn struct {
	net.Conn
	ended chan struct{} // closed when there is nothing more to read

	mu     sync.Mutex
	isOver bool
	tell   func() // when that is; nil is nobody
}

// whenEnded has tell called when there is nothing more to read from conn, which is
// one of ours or TLS over one, in place of what was to be called before.
func whenEnded(conn net.Conn, tell func()) {
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secured.NetConn()
	}
	c, ok := conn.(*patientConn)
	if !ok {
		return
	}
	c.mu.Lock()
	over := c.isOver
	c.tell = tell
	c.mu.Unlock()
	if over {
		tell()
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
	if err != nil {
		timeout := time.NewTimer(maxPatience)
		defer timeout.Stop()
		select {
		case <-c.ended:
		case <-timeout.C:
		}
	}
	return n, err
}

// Close implements net.Conn.
func (c *patientConn) Close() error {
	c.end()
	return c.Conn.Close()
}

func (c *patientConn) end() {
	c.mu.Lock()
	first, tell := !c.isOver, c.tell
	c.isOver = true
	c.mu.Unlock()
	if first {
		close(c.ended)
		if tell != nil {
			tell()
		}
	}
}
