package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/textproto"
	"sync"
)

// namedConn keeps the names of the answer's header fields as the upstream writes
// them, for preserveHeaderKeyCase. net/http gives them in their canonical form.
type namedConn struct {
	net.Conn

	mu   sync.Mutex
	head []byte // what was read, until the head is whole
	done bool
	as   map[string]string // canonical form → as it is written
}

// maxHead bounds what is kept of a head.
const maxHead = 1 << 20

func (d dialer) dialNamed(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dialPatient(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &namedConn{Conn: conn}, nil
}

func (d dialer) dialNamedTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dialPatient(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := d.tls.Clone()
	config.ServerName, _, _ = net.SplitHostPort(address) // dial has split it before
	secured := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, maxHandshake)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // it is not used
		return nil, err
	}
	return &namedConn{Conn: secured}, nil
}

// Read implements net.Conn.
func (c *namedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.head = append(c.head, p[:n]...)
		c.scan()
	}
	return n, err
}

// scan reads the names once the head is whole. The caller holds mu.
func (c *namedConn) scan() {
	for {
		head, rest, whole := bytes.Cut(c.head, []byte("\r\n\r\n"))
		if !whole {
			c.done = len(c.head) > maxHead
			return
		}
		status, fields, _ := bytes.Cut(head, []byte("\r\n"))
		if _, code, _ := bytes.Cut(status, []byte(" ")); len(code) > 0 && code[0] == '1' && !bytes.HasPrefix(code, []byte("101")) {
			c.head = rest // one of those before the answer
			continue
		}
		c.as = map[string]string{}
		for line := range bytes.SplitSeq(fields, []byte("\r\n")) {
			if name, _, ok := bytes.Cut(line, []byte(":")); ok {
				c.as[textproto.CanonicalMIMEHeaderKey(string(name))] = string(name)
			}
		}
		c.head, c.done = nil, true
		return
	}
}

// restore gives header the names as they were written.
func (c *namedConn) restore(header http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for canonical, written := range c.as {
		switch canonical {
		case "Content-Length", "Transfer-Encoding", "Trailer", "Connection":
			continue // net/http frames the answer by them, and must find them
		}
		if values, ok := header[canonical]; ok && written != canonical {
			delete(header, canonical)
			header[written] = values
		}
	}
}
