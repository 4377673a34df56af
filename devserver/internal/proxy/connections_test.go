package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestReusedConnections has upstreams do with a connection, after the first answer,
// what must not reach the second request.
func TestReusedConnections(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for name, after := range map[string]func(conn *net.TCPConn){
		"closed":                   func(conn *net.TCPConn) { _ = conn.Close() },
		"reset":                    func(conn *net.TCPConn) { _ = conn.SetLinger(0); _ = conn.Close() },
		"an unsolicited response":  func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\n\r\n") },
		"closed by the next asked": func(conn *net.TCPConn) { _, _ = conn.Read(make([]byte, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answered, done := make(chan struct{}, 16), make(chan struct{}, 16)
			target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) {
				_, _ = io.WriteString(conn, ok)
				<-answered
				if name == "closed by the next asked" {
					done <- struct{}{}
				}
				after(conn)
				done <- struct{}{}
			})
			url := start(t, rule(target, ""), io.Discard)
			for i := range 3 {
				resp, body := do(t, http.MethodGet, url+"/api", "")
				if resp.StatusCode != http.StatusOK || body != "ok" {
					t.Errorf("request %d: %d %s", i, resp.StatusCode, body)
				}
				answered <- struct{}{}
				<-done
			}
		})
	}
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	target := rawUpstream(t, func(conn *net.TCPConn, _ string, r *bufio.Reader) {
		connections.Add(1)
		for err := error(nil); err == nil; { // the head of the first request is read already
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n")
			for line := ""; err == nil && line != "\r\n"; {
				line, err = r.ReadString('\n')
			}
		}
	})
	url := start(t, rule(target, ""), io.Discard)
	for range 10 {
		if resp, body := do(t, http.MethodGet, url+"/api", ""); body != "ok" || resp.Trailer.Get("X-Trailer") != "1" {
			t.Errorf("%d %q %v", resp.StatusCode, body, resp.Trailer)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 10 requests in turn", n)
	}
}

func TestBadHeads(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ answer, says string }{
		"endless":        {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 1100) + "\r\n", "larger than"},
		"early for ever": {strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", 1000)+"\r\n\r\n", 1100), "closed the connection"},
		"cut off":        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "closed the connection"},
		"no HTTP":        {"SSH-2.0-OpenSSH_9.9\r\n", "not HTTP"},
		"status 0":       {"HTTP/1.1 000 None\r\n\r\n", "not HTTP"},
		"status 99":      {"HTTP/1.1 099 None\r\n\r\n", "not HTTP"},
		"an unasked 101": {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "not asked for"},
		"two lengths":    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "Content-Length"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := rawUpstream(t, func(conn *net.TCPConn, _ string, _ *bufio.Reader) { _, _ = io.WriteString(conn, tc.answer) })
			url := start(t, rule(target, ""), io.Discard)
			for _, method := range []string{http.MethodGet, http.MethodDelete} {
				resp, body := do(t, method, url+"/api", "")
				if resp.StatusCode != http.StatusBadGateway || method == http.MethodGet && !strings.Contains(body, tc.says) {
					t.Errorf("%s: %d %.300s", method, resp.StatusCode, body)
				}
			}
		})
	}
}
