// Package listen opens the API's TCP listeners and serves on them until it is told
// to stop.
//
// Browsers, curl and Node differ in whether "localhost" is 127.0.0.1 or [::1].
// net.Listen uses one of the two, and a client that tries the other cannot connect.
// This package listens on both.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
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

// TCP listens on addr, "host:port". For the host "localhost" it returns a listener on
// 127.0.0.1 and one on [::1] with the same port, or only one if the machine has only
// one of the two addresses. Port 0 selects a free port. The error is a *[BusyError]
// if the port is in use on either address.
func TCP(ctx context.Context, addr string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	hosts := []string{host}
	if host == "localhost" {
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
			port = strconv.Itoa(ln.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // of a TCP listener
		case errors.Is(err, syscall.EADDRINUSE):
			closeAll(lns)
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

// closeAll closes the listeners of an attempt that has failed.
func closeAll(lns []net.Listener) {
	for _, ln := range lns {
		_ = ln.Close() // it has accepted nothing
	}
}
