package proxy

import (
	"bufio"
	"context"
	"net"
	"net/url"
	"sync"
	"time"
)

const (
	maxIdle     = 256             // connections to one address that are kept
	maxIdleTime = 4 * time.Second // Node closes after 5 s; we must be first
)

// plainConn is a connection to an upstream without TLS.
type plainConn struct {
	net.Conn
	address string
	r       *bufio.Reader
	w       *bufio.Writer
	left    int64 // bytes that may be read
	since   time.Time
	reused  bool
}

// Read implements io.Reader for the connection's own bufio.Reader.
func (c *plainConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errAnswerHead
	}
	n, err := c.Conn.Read(p)
	c.left -= int64(n)
	return n, err
}

// pool keeps the connections that are idle, by address. The last one used is used
// first, so that those too many grow old.
type pool struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu   sync.Mutex
	idle map[string][]*plainConn // the one idle for the longest first
	reap *time.Timer             // closes those that are idle for too long; nil while there are none
}

// get returns a connection to u, an idle one if there is one that still works.
func (p *pool) get(ctx context.Context, u *url.URL) (*plainConn, error) {
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	for {
		c := p.pop(address)
		if c == nil {
			break
		}
		if time.Since(c.since) < maxIdleTime && silent(c.Conn) {
			return c, nil
		}
		_ = c.Close() // it is too old, the other end has closed it, or says what nobody asked for
	}
	conn, err := p.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &plainConn{Conn: conn, address: address, w: bufio.NewWriter(conn)}
	c.r = bufio.NewReader(c)
	return c, nil
}

func (p *pool) pop(address string) *plainConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle[address]
	if len(idle) == 0 {
		return nil
	}
	p.idle[address] = idle[:len(idle)-1]
	return idle[len(idle)-1]
}

// put takes c back.
func (p *pool) put(c *plainConn) {
	c.since, c.reused = time.Now(), true
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle[c.address]) >= maxIdle {
		_ = c.Close() // one too many
		return
	}
	p.idle[c.address] = append(p.idle[c.address], c)
	if p.reap == nil {
		p.reap = time.AfterFunc(maxIdleTime, func() { p.close(maxIdleTime) })
	}
}

// close closes the connections that have been idle for some time.
func (p *pool) close(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := 0
	for address, idle := range p.idle {
		old := 0
		for old < len(idle) && time.Since(idle[old].since) >= after {
			_ = idle[old].Close() // nobody uses it
			old++
		}
		if old == len(idle) {
			delete(p.idle, address)
			continue
		}
		p.idle[address] = append(idle[:0], idle[old:]...)
		left += len(idle) - old
	}
	switch {
	case left > 0:
		p.reap.Reset(maxIdleTime / 4)
	case p.reap != nil:
		p.reap.Stop()
		p.reap = nil
	}
}
