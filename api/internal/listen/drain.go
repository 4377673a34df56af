package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Stop says how [Serve] stops.
type Stop struct {
	Drain    time.Duration // how long requests are still accepted; 0 means not at all
	Draining func()        // called at the start of Drain, unless that is 0
	InFlight time.Duration // how long the requests in flight may take then
}

// Serve serves srv on lns until ctx ends, and then as stop says. It closes lns. The error
// is that of a listener, or says that requests were cut off.
func Serve(ctx context.Context, srv *http.Server, lns []net.Listener, stop Stop) error {
	closeUnusedConns(srv)
	group, serving := errgroup.WithContext(context.WithoutCancel(ctx))
	for _, ln := range lns {
		group.Go(func() error {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
			drain(serving, stop)
		case <-serving.Done(): // a listener has failed
		}
		graceful, cancel := context.WithTimeout(context.WithoutCancel(ctx), stop.InFlight)
		defer cancel()
		if err := srv.Shutdown(graceful); err != nil {
			return errors.Join(fmt.Errorf("requests still in flight after %v: %w", stop.InFlight, err), srv.Close())
		}
		return nil
	})
	return group.Wait()
}

// drain waits for stop.Drain, or until serving ends.
func drain(serving context.Context, stop Stop) {
	if stop.Drain <= 0 {
		return
	}
	stop.Draining()
	timer := time.NewTimer(stop.Drain)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-serving.Done():
	}
}

// closeUnusedConns makes srv close, at shutdown, the connections that never carried a
// request. Browsers open such connections in advance, and Shutdown would wait 5 s
// for them (golang/go#22682).
func closeUnusedConns(srv *http.Server) {
	var mu sync.Mutex
	unused := map[net.Conn]bool{} // protected by mu
	srv.ConnState = func(conn net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			unused[conn] = true
		} else {
			delete(unused, conn)
		}
	}
	srv.RegisterOnShutdown(func() {
		mu.Lock()
		defer mu.Unlock()
		for conn := range unused {
			_ = conn.Close() // nothing is lost
		}
	})
}
