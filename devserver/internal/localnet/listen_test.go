package localnet_test

import (
	"errors"
	"net"
	"strconv"
	"testing"

	"calling-an-api.example/devserver/internal/localnet"
)

// families returns the loopback addresses that this machine has.
func families(t *testing.T) []string {
	t.Helper()
	have := []string{"127.0.0.1"}
	if ln, err := net.Listen("tcp", "[::1]:0"); err == nil {
		_ = ln.Close()
		have = append(have, "::1")
	}
	return have
}

func TestBothFamilies(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"localhost", "App.localhost"} { // which no resolver needs to know
		lns, err := localnet.Listen(t.Context(), name+":0")
		if err != nil {
			t.Fatal(err)
		}
		for _, ln := range lns {
			defer func() { _ = ln.Close() }()
		}
		port := strconv.Itoa(lns[0].Addr().(*net.TCPAddr).Port)
		for _, host := range families(t) {
			conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Error(err)
				continue
			}
			_ = conn.Close()
		}
	}
}

func TestBusyOnEitherFamily(t *testing.T) {
	t.Parallel()
	for _, host := range families(t) {
		taken, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = taken.Close() }()
		port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
		_, err = localnet.Listen(t.Context(), "localhost:"+port)
		var busy *localnet.BusyError
		if !errors.As(err, &busy) || busy.Port != port {
			t.Errorf("%s is taken: got %v", host, err)
		}
		for _, other := range families(t) { // nothing of the attempt is left
			if other == host {
				continue
			}
			ln, err := net.Listen("tcp", net.JoinHostPort(other, port))
			if err != nil {
				t.Errorf("%s stays taken: %v", other, err)
				continue
			}
			_ = ln.Close()
		}
	}
}

func TestBadAddress(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"", "localhost", "localhost:99999", "192.0.2.1:0"} {
		if lns, err := localnet.Listen(t.Context(), addr); err == nil {
			t.Errorf("%q gives %v", addr, lns)
		}
	}
}
