package proxy

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// NTLM and Negotiate authenticate a connection rather than a request (RFC 4559 §5): what
// is sent on it afterwards, without credentials, is the user's. Such a connection must
// never carry requests of another client. It belongs to the client's connection until
// either ends, so that Windows authentication works through the proxy.

// client is a connection of a browser, with the connections to upstreams that only it
// may use. Its methods may be called from any goroutine.
type client struct {
	mu     sync.Mutex // protects the fields below
	bound  map[boundKey]*http.Transport
	closed bool
}

// boundKey says which requests of a client use its own connections.
type boundKey struct {
	transportKey
	host string
}

type clientKey struct{} // of a client in a request's context

// ownIdleTimeout closes idle connections of a client that is gone, if close came too
// early for them. Those of a client that is not gone end with it, which the server's
// idle timeout makes happen before.
const ownIdleTimeout = 3 * time.Minute

// Track makes srv tell t of its connections. It must be called before srv serves. Without
// it, a request with credentials for a connection gets a connection of its own.
func (t *Transports) Track(srv *http.Server) {
	next, nextContext := srv.ConnState, srv.ConnContext
	srv.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		if nextContext != nil {
			ctx = nextContext(ctx, conn)
		}
		c := &client{}
		t.clients.Store(conn, c)
		return context.WithValue(ctx, clientKey{}, c)
	}
	srv.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			if c, ok := t.clients.LoadAndDelete(conn); ok {
				c.(*client).close() //nolint:forcetypeassert // it holds no other
			}
		}
		if next != nil {
			next(conn, state)
		}
	}
}

// ofClient returns the transport for r: its client's own one if it has been claimed, or if
// r has credentials for a connection. own is whether it is that.
func (t *Transports) ofClient(s sender, r *http.Request) (transport *http.Transport, own bool) {
	hasCredentials := namesConnectionAuth(r.Header["Authorization"])
	if (hasCredentials || t.hasClaims.Load()) && !s.key.keepCase { // whose connections carry one request each
		key := s.boundKey(r)
		c, isTracked := r.Context().Value(clientKey{}).(*client)
		switch {
		case !isTracked && hasCredentials:
			return t.alone(key), false
		case !isTracked:
		case hasCredentials:
			return t.own(c, key), true
		default:
			if transport := c.transport(key); transport != nil {
				return transport, true
			}
		}
	}
	if hasProof(r) && r.URL.Scheme == "https" {
		key := s.key
		key.handshakes = true
		return t.get(key), false // over HTTP/1.1, where it is known what was sent
	}
	return s.transport, false
}

// alone returns the transport for key whose connections carry one request each.
func (t *Transports) alone(key boundKey) *http.Transport {
	key.alone = true
	return t.get(key.transportKey)
}

// claim makes the following requests of r's client use connections of its own if resp asks
// for credentials for a connection.
func (t *Transports) claim(s sender, r *http.Request, resp *http.Response) {
	if resp.StatusCode != http.StatusUnauthorized || s.key.keepCase || !namesConnectionAuth(resp.Header["Www-Authenticate"]) {
		return
	}
	if c, ok := r.Context().Value(clientKey{}).(*client); ok {
		t.own(c, s.boundKey(r))
	}
}

// boundKey returns the key of s's requests to the host of r. The schemes need HTTP/1.1,
// as handshakes do.
func (s sender) boundKey(r *http.Request) boundKey {
	key := s.key
	key.handshakes = true
	return boundKey{key, r.URL.Scheme + "://" + r.URL.Host}
}

// own returns c's transport for key, and creates it on first use. A client that is gone,
// whose last requests may still run, gets no connection that is kept.
func (t *Transports) own(c *client, key boundKey) *http.Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return t.alone(key)
	}
	transport := c.bound[key]
	if transport == nil {
		transport = t.newTransport(key.transportKey)
		transport.IdleConnTimeout = ownIdleTimeout
		if c.bound == nil {
			c.bound = map[boundKey]*http.Transport{}
		}
		c.bound[key] = transport
		t.hasClaims.Store(true)
	}
	return transport
}

// transport returns c's own transport for key, nil if there is none.
func (c *client) transport(key boundKey) *http.Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bound[key]
}

// close closes the idle connections that belong to c. HTTP/2 requests may outlive their
// connection; ownIdleTimeout closes what they leave.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, transport := range c.bound {
		transport.CloseIdleConnections()
	}
}

// namesConnectionAuth reports whether a challenge or credentials in values have a scheme
// that authenticates the connection. It may report true for a comma in a quoted string,
// which does no harm.
func namesConnectionAuth(values []string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			scheme, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			if strings.EqualFold(scheme, "NTLM") || strings.EqualFold(scheme, "Negotiate") {
				return true
			}
		}
	}
	return false
}
