// Package localnet is what the servers of this module share about this machine's
// network: listening on both loopback addresses, recognizing loopback hosts, and
// serving until the end.
package localnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// BusyError says that another program listens on Port.
type BusyError struct {
	Port string
	Err  error
}

// Error names the port. The caller knows which setting changes it.
func (e *BusyError) Error() string { return fmt.Sprintf("port %s is in use", e.Port) }

// Unwrap returns the system's error.
func (e *BusyError) Unwrap() error { return e.Err }

// Listen listens on addr, "host:port". For the host "localhost", or a name below it, which
// browsers, curl and Node resolve differently, it returns a listener on 127.0.0.1 and one on [::1]
// with the same port, or only one if the machine has only one of the two addresses.
// Port 0 selects a free port. The error is a *[BusyError] if the port is in use on
// either address.
func Listen(ctx context.Context, addr string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	hosts := []string{host}
	if isLocalhost(host) {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var (
		lc    net.ListenConfig
		lns   []net.Listener
		first error
	)
	for _, h := range hosts {
		ln, err := lc.Listen(ctx, "tcp", net.JoinHostPort(h, port))
		switch {
		case err == nil:
			lns = append(lns, ln)
			port = strconv.Itoa(Port(ln))
		case errors.Is(err, syscall.EADDRINUSE):
			Close(lns)
			return nil, &BusyError{Port: port, Err: err}
		case first == nil:
			first = err
		}
	}
	if len(lns) == 0 {
		return nil, first
	}
	return lns, nil
}

// Port is the port that ln, a TCP listener, listens on.
func Port(ln net.Listener) int {
	return ln.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // says the contract
}

// Close closes lns. A server that has used them has closed them already, so errors
// mean nothing.
func Close(lns []net.Listener) {
	for _, ln := range lns {
		_ = ln.Close()
	}
}

// IsLoopback reports whether host, a name or an IP address without port, is always
// this machine: localhost, a name below it (RFC 6761 §6.3), or a loopback address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return isLocalhost(host) || ip != nil && ip.IsLoopback()
}

func isLocalhost(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// SameOrigin reports whether r has no Origin header or one that names the host it was
// sent to. Browsers always send it with WebSocket handshakes and with requests of
// other origins' pages.
func SameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
