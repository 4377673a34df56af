package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"
)

// dialer connects to upstreams.
type dialer struct {
	localAddress string
	tls          *tls.Config
}

// dial connects to address. The name localhost means either loopback address:
// Node listens on ::1 alone where other servers take 127.0.0.1 alone.
func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	nd := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if d.localAddress != "" {
		nd.LocalAddr = &net.TCPAddr{IP: net.ParseIP(d.localAddress)}
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
	once  sync.Once
	ended chan struct{} // there is nothing more to read
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

func (c *patientConn) end() { c.once.Do(func() { close(c.ended) }) }
