// Package listen opens the TCP listeners of the page and of the local tenant.
//
// A browser, curl and Node each have their own idea whether "localhost" means
// 127.0.0.1 or [::1]. net.Listen picks one of the two, so a client that tries
// the other is refused although the server runs. This package opens both.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// BusyError says that another program already listens on Port.
type BusyError struct {
	Port string
	Err  error
}

// Error names the port; the caller adds how to choose another.
func (e *BusyError) Error() string { return fmt.Sprintf("port %s is in use", e.Port) }

// Unwrap returns the system's error.
func (e *BusyError) Unwrap() error { return e.Err }

// TCP listens on addr, "host:port". For the host "localhost" it returns a
// listener on 127.0.0.1 and one on [::1], with the same port; where the machine
// has only one of the two addresses, it returns just that. Port 0 picks a free
// port. The error is a *BusyError if the port is taken on either address.
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
			port = strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
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

func closeAll(lns []net.Listener) {
	for _, ln := range lns {
		_ = ln.Close() // nothing was accepted on it
	}
}
