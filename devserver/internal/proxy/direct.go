package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"time"
)

// direct sends what a page asks most, GET and the like over plain TCP, from the
// goroutine that serves it. http.Transport takes two more for each connection,
// which it needs when a body goes one way while the answer comes the other; doing
// without makes half as many requests again (docs/performance.md). All else goes
// to the http.Transport.
type direct struct {
	*http.Transport
	conns *pool
}

// maxAnswerHead bounds the head of an answer, with those that come before it, in bytes.
const maxAnswerHead = 1 << 20

var (
	errAnswerHead = errors.New("the head of its answer is larger than 1 MiB")
	// errEnded says that a connection ended before an answer began.
	errEnded = errors.New("the connection ended")
)

// RoundTrip implements http.RoundTripper.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if !safe || r.Body != nil || r.URL.Scheme != "http" || r.Header["Expect"] != nil {
		return d.Transport.RoundTrip(r)
	}
	for {
		c, err := d.conns.get(r.Context(), r.URL)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(r.Context(), func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // it fails on a closed one alone
		resp, err := c.ask(r)
		if err == nil {
			resp.Body = &answerBody{ReadCloser: resp.Body, ctx: r.Context(), stop: stop, conn: c, conns: d.conns,
				reusable: !resp.Close}
			return resp, nil
		}
		stop()
		_ = c.Close() // it is of no use any more
		if r.Context().Err() != nil {
			return nil, r.Context().Err()
		}
		if !c.reused || !errors.Is(err, errEnded) {
			return nil, err
		}
		// The upstream had closed it since its last use. Asking again is safe: nobody answered.
	}
}

// ask sends r and reads the head of its answer.
func (c *plainConn) ask(r *http.Request) (*http.Response, error) {
	c.left = maxAnswerHead
	if err := r.Write(c.w); err != nil && c.w.Flush() == nil {
		return nil, err // not the connection's fault
	}
	if err := c.w.Flush(); err != nil {
		return nil, errors.Join(errEnded, err)
	}
	if _, err := c.r.Peek(1); err != nil {
		return nil, errors.Join(errEnded, err)
	}
	for {
		resp, err := http.ReadResponse(c.r, r)
		switch {
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		case resp.StatusCode >= 200:
			c.left = math.MaxInt64 // bodies have no bound
			return resp, nil
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errSwitches
		case resp.StatusCode < 100:
			return nil, fmt.Errorf("malformed HTTP status %d", resp.StatusCode)
		}
		if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(resp.StatusCode, textproto.MIMEHeader(resp.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// answerBody gives its connection back when it has been read to its end.
type answerBody struct {
	io.ReadCloser
	ctx      context.Context
	stop     func() bool // ends the watch over ctx
	conn     *plainConn
	conns    *pool
	reusable bool
	done     bool
}

// Read implements io.Reader.
func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.end(b.reusable)
	case err != nil && b.ctx.Err() != nil:
		err = b.ctx.Err()
	}
	return n, err
}

// Close implements io.Closer.
func (b *answerBody) Close() error {
	b.end(false)
	return nil
}

func (b *answerBody) end(reusable bool) {
	if b.done {
		return
	}
	b.done = true
	if b.stop() && reusable && b.conn.r.Buffered() == 0 {
		b.conns.put(b.conn)
	} else {
		_ = b.conn.Close() // what there was to read has been read, or is not wanted
	}
}
