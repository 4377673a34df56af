package main

import (
	"net"
	"net/http"
	"sync"
)

// closeSilent has srv, when it is shut down, close the connections on which nothing
// was ever asked, as browsers open them in advance. Shutdown takes those for busy.
func closeSilent(srv *http.Server) {
	var mu sync.Mutex
	silent := map[net.Conn]bool{}
	srv.ConnState = func(conn net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			silent[conn] = true
		} else {
			delete(silent, conn)
		}
	}
	srv.RegisterOnShutdown(func() {
		mu.Lock()
		defer mu.Unlock()
		for conn := range silent {
			_ = conn.Close() // nobody uses it
		}
	})
}
