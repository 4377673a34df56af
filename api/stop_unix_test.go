//go:build unix

package main

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"calling-an-api.example/api/gate/gatetest"
)

func TestStopsOnSignal(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]os.Signal{"interrupt": os.Interrupt, "terminate": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, _, log := start(t, "AUTH0_DOMAIN="+gatetest.New(t).URL)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			find(t, log, "API stopped")
			if err := cmd.Wait(); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// TestSilentConnectionsHoldNothingUp opens a connection in advance, as browsers do.
func TestSilentConnectionsHoldNothingUp(t *testing.T) {
	t.Parallel()
	cmd, url, _ := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	get(t, url+"/healthz", "") // by then the other one is accepted
	begin := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || time.Since(begin) > 2*time.Second {
		t.Errorf("ended with %v after %v", err, time.Since(begin))
	}
}
