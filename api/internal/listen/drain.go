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

// Serve serves srv on lns until ctx ends, and then until the requests in flight are
// answered, for drain at most. It closes lns. The error is that of a listener, or
// says that requests were cut off.
func Serve(ctx context.Context, srv *http.Server, lns []net.Listener, drain time.Duration) error {
	closeUnusedConns(srv)
	group, ctx := errgroup.WithContext(ctx)
	for _, ln := range lns {
		group.Go(func() error {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		graceful, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err := srv.Shutdown(graceful); err != nil {
			return errors.Join(fmt.Errorf("requests still in flight after %v: %w", drain, err), srv.Close())
		}
		return nil
	})
	return group.Wait()
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
