// Package badpath explains requests whose path has a % that escapes nothing, like
// /rate/50%. Browsers send such paths as they are, and other servers accept them, but
// net/http rejects them before any handler is called, with "400 Bad Request" and no
// reason. A listener of this package logs the reason and puts it into the response.
//
// Over HTTP/2, where net/http resets the stream, [HTTP2] logs that a path was bad.
//
// The listener only watches what net/http does: it recognizes the bytes of that response, and looks
// for a request line with such a path in the bytes that were read. No other request or
// response is affected.
package badpath

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// maxLine is how much of a line is kept until the rest is read, in bytes.
const maxLine = 4 << 10

// rejection is what net/http writes in that case (server.go, errorHeaders).
var rejection = []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request")

// Listen returns a listener that accepts the connections of ln and logs to log. They must
// be plain HTTP/1: over TLS nothing can be seen.
func Listen(ln net.Listener, log *slog.Logger) net.Listener { return listener{ln, log} }

// HTTP2 returns settings for a server that log requests with a bad path to log.
func HTTP2(log *slog.Logger) *http.HTTP2Config {
	return &http.HTTP2Config{CountError: func(kind string) {
		if strings.HasSuffix(kind, "_bad_path") {
			log.Warn("a request was rejected: its path is malformed, probably by a % that escapes nothing; write %25 for a percent sign")
		}
	}}
}

type listener struct {
	net.Listener
	log *slog.Logger
}

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, log: l.log}, nil
}

// conn is a connection of a server. net/http never calls Read concurrently, nor Write, but
// it may call one during the other.
type conn struct {
	net.Conn
	log *slog.Logger

	line     []byte              // the start of a line whose end was not read yet; nil if it is long; Read owns it
	bad      atomic.Pointer[bad] // the last request line whose path is bad, or nil
	answered atomic.Bool         // something else was written since then
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		if c.answered.Swap(false) {
			c.bad.Store(nil) // it was not the path of a request
		}
		c.scan(p[:n])
	}
	return n, err
}

// scan looks for a bad path in p, which follows c.line.
func (c *conn) scan(p []byte) {
	if bytes.IndexByte(p, '%') >= 0 || bytes.IndexByte(c.line, '%') >= 0 {
		for line := range bytes.Lines(append(slices.Clip(c.line), p...)) {
			if found := inRequestLine(line); found != nil {
				c.bad.Store(found)
			}
		}
	}
	if end := bytes.LastIndexByte(p, '\n'); end >= 0 {
		c.line, p = c.line[:0], p[end+1:]
	}
	if len(c.line)+len(p) > maxLine {
		c.line, p = nil, nil
	}
	c.line = append(c.line, p...)
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	found := c.bad.Load()
	if found == nil || !bytes.Equal(p, rejection) {
		c.answered.Store(true)
		return c.Conn.Write(p)
	}
	c.log.Warn(found.String())
	if _, err := c.Conn.Write(found.response()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite lets net/http end the response before it closes the connection.
func (c *conn) CloseWrite() error {
	if tcp, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// ReadFrom lets net/http send files without copying them.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	if to, ok := c.Conn.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

// bad is a request whose path is bad.
type bad struct {
	method, path string
	column       int // of the %, from 1
}

// inRequestLine returns the bad path in line if it is a request line that has one.
func inRequestLine(line []byte) *bad {
	method, rest, ok := strings.Cut(string(line), " ")
	target, _, isRequest := strings.Cut(rest, " HTTP/1.")
	if !ok || !isRequest || strings.ContainsAny(target, " \t") {
		return nil
	}
	path, _, _ := strings.Cut(target, "?") // which may hold secrets, and any %
	if _, authority, isURL := strings.Cut(path, "://"); isURL {
		_, path, _ = strings.Cut(authority, "/")
		path = "/" + path
	}
	for i := range len(path) {
		if path[i] == '%' && (i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2])) {
			return &bad{method, path, i + 1}
		}
	}
	return nil
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// String returns the line for the log.
func (b *bad) String() string {
	return fmt.Sprintf("%.20q %.200q was rejected: the %% at column %d of the path escapes nothing; write %%25 for a percent sign", b.method, b.path, b.column)
}

// response returns the response that is sent in place of net/http's.
func (b *bad) response() []byte {
	body, _ := json.Marshal(map[string]string{ // cannot fail: strings
		"error":             "bad_request",
		"error_description": fmt.Sprintf("The %% at column %d of the path %.200s escapes nothing, so Go's HTTP server rejects the request.", b.column, b.path),
		"next":              "Write %25 for a percent sign, as encodeURIComponent does.",
	})
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		http.StatusBadRequest, http.StatusText(http.StatusBadRequest), len(body), body)
}
