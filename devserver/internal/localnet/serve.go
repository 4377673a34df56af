package localnet

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Serve serves srv on lns, over TLS if srv.TLSConfig is set, until ctx ends, and then
// until the requests in flight are answered, for drain at most. Streams that are
// still open then are cut off, which is no error. It closes lns.
func Serve(ctx context.Context, srv *http.Server, lns []net.Listener, drain time.Duration) error {
	closeUnusedConns(srv)
	serve := srv.Serve
	if srv.TLSConfig != nil {
		serve = func(ln net.Listener) error { return srv.ServeTLS(ln, "", "") }
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, ln := range lns {
		group.Go(func() error {
			if err := serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		graceful, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if srv.Shutdown(graceful) != nil {
			return srv.Close()
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
	next := srv.ConnState
	srv.ConnState = func(conn net.Conn, state http.ConnState) {
		if next != nil {
			next(conn, state)
		}
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
