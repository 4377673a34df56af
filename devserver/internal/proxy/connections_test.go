package proxy_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestReusedConnections has upstreams do with a connection, after the first answer,
// what must not reach the second request.
func TestReusedConnections(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for name, after := range map[string]func(conn *net.TCPConn){
		"closed": func(conn *net.TCPConn) { _ = conn.Close() },
		"reset":  func(conn *net.TCPConn) { _ = conn.SetLinger(0); _ = conn.Close() },
		"an unsolicited response": func(conn *net.TCPConn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\n\r\n")
			_, _ = conn.Read(make([]byte, 1)) // until the proxy has read it, and hung up: before, it could pass for the next response
		},
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
			defer close(answered) // lets the upstream end, whatever happens
			url := start(t, rule(target, ""), io.Discard)
			for i := range 3 {
				resp, body := do(t, http.MethodGet, url+"/api", "")
				if resp.StatusCode != http.StatusOK || body != "ok" {
					t.Fatalf("request %d: %d %s", i, resp.StatusCode, body)
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

// TestIdleConnectionsAreClosed awaits the end of a connection that nothing uses.
func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	ended := make(chan time.Duration, 1)
	target := keptUpstream(t, func(conn net.Conn, r *bufio.Reader, _ int) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		idle := time.Now()
		_, _ = r.ReadByte()
		ended <- time.Since(idle)
	})
	if resp, _ := do(t, http.MethodGet, start(t, rule(target, ""), io.Discard)+"/api", ""); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	if after := <-ended; after < 3900*time.Millisecond || after > 8*time.Second {
		t.Errorf("closed after %v", after)
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

// TestRequestsAreNotSentTwice has an upstream close a kept connection when the second
// request arrives on it, and counts the requests that it has seen.
func TestRequestsAreNotSentTwice(t *testing.T) {
	t.Parallel()
	const proof = "DPoP: a.b.c"
	for name, tc := range map[string]struct {
		method, options, header, body string
		seen                          int32 // times
		status                        int
	}{
		"GET":                           {"GET", "", "", "", 2, 200},
		"HEAD":                          {"HEAD", "", "", "", 2, 200},
		"GET with a proof":              {"GET", "", proof, "", 1, 502},
		"OPTIONS with a proof":          {"OPTIONS", "", proof, "", 1, 502},
		"a proof that the rule sets":    {"GET", `, "headers": {"DPoP": "a.b.c"}`, "", "", 1, 502},
		"POST":                          {"POST", "", "", "body", 1, 502},
		"POST without a body":           {"POST", "", "", "", 1, 502},
		"POST with a key":               {"POST", "", "Idempotency-Key: 1", "body", 2, 200},
		"POST with a key and a proof":   {"POST", "", "Idempotency-Key: 1\r\n" + proof, "body", 1, 502},
		"POST with a key and 60 KiB":    {"POST", "", "Idempotency-Key: 1", strings.Repeat("x", 60<<10), 2, 200},
		"POST with a key and 70 KiB":    {"POST", "", "Idempotency-Key: 1", strings.Repeat("x", 70<<10), 1, 502},
		"POST with a key and redirects": {"POST", `, "followRedirects": true`, "Idempotency-Key: 1", "body", 2, 200},
		"PUT with a proof":              {"PUT", "", proof, "body", 1, 502},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen atomic.Int32
			target := keptUpstream(t, func(conn net.Conn, r *bufio.Reader, nth int) {
				for i := 0; ; i++ {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					body, err := io.ReadAll(req.Body)
					if err != nil {
						return
					}
					if req.URL.Path == "/api/second" {
						seen.Add(1)
						if string(body) != tc.body {
							t.Errorf("the body is %q", body)
						}
						if nth == 0 {
							return
						}
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			})
			b := newBrowser(t, start(t, rule(target, tc.options), io.Discard))
			if got := b.ask("GET", "/api/first", ""); got != "200 " {
				t.Fatalf("the first: %s", got)
			}
			header := []string{tc.header}
			if tc.header == "" {
				header = nil
			}
			if tc.method == "HEAD" { // whose response has no body
				send(t, b.conn, "HEAD /api/second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				if got, err := io.ReadAll(b.r); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200") {
					t.Errorf("got %s, %v", got, err)
				}
			} else if got := b.ask(tc.method, "/api/second", tc.body, header...); !strings.HasPrefix(got, strconv.Itoa(tc.status)) {
				t.Errorf("got %s", got)
			} else if tc.status == 502 && strings.Contains(tc.header, "DPoP") && tc.method == "GET" && !strings.Contains(got, "DPoP proof") {
				t.Errorf("the reason is missing: %s", got)
			}
			if n := seen.Load(); n != tc.seen {
				t.Errorf("the upstream saw it %d times", n)
			}
		})
	}
}

// TestClosedTLSConnections has an upstream close kept connections. The end of TLS, which
// cannot be written any more, delays nothing.
func TestClosedTLSConnections(t *testing.T) {
	t.Parallel()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	idle := make(chan net.Conn, 16)
	secure.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateIdle {
			idle <- conn
		}
	}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	b := newBrowser(t, start(t, rule(secure.URL, `, "secure": false`), io.Discard))
	begin := time.Now()
	for range 8 {
		if got := b.ask("GET", "/api", ""); got != "200 " {
			t.Fatal(got)
		}
		conn := (<-idle).(*tls.Conn).NetConn().(*net.TCPConn)
		if err := conn.SetLinger(0); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

// keptUpstream is an upstream that serves each connection by serve, which is handed its
// number. It returns its URL.
func keptUpstream(tb testing.TB, serve func(conn net.Conn, r *bufio.Reader, nth int)) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var serving sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	serving.Go(func() {
		for nth := 0; ; nth++ {
			conn, err := ln.Accept()
			if err != nil {
				return // the test has ended
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			serving.Go(func() {
				serve(conn, bufio.NewReader(conn), nth)
				_ = conn.Close()
			})
		}
	})
	tb.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return "http://" + ln.Addr().String()
}

// TestProofsFollowNoRedirect has a rule follow redirects, but for requests with a proof.
func TestProofsFollowNoRedirect(t *testing.T) {
	t.Parallel()
	var seen atomic.Int32
	target := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		if r.URL.Path == "/api" {
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
		}
	})
	url := start(t, rule(target, `, "followRedirects": true`), io.Discard)
	if resp, _ := do(t, http.MethodGet, url+"/api", "", "DPoP: a.b.c"); resp.StatusCode != http.StatusTemporaryRedirect || seen.Load() != 1 {
		t.Errorf("with a proof: %d, %d requests", resp.StatusCode, seen.Load())
	}
	if resp, _ := do(t, http.MethodGet, url+"/api", ""); resp.StatusCode != http.StatusOK || seen.Load() != 3 {
		t.Errorf("without: %d, %d requests", resp.StatusCode, seen.Load())
	}
}

// TestProofsUseHTTP1 has an upstream that speaks both.
func TestProofsUseHTTP1(t *testing.T) {
	t.Parallel()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	url := start(t, rule(secure.URL, `, "secure": false`), io.Discard)
	if _, got := do(t, http.MethodGet, url+"/api", ""); got != "HTTP/2.0" {
		t.Errorf("without a proof: %s", got)
	}
	if _, got := do(t, http.MethodGet, url+"/api", "", "DPoP: a.b.c"); got != "HTTP/1.1" {
		t.Errorf("with a proof: %s", got)
	}
}

// TestOldConnectionsAreNotUsedForUploads waits longer than the upstream keeps
// connections, by its own words.
func TestOldConnectionsAreNotUsedForUploads(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header      string
		wait        time.Duration
		connections int32 // that the requests use
	}{
		"young":             {"", 0, 1},
		"old, and it said":  {"Keep-Alive: timeout=1, max=100\r\n", 600 * time.Millisecond, 2},
		"young for its say": {"Keep-Alive: timeout=\"60\"\r\n", 1100 * time.Millisecond, 1},
		"old":               {"", 1100 * time.Millisecond, 2},
		"never":             {"Keep-Alive: timeout=0\r\n", time.Millisecond, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var connections atomic.Int32
			target := keptUpstream(t, func(conn net.Conn, r *bufio.Reader, _ int) {
				connections.Add(1)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, req.Body); err != nil {
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+tc.header+"Content-Length: 0\r\n\r\n")
				}
			})
			b := newBrowser(t, start(t, rule(target, ""), io.Discard))
			if got := b.ask("GET", "/api", ""); got != "200 " {
				t.Fatal(got)
			}
			<-time.After(tc.wait) // what is tested
			if got := b.ask("POST", "/api", strings.Repeat("x", 200<<10)); got != "200 " {
				t.Error(got)
			}
			if n := connections.Load(); n != tc.connections {
				t.Errorf("%d connections", n)
			}
		})
	}
}
