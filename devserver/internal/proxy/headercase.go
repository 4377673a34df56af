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

// caseConn records the header names of a response as the upstream writes them, for the
// option preserveHeaderKeyCase. net/http returns them in canonical form only. It is for
// one response: such connections are not reused.
type caseConn struct {
	net.Conn

	mu    sync.Mutex        // protects the fields below
	head  []byte            // what was read, until the head is complete
	done  bool              // names is complete, or the head is too large
	names map[string]string // original names by their canonical form
}

// maxRecordedHead is how much of a head is recorded, in bytes.
const maxRecordedHead = 1 << 20

// dialKeepCase is dial for connections whose header names are recorded.
func (d *dialer) dialKeepCase(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &caseConn{Conn: conn}, nil
}

// dialKeepCaseTLS is dialKeepCase with TLS, and without ALPN: header names have a case in
// HTTP/1.1 only.
func (d *dialer) dialKeepCaseTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := d.tls.Clone()
	config.ServerName, _, _ = net.SplitHostPort(address) // dial has split it before
	secured := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // it is not used
		return nil, err
	}
	return &caseConn{Conn: secured}, nil
}

// NetConn returns the connection below, as that of tls.Conn does.
func (c *caseConn) NetConn() net.Conn { return c.Conn }

// Read implements net.Conn.
func (c *caseConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.head = append(c.head, p[:n]...)
		c.scan()
	}
	return n, err
}

// scan reads the names once the head is complete. The caller holds mu.
func (c *caseConn) scan() {
	for {
		head, rest, complete := bytes.Cut(c.head, []byte("\r\n\r\n"))
		if !complete {
			c.done = len(c.head) > maxRecordedHead
			return
		}
		status, fields, _ := bytes.Cut(head, []byte("\r\n"))
		if _, code, _ := bytes.Cut(status, []byte(" ")); len(code) > 0 && code[0] == '1' && !bytes.HasPrefix(code, []byte("101")) {
			c.head = rest // an informational response
			continue
		}
		c.names = map[string]string{}
		for line := range bytes.SplitSeq(fields, []byte("\r\n")) {
			if name, _, ok := bytes.Cut(line, []byte(":")); ok {
				c.names[textproto.CanonicalMIMEHeaderKey(string(name))] = string(name)
			}
		}
		c.head, c.done = nil, true
		return
	}
}

// restoreHeaders renames the fields of header to the names that the upstream has sent.
func (c *caseConn) restoreHeaders(header http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for canonical, original := range c.names {
		switch canonical {
		case "Content-Length", "Transfer-Encoding", "Trailer", "Connection":
			continue // net/http looks them up to frame the response
		}
		if values, ok := header[canonical]; ok && original != canonical {
			delete(header, canonical)
			header[original] = values
		}
	}
}
