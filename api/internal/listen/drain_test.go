package listen

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// serve serves on loopback until stop is called, and returns what Serve has returned.
func serve(t *testing.T, stop Stop) (url string, end func(), result <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	done := make(chan error, 1)
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: time.Second}
	go func() { done <- Serve(ctx, srv, []net.Listener{ln}, stop) }()
	return "http://" + ln.Addr().String(), cancel, done
}

// TestDrain still accepts new connections while it drains, and none afterwards.
func TestDrain(t *testing.T) {
	t.Parallel()
	draining := make(chan struct{})
	url, end, result := serve(t, Stop{Drain: 300 * time.Millisecond, Draining: func() { close(draining) }, InFlight: time.Second})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func() error {
		resp, err := client.Get(url)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	end()
	<-draining
	if err := get(); err != nil {
		t.Errorf("while it drains: %v", err)
	}
	if err := <-result; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if get() == nil {
		t.Error("afterwards: still answers")
	}
}

func TestNoDrain(t *testing.T) {
	t.Parallel()
	var called atomic.Bool
	_, end, result := serve(t, Stop{Draining: func() { called.Store(true) }, InFlight: time.Second})
	end()
	if err := <-result; err != nil || called.Load() {
		t.Errorf("got %v, and Draining was called: %t", err, called.Load())
	}
}

// failing is a listener whose Accept fails.
type failing struct{ net.Listener }

func (failing) Accept() (net.Conn, error) { return nil, errors.New("too many files") }

// TestListenerFails does not drain: there is nothing to wait for.
func TestListenerFails(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Second}
	done := make(chan error, 1)
	go func() {
		done <- Serve(context.Background(), srv, []net.Listener{failing{ln}}, Stop{Drain: time.Hour, Draining: func() { t.Error("it drains") }, InFlight: time.Second})
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(10 * time.Second):
		t.Error("does not return without a listener")
	}
}
