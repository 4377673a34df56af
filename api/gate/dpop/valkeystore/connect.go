package valkeystore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"
)

// connect makes the client if there is none yet.
func (s *Store) connect() error {
	if s.client.Load() != nil {
		return nil
	}
	opened := &connections{}
	options, err := s.clientOptions(opened)
	if err != nil {
		return err
	}
	client, err := valkey.NewClient(options)
	opened.settle(err == nil)
	if err != nil {
		return err
	}
	s.client.Store(&client)
	return nil
}

// connections are those that a new client has opened. If it fails, it leaves some of them open.
type connections struct {
	mu      sync.Mutex // protects all fields below
	settled bool
	failed  bool
	open    []net.Conn
}

// add returns conn, unless the client has failed already: then it closes it.
func (c *connections) add(conn net.Conn) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failed:
		return nil, errors.Join(net.ErrClosed, conn.Close())
	case !c.settled:
		c.open = append(c.open, conn)
	}
	return conn, nil
}

// settle forgets the connections of a client that works, and closes those of one that does not.
func (c *connections) settle(works bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settled, c.failed = true, !works
	for _, conn := range c.open {
		if !works {
			_ = conn.Close() // the client may have done so
		}
	}
	c.open = nil
}

// clientOptions returns the options of the client library. Its buffers are small, because the
// commands are; nothing is retried, because a request waits.
func (s *Store) clientOptions(opened *connections) (valkey.ClientOption, error) {
	u := s.opts.URL
	options := valkey.ClientOption{
		InitAddress: u.Addresses, SelectDB: u.Database, DisableCache: true, DisableRetry: true, AlwaysPipelining: true,
		Dialer: net.Dialer{Timeout: time.Second}, ConnWriteTimeout: time.Second,
		ReadBufferEachConn: 16 << 10, WriteBufferEachConn: 16 << 10, RingScaleEachConn: 8,
		Sentinel: valkey.SentinelOption{MasterSet: u.Sentinel, Dialer: net.Dialer{Timeout: time.Second}, TopologyRefreshInterval: 5 * time.Second},
		DialCtxFn: func(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
			var conn net.Conn
			var err error
			if config != nil {
				conn, err = (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", address)
			} else {
				conn, err = dialer.DialContext(ctx, "tcp", address)
			}
			if err != nil {
				return nil, err
			}
			return opened.add(conn)
		},
	}
	if u.TLS {
		options.TLSConfig = &tls.Config{RootCAs: u.Authorities, MinVersion: tls.VersionTLS12}
		options.Sentinel.TLSConfig = options.TLSConfig
	}
	if u.Sentinel == "" {
		options.AuthCredentialsFn = func(valkey.AuthCredentialsContext) (valkey.AuthCredentials, error) {
			password, err := s.password()
			return valkey.AuthCredentials{Username: u.User, Password: password}, err
		}
		return options, nil
	}
	// The function would be used for the sentinels too, which have no password.
	password, err := s.password()
	options.Username, options.Password = u.User, password
	return options, err
}

func (s *Store) password() (string, error) {
	if s.opts.Password == nil {
		return "", nil
	}
	return s.opts.Password()
}
